"""Every admin address of campaigns and of the influencer list, as the wrong brand, the wrong user and nobody."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from accounts.models import User
from campaigns.actions import add_member
from campaigns.links import make_token
from campaigns.models import (
    AuditEntry,
    Brand,
    Campaign,
    CampaignPlace,
    CampaignPost,
    CampaignReturn,
    ExclusionList,
    Handover,
    Invitation,
    MailText,
    Membership,
    PerkCode,
    Segment,
    Selection,
    Shortlisting,
)
from scoring.models import Influencer
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import (
    NOW,
    ApprovalFactory,
    AuditEntryFactory,
    CampaignFactory,
    CampaignPlaceFactory,
    CampaignPostFactory,
    CampaignReturnFactory,
    ExclusionFactory,
    ExclusionListFactory,
    HandoverFactory,
    InvitationFactory,
    MailTextFactory,
    ParticipantFactory,
    PerkCodeFactory,
    SegmentFactory,
    SelectedFactory,
    SelectionFactory,
    ShortlistingFactory,
)
from tests.factories.scoring import ScoreFactory, TopicFactory, current_run

SECRET = "Zanzibaria"
MODELS: dict[str, type[Model]] = {
    "campaigns_auditentry": AuditEntry,
    "campaigns_brand": Brand,
    "campaigns_campaign": Campaign,
    "campaigns_campaignpost": CampaignPost,
    "campaigns_campaignreturn": CampaignReturn,
    "campaigns_handover": Handover,
    "campaigns_invitation": Invitation,
    "campaigns_membership": Membership,
    "campaigns_perkcode": PerkCode,
    "campaigns_exclusionlist": ExclusionList,
    "campaigns_segment": Segment,
    "campaigns_selection": Selection,
    "campaigns_shortlisting": Shortlisting,
    "scoring_influencer": Influencer,
}
REFUSED = {302, 403, 404}


@pytest.fixture
def secrets(airlines: Airlines) -> Airlines:
    """Give the brand one of everything, with the secret in each name."""
    run = current_run()
    Brand.objects.filter(pk=airlines.brand.pk).update(name=f"{SECRET} Air")
    campaign = CampaignFactory.create(
        brand=airlines.brand, name=f"{SECRET} route", perk_text=SECRET, brief=SECRET, ends_on=date(2099, 1, 1)
    )
    campaign.topics.add(TopicFactory.create())
    CampaignPlaceFactory.create(campaign=campaign, name=SECRET)
    PerkCodeFactory.create(campaign=campaign, code=SECRET)
    MailTextFactory.create(campaign=campaign, subject=SECRET)
    for hidden in (False, True):
        person = PersonFactory.create(name=SECRET if hidden else "", is_hidden=hidden)
        ScoreFactory.create(run=run, person=person)
        ShortlistingFactory.create(campaign=campaign, person=person)
        invitation = InvitationFactory.create(campaign=campaign, person=person, state="accepted", answered_at=NOW)
        CampaignPostFactory.create(invitation=invitation, post_id=SECRET)
        HandoverFactory.create(invitation=invitation, street=SECRET)
    chosen = SelectionFactory.create(campaign=campaign, state=Selection.State.DONE, finished_at=NOW, run=run)
    SelectedFactory.create(selection=chosen, person=person)
    ApprovalFactory.create(selection=chosen, answer="sent_back", remark=SECRET, answered_at=NOW)
    AuditEntryFactory.create(brand=airlines.brand, campaign=campaign, what=SECRET)
    measured = CampaignReturnFactory.create(
        campaign=campaign, state=CampaignReturn.State.DONE, finished_at=NOW, since=NOW, days=28, why=SECRET, tags=SECRET
    )
    ParticipantFactory.create(measured=measured, person=person)
    SegmentFactory.create(brand=airlines.brand, name=f"{SECRET} people", described=[SECRET])
    left_out = ExclusionListFactory.create(brand=airlines.brand, name=SECRET)
    ExclusionFactory.create(exclusion_list=left_out, person=person)
    return airlines


def _addresses() -> Iterator[str]:
    (admin,) = (entry for entry in get_resolver().url_patterns if getattr(entry, "namespace", None) == "admin")
    names = [pattern.name for pattern in _patterns(admin) if pattern.name]
    for stem, model in MODELS.items():
        for name in sorted({name for name in names if name.startswith(f"{stem}_")}):
            keys: list[Any] = [[]]
            if name.rsplit("_", 1)[1] in {
                "change",
                "delete",
                "history",
                "shortlist",
                "influencers",
                "group",
                "audiences",
                "codes",
                "mailing",
                "mails",
                "posts",
                "return",
            }:
                keys = [[key] for key in model._default_manager.values_list("pk", flat=True)]
            yield from (reverse(f"admin:{name}", args=key) for key in keys)


def _patterns(resolver: Any) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield entry
        else:
            yield from _patterns(entry)


def _reads(client: Client, address: str) -> str:
    """Return what an address shows and sends on to, or an empty text where it refuses."""
    response = client.get(address)
    assert response.status_code in {200, *REFUSED}, (address, response.status_code)
    body = response.content.decode() if response.status_code == 200 else ""
    return body + response.get("Location", "")


def test_the_walk_knows_every_page(secrets: Airlines) -> None:
    addresses = list(_addresses())
    campaign = Campaign.objects.get()
    assert reverse("admin:campaigns_campaign_invite_shortlist", args=[campaign.pk]) in addresses
    assert reverse("admin:campaigns_campaign_find_influencers", args=[campaign.pk]) in addresses
    assert reverse("admin:campaigns_campaign_choose_group", args=[campaign.pk]) in addresses
    assert reverse("admin:campaigns_campaign_compare_audiences", args=[campaign.pk]) in addresses
    assert reverse("admin:campaigns_campaign_add_codes", args=[campaign.pk]) in addresses
    assert reverse("admin:campaigns_campaign_mailing", args=[campaign.pk]) in addresses
    assert reverse("admin:campaigns_campaign_mails", args=[campaign.pk]) in addresses
    assert reverse("admin:campaigns_campaign_campaign_return", args=[campaign.pk]) in addresses
    for name in ("count", "segment"):
        assert reverse(f"admin:scoring_influencer_{name}") in addresses
    assert reverse("admin:campaigns_campaign_posts", args=[campaign.pk]) in addresses
    assert len(addresses) == len(set(addresses)) == 104


def test_the_walk_would_notice(secrets: Airlines, client: Client) -> None:
    client.force_login(secrets.manager)
    showing = [address for address in _addresses() if SECRET in _reads(client, address)]
    own = ("campaign", "shortlisting", "invitation", "perkcode", "segment", "exclusionlist", "campaignpost", "handover")
    for name in (*own, "auditentry"):
        assert reverse(f"admin:campaigns_{name}_changelist") in showing


def test_another_brand_reads_nothing(secrets: Airlines, client: Client) -> None:
    client.force_login(secrets.other_manager)
    assert [address for address in _addresses() if SECRET in _reads(client, address)] == []
    campaign, place = Campaign.objects.get(), CampaignPlace.objects.get()
    left_out = ExclusionList.objects.get()
    lists = (
        f"{reverse('admin:scoring_influencer_changelist')}?for={campaign.pk}&near=c{place.pk}&without={left_out.pk}",
        f"{reverse('admin:campaigns_shortlisting_changelist')}?campaign={campaign.pk}",
        f"{reverse('admin:campaigns_invitation_changelist')}?campaign={campaign.pk}",
        f"{reverse('admin:campaigns_perkcode_changelist')}?campaign={campaign.pk}",
        f"{reverse('admin:campaigns_perkcode_changelist')}?q={SECRET[:4]}",
        f"{reverse('admin:campaigns_campaignpost_changelist')}?campaign={campaign.pk}",
        f"{reverse('admin:campaigns_handover_changelist')}?campaign={campaign.pk}",
        f"{reverse('admin:campaigns_handover_changelist')}?q={SECRET[:4]}",
        f"{reverse('admin:campaigns_campaignpost_changelist')}?q={SECRET[:4]}",
        reverse("admin:campaigns_campaign_add"),
        reverse("admin:index"),
    )
    assert [address for address in lists if SECRET in _reads(client, address)] == []


@pytest.mark.slow
def test_another_brand_changes_nothing(secrets: Airlines, client: Client) -> None:
    client.force_login(secrets.other_manager)
    before = _state()
    assert not [file for file in _tried(client) if SECRET in file]
    assert _state() == before


@pytest.mark.slow
def test_a_viewer_changes_nothing_and_takes_nothing_home(secrets: Airlines, client: Client) -> None:
    viewer = User.objects.create_user("viewer")
    add_member(brand=secrets.brand, user=viewer, role=Membership.Role.VIEWER, by=secrets.operator)
    client.force_login(viewer)
    campaign = Campaign.objects.get()
    PerkCodeFactory.create(campaign=campaign, code="OPEN-SESAME")
    asked = InvitationFactory.create(campaign=campaign)
    before = _state()
    pages = {address: _reads(client, address) for address in _addresses()}
    shown = pages[reverse("admin:campaigns_campaign_changelist")]
    assert SECRET in shown  # it is theirs to look at
    for secret in ("OPEN-SESAME", make_token(asked)):
        assert [address for address, page in pages.items() if secret in page] == []
    assert pages[reverse("admin:scoring_influencer_changelist")] == ""
    assert list(_tried(client)) == []
    assert _state() == before


def _tried(client: Client) -> Iterator[str]:
    """Try every action and every form on every page; yield the files that came of it."""
    lists = {stem.rpartition("_")[2] for stem in MODELS}
    actions = (
        *("shortlist_for", "invite", "delete_selected", "renew_links", "export_csv", "hold_codes", "told_by_hand"),
        *("mark_redeemed", "revoke", "take_back", "set_status"),
        *("mark_sent", "mark_booked", "mark_arrived", "put_back"),
        *("remind_now", "reminded_by_hand", "label_seen", "not_about", "about_after_all"),
    )
    for address in _addresses():
        keys = [1, *(row.pk for model in MODELS.values() for row in model._default_manager.all())]
        # Only a list knows actions; to the other pages one is as good as another.
        for action in actions if address.split("/")[-2] in lists else actions[:1]:
            data = {"action": action, "_selected_action": keys, "post": "yes", "confirmed": "1", "number": 3}
            data |= {"fulfilment": "booked", "why": "not ours", "do": "approve", "remark": "no"}
            data |= {"subject": "Taken over", "text": "{link}"} | {f"reference_{key}": "1" for key in keys}
            response = client.post(address, {**data, "campaign": Campaign.objects.get().pk, "name": "Taken over"})
            assert response.status_code in {200, *REFUSED}, (address, action)
            if getattr(response, "streaming", False):
                yield b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("who", ["nobody", "person"])
def test_others_are_not_let_in(secrets: Airlines, client: Client, who: str) -> None:
    if who == "person":
        client.force_login(User.objects.create_user("person"))
    before = _state()
    for address in _addresses():
        assert client.get(address).status_code == 302, address
        assert reverse("admin:login") in client.get(address)["Location"]
        assert client.post(address, {"post": "yes", "confirmed": "1"}).status_code == 302, address
    assert _state() == before


def _state() -> dict[str, list[Any]]:
    rows = {name: model._default_manager.order_by("pk") for name, model in MODELS.items()}
    # What the other brand's manager takes of their own is written down there.
    rows["campaigns_auditentry"] = rows["campaigns_auditentry"].exclude(brand__name="Other Air")
    rows["campaigns_mailtext"] = MailText.objects.order_by("pk")
    return {name: list(found.values_list()) for name, found in rows.items()}
