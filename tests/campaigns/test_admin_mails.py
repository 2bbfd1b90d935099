"""A campaign's e-mails in the admin: written, seen before they go out, tried on oneself, and then sent so."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from campaigns.actions import MailRefused, NotYours, add_member, send_due_invitations, send_due_reminders, write_mail
from campaigns.models import AuditEntry, Campaign, MailText, Membership
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import open_campaign
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignPostFactory, InvitationFactory, MailTextFactory, ShortlistingFactory

pytestmark = pytest.mark.django_db
TEXT = "Dear {name},\n\ncome and fly: {perk}.\n\n{link}"


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    return open_campaign(brand=airlines.brand, name="Toronto route")


def _page(campaign: Campaign, kind: str = "invitation") -> str:
    return f"{reverse('admin:campaigns_campaign_mails', args=[campaign.pk])}?kind={kind}"


def _text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def _post(client: Client, campaign: Campaign, do: str, kind: str = "invitation", **given: str) -> str:
    given = {"subject": "Fly with {brand}", "text": TEXT} | given
    return _text(client.post(_page(campaign, kind), {"do": do, **given}, follow=True))


def test_the_usual_text_stands_there_until_somebody_writes_another(manager: Client, campaign: Campaign) -> None:
    page = _text(manager.get(_page(campaign)))
    assert "this is the usual text" in page
    assert "{brand} invites you: {perk}" in page
    assert "Maple Air invites you: a flight" in page
    assert "Hello Robin Sample," in page
    assert "Saved. It is sent so from now on." in _post(manager, campaign, "save")
    row = MailText.objects.get()
    assert (row.campaign, row.kind, row.subject, row.text) == (campaign, "invitation", "Fly with {brand}", TEXT)
    page = _text(manager.get(_page(campaign)))
    assert "Written for this campaign." in page
    assert "Fly with Maple Air" in page
    assert "The usual text is sent from now on." in _post(manager, campaign, "usual")
    assert not MailText.objects.exists()
    whats = list(AuditEntry.objects.filter(kind="campaign_changed").values_list("what", flat=True).order_by("pk"))
    assert whats == ["e-mail: invitation written", "e-mail: the usual invitation again"]


def test_the_preview_shows_what_is_typed_and_keeps_nothing(manager: Client, campaign: Campaign) -> None:
    person = PersonFactory.create(name="Ann & <Ash>")
    hidden = PersonFactory.create(name="Hidden", is_hidden=True)
    for one in (person, hidden):
        ShortlistingFactory.create(campaign=campaign, person=one)
    page = manager.get(_page(campaign)).content.decode()
    assert "Ann &amp; &lt;Ash&gt;" in page
    assert "Hidden" not in page
    seen = manager.post(
        _page(campaign), {"do": "preview", "subject": "{perk}", "text": TEXT, "person": str(person.pk)}
    ).content.decode()
    assert "<html" not in seen
    assert "Dear Ann &amp; &lt;Ash&gt;," in seen
    assert "/i/the-personal-link-stands-here" in seen
    assert "Maple Air sends you this through Sway" in seen
    # Whose name one may not see can't be asked for by their id.
    other = PersonFactory.create(name="Elsewhere")
    for one in (hidden, other):
        shown = _post(manager, campaign, "preview", person=str(one.pk))
        assert one.name not in shown
    assert not MailText.objects.exists()
    assert mail.outbox == []


def test_what_is_wrong_is_said_at_its_field_and_keeps_nothing(manager: Client, campaign: Campaign) -> None:
    for do in ("save", "preview", "test"):
        said = _post(manager, campaign, do, text="Hello {nmae} {link}")
        assert "{nmae} stands for nothing here." in said
        assert "The text has to hold {link}" in _post(manager, campaign, do, text="Hello {name}")
        assert "Write a subject." in _post(manager, campaign, do, subject=" ")
    assert "Hello {nmae} {link}" in _post(manager, campaign, "save", text="Hello {nmae} {link}")
    assert not MailText.objects.exists()
    assert mail.outbox == []


def test_what_was_written_is_what_goes_out(manager: Client, campaign: Campaign) -> None:
    seen = _post(manager, campaign, "preview")
    _post(manager, campaign, "save")
    other = open_campaign(brand=campaign.brand, name="Other", starts_on=campaign.starts_on)
    for one in (campaign, other):
        InvitationFactory.create(campaign=one, person__email="ann@example.org", person__name="Ann", delivery="due")
    assert send_due_invitations(now=NOW) == 2
    first, second = mail.outbox
    assert (first.subject, first.body[:28]) == ("Fly with Maple Air", "Dear Ann,\n\ncome and fly: a f")
    assert second.subject == "Maple Air invites you: a flight"
    # The same as was seen, but for the person and the secret link.
    sent = re.sub(r"/i/\S+", "/i/the-personal-link-stands-here", str(first.body)).replace("Ann", "Robin Sample")
    assert " ".join(sent.split()) in seen.replace("&#x27;", "'")


def test_reminders_are_written_the_same_way(manager: Client, campaign: Campaign) -> None:
    assert "Your post about Maple Air shows no label" in _text(manager.get(_page(campaign, "reminder")))
    assert "has to hold {posts}" in _post(manager, campaign, "save", kind="reminder")
    _post(manager, campaign, "save", kind="reminder", text="{name}: {posts} {label} {link}", subject="A label")
    author = InvitationFactory.create(
        campaign=campaign, person__email="ann@example.org", person__name="Ann", state="accepted", answered_at=NOW
    )
    CampaignPostFactory.create(invitation=author, post_id="https://p.example/1")
    assert send_due_reminders(now=NOW) == 1
    assert mail.outbox[0].subject == "A label"
    assert mail.outbox[0].body.startswith("Ann: - 1 March 2026, 12:00 UTC on ")
    assert "https://p.example/1 #ad" in mail.outbox[0].body


def test_a_test_goes_to_oneself_and_not_often(manager: Client, airlines: Airlines, campaign: Campaign) -> None:
    page = _text(manager.get(_page(campaign)))
    assert "Send a test to myself" not in page
    assert "Your login has no e-mail address." in _post(manager, campaign, "test")
    User.objects.filter(pk=airlines.manager.pk).update(email="me@maple.example")
    assert "A test goes to me@maple.example, as typed above" in _text(manager.get(_page(campaign)))
    for _ in range(4):
        said = _post(manager, campaign, "test", to="all@example.org", email="all@example.org")
        assert "A test went to me@maple.example." in said
    assert "You sent five tests within the hour." in _post(manager, campaign, "test")
    assert [message.to for message in mail.outbox] == [["me@maple.example"]] * 4
    assert mail.outbox[0].subject == "Fly with Maple Air"
    assert "/i/the-personal-link-stands-here" in mail.outbox[0].body
    assert not MailText.objects.exists()


def test_only_who_manages_the_campaign_writes_its_mails(client: Client, airlines: Airlines, campaign: Campaign) -> None:
    viewer = User.objects.create_user("viewer", email="viewer@maple.example")
    add_member(brand=airlines.brand, user=viewer, role=Membership.Role.VIEWER, by=airlines.operator)
    MailTextFactory.create(campaign=campaign, text="Zanzibaria {link}")
    for user in (viewer, airlines.other_manager):
        client.force_login(user)
        for do in ("", "preview", "save", "test", "usual"):
            assert client.post(_page(campaign), {"do": do, "subject": "a", "text": "{link}"}).status_code == 404
        assert client.get(_page(campaign)).status_code == 404
        assert not MailText.objects.visible_to(user).exists()
        with pytest.raises(NotYours):
            write_mail(campaign=campaign, kind=MailText.Kind.INVITATION, subject="a", text="{link}", by=user, now=NOW)
    assert MailText.objects.get().text == "Zanzibaria {link}"
    assert mail.outbox == []


def test_the_action_checks_for_itself(airlines: Airlines, campaign: Campaign) -> None:
    with pytest.raises(MailRefused):
        write_mail(
            campaign=campaign, kind=MailText.Kind.INVITATION, subject="a", text="b", by=airlines.manager, now=NOW
        )
    for _ in range(2):
        write_mail(
            campaign=campaign, kind=MailText.Kind.INVITATION, subject="a", text="{link}", by=airlines.manager, now=NOW
        )
    assert MailText.objects.count() == AuditEntry.objects.filter(kind="campaign_changed").count() == 1
