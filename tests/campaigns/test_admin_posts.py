"""The list of posts: what managers see, say, have sent and export."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign, CampaignPost
from tests.asked import tables_asked
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import IdentityFactory, PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, CampaignPostFactory, InvitationFactory

LIST = reverse("admin:campaigns_campaignpost_changelist")


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, name="Toronto", tags="#maple")
    return made


def posted(campaign: Campaign, handle: str, **given: Any) -> CampaignPost:
    person = PersonFactory.create(handle=handle, email=f"{handle}@example.org")
    invitation = InvitationFactory.create(
        campaign=campaign, person=person, state="accepted", answered_at=NOW, sent_at=NOW - timedelta(days=2)
    )
    made: CampaignPost = CampaignPostFactory.create(
        invitation=invitation, **{"post_id": f"https://posts.example/{handle}", **given}
    )
    return made


def act(client: Client, action: str, *posts: CampaignPost, **given: Any) -> str:
    """Do an action and return what the page says after it."""
    data = {"action": action, "_selected_action": [post.pk for post in posts], **given}
    return client.post(LIST, data, follow=True).content.decode()


def test_the_list_says_who_wrote_what_with_which_label(manager: Client, campaign: Campaign) -> None:
    posted(campaign, "ann", label_state="found", label="#ad", remark="buried", reminder="none")
    posted(campaign, "bob", post_id="", reminder="sent", reminded_at=NOW)
    posted(campaign, "cid", post_id="<b>17</b>", label_state="unread", reminder="none")
    page = manager.get(LIST).content.decode()
    for said in ("#ad, among many hashtags", "reminded by e-mail, 1 Mar", "not readable", "&lt;b&gt;17&lt;/b&gt;"):
        assert said in page
    assert 'href="https://posts.example/ann" title="https://posts.example/ann" rel="noreferrer"' in page
    assert "not named yet" in page
    assert "1 Mar 2026, 12:00" in page


def test_the_campaigns_page_counts_them_and_leads_there(manager: Client, campaign: Campaign) -> None:
    page = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    assert "looked through for a label" not in manager.get(page).content.decode()
    posted(campaign, "ann", label_state="found", label="#ad", reminder="none")
    posted(campaign, "bob", reminder="to_do")
    other = CampaignFactory.create(brand=campaign.brand)
    posted(other, "cid")
    shown = " ".join(manager.get(page).content.decode().split())
    for said in ("<b>2</b> found", "<b>1</b> with a label", "<b>1</b> without", "1 to remind by hand"):
        assert said in shown
    there = manager.get(reverse("admin:campaigns_campaign_posts", args=[campaign.pk]))
    assert there["Location"] == f"{LIST}?campaign={campaign.pk}"
    listed = manager.get(there["Location"]).context["cl"].result_list
    assert {row.invitation.person.handle for row in listed} == {"ann", "bob"}
    columns = [manager.get(address).context["cl"].list_display for address in (LIST, there["Location"])]
    assert ["campaign" in some for some in columns] == [True, False]


def test_long_names_of_posts_are_cut(manager: Client, campaign: Campaign) -> None:
    posted(campaign, "ann", post_id="https://posts.example/users/ann/statuses/112233445566")
    posted(campaign, "bob", post_id="urn:" + "x" * 400 + ":the-end")
    page = manager.get(LIST).content.decode()
    assert ">posts.example/u…112233445566</a>" in page
    assert ">urn:xxxxxxxxxxx…xxxx:the-end</span>" in page


def test_remind_now(
    manager: Client, campaign: Campaign, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("campaigns.tasks.send_due_reminders.apply_async", lambda **given: asked.append(given))
    due, labelled = posted(campaign, "ann", reminder="none"), posted(campaign, "bob", label_state="found", label="#ad")
    with django_capture_on_commit_callbacks(execute=True):
        page = act(manager, "remind_now", due, labelled)
    assert "1 reminder is on the way." in page
    assert "1 left as it was. It has a label" in page
    due.refresh_from_db()
    assert due.reminder == "due"
    assert len(asked) == 1
    with django_capture_on_commit_callbacks(execute=True):
        assert "1 left as it was." in act(manager, "remind_now", labelled)
    assert len(asked) == 1


def test_taking_out_asks_why(manager: Client, airlines: Airlines, campaign: Campaign) -> None:
    post = posted(campaign, "ann")
    assert "Take out: 1 post" in act(manager, "not_about", post)
    assert "This field is required" in act(manager, "not_about", post, confirmed="1", why="")
    post.refresh_from_db()
    assert post.taken_out_at is None
    assert "1 post is taken out." in act(manager, "not_about", post, confirmed="1", why="a maple tree")
    post.refresh_from_db()
    assert (post.taken_out_why, post.taken_out_by) == ("a maple tree", airlines.manager)
    assert "taken out: a maple tree" in manager.get(LIST).content.decode()
    assert list(manager.get(LIST, {"about": "yes"}).context["cl"].result_list) == []
    assert "1 post is about the campaign again." in act(manager, "about_after_all", post)


def test_a_label_seen_by_hand_says_by_whom(manager: Client, campaign: Campaign) -> None:
    post, by_hand = posted(campaign, "ann"), posted(campaign, "bob", reminder="to_do")
    assert "1 post is noted as labelled." in act(manager, "label_seen", post)
    assert "seen by hand" in (page := manager.get(LIST).content.decode())
    assert "by manager" in page
    assert "1 post is noted as reminded of." in act(manager, "reminded_by_hand", by_hand)


def test_the_chain_as_a_file(manager: Client, airlines: Airlines, campaign: Campaign) -> None:
    post = posted(campaign, "ann", reminder="sent", reminded_at=NOW + timedelta(days=1), label_state="missing")
    posted(campaign, "=cmd", post_id="")
    hidden = posted(campaign, "hid")
    hidden.invitation.person.is_hidden = True
    hidden.invitation.person.save()
    act(manager, "label_seen", post)
    data = {"action": "export_csv", "_selected_action": [row.pk for row in CampaignPost.objects.all()]}
    response = manager.post(LIST, data)
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = {row["handle"]: row for row in csv.DictReader(text.splitlines())}
    assert rows.keys() == {"ann", "'=cmd"}
    row = rows["ann"]
    assert row["campaign"] == "Toronto"
    assert row["asked"].endswith("If you do, say that Maple Air invited you.")
    assert row["invitation_sent_at"] == "2026-02-27T12:00:00+00:00"
    assert row["accepted_at"] == row["posted_at"] == "2026-03-01T12:00:00+00:00"
    assert (row["post"], row["label"], row["labelled_by"]) == ("https://posts.example/ann", "seen by hand", "manager")
    assert row["labelled_later_at"] != ""
    assert (row["reminder"], row["reminded_at"]) == ("reminded by e-mail", "2026-03-02T12:00:00+00:00")
    assert rows["'=cmd"]["post"] == str(CampaignPost.objects.get(invitation__person__handle="=cmd").post)


def test_who_hid_is_not_listed(manager: Client, campaign: Campaign) -> None:
    post = posted(campaign, "hidden-one")
    post.invitation.person.is_hidden = True
    post.invitation.person.save()
    assert "hidden-one" not in manager.get(LIST).content.decode()
    assert "hidden-one" not in manager.get(LIST, {"q": "hidden"}).context["cl"].result_list
    assert manager.get(reverse("admin:campaigns_campaignpost_change", args=[post.pk])).status_code == 302


def test_twice_the_rows_the_same_queries(manager: Client, campaign: Campaign) -> None:
    first = posted(campaign, "ann")
    manager.get(LIST)
    with tables_asked() as few:
        manager.get(LIST)
    for number in range(5):
        CampaignPostFactory.create(
            invitation=first.invitation, identity=IdentityFactory.create(person=first.invitation.person)
        )
        posted(campaign, f"other{number}")
    with tables_asked() as many:
        manager.get(LIST)
    assert many == few
