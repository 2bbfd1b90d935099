"""Reminders: each post once, to who may be written to, whoever sends and whatever breaks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from campaigns import tasks
from campaigns.actions import (
    AlreadyDone,
    NotYours,
    note_label,
    note_reminded,
    put_back,
    remind,
    send_due_reminders,
    take_out,
)
from campaigns.models import Campaign, CampaignPost, Invitation
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import IdentityFactory, PersonFactory, PlaceFactory
from tests.factories.campaigns import NOW, CampaignFactory, CampaignPostFactory, InvitationFactory

LATER = NOW + timedelta(days=1)


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, tags="#maple")
    return made


def author(campaign: Campaign, address: str = "ann@example.org", **given: Any) -> Invitation:
    made: Invitation = InvitationFactory.create(
        campaign=campaign,
        person=PersonFactory.create(email=address, name="Ann Ash", **given),
        state="accepted",
        answered_at=NOW,
    )
    return made


def post_by(invitation: Invitation, **given: Any) -> CampaignPost:
    made: CampaignPost = CampaignPostFactory.create(invitation=invitation, **given)
    return made


def reminders() -> list[str]:
    return list(CampaignPost.objects.order_by("pk").values_list("reminder", flat=True))


def test_one_mail_names_all_of_a_persons_posts(campaign: Campaign, settings: Any, caplog: Any) -> None:
    settings.PUBLIC_URL = "https://sway.example"
    invitation = author(campaign, place=PlaceFactory.create(country="DE"))
    for number in range(22):
        post_by(
            invitation, post_id=f"https://posts.example/{number:02}", at=NOW + timedelta(minutes=number), language="de"
        )

    assert send_due_reminders(now=LATER) == 1
    assert send_due_reminders(now=LATER) == 0

    (message,) = mail.outbox
    assert (message.to, message.subject) == (["ann@example.org"], "Your post about Maple Air shows no label")
    assert "https://posts.example/00" in message.body
    assert "https://posts.example/19" in message.body
    assert "https://posts.example/20" not in message.body
    assert "and 2 more" in message.body
    assert "#werbung" in message.body
    assert "https://sway.example/me#posts" in message.body
    assert "Hello Ann Ash" in message.body
    assert set(reminders()) == {"sent"}
    row = CampaignPost.objects.all()[0]
    assert row.reminded_at is not None
    assert LATER <= row.reminded_at < LATER + timedelta(seconds=30)
    assert "Ann" not in caplog.text
    assert "ann@" not in caplog.text


def test_what_is_not_sent(campaign: Campaign, airlines: Airlines) -> None:
    labelled = post_by(author(campaign), label_state="found", label="#ad")
    hidden = post_by(author(campaign, is_hidden=True))
    out = post_by(author(campaign))
    take_out(out, why="another maple", by=airlines.manager, now=NOW)
    lost = post_by(author(campaign))
    Invitation.objects.filter(pk=lost.invitation_id).update(state="withdrawn")
    old = post_by(author(campaign), reminder="none")
    others = post_by(author(campaign), identity=IdentityFactory.create())

    assert send_due_reminders(now=LATER) == 0
    assert mail.outbox == []
    assert reminders() == ["due", "due", "due", "due", "none", "due"]
    assert [row.pk for row in (labelled, hidden, out, lost, old, others)] == sorted(
        CampaignPost.objects.values_list("pk", flat=True)
    )


def test_without_an_address_the_manager_reminds(campaign: Campaign, airlines: Airlines) -> None:
    post = post_by(author(campaign, ""))
    assert send_due_reminders(now=LATER) == 0
    assert reminders() == ["to_do"]
    note_reminded(post, by=airlines.manager, now=LATER)
    post.refresh_from_db()
    assert (post.reminder, post.reminded_at, post.reminded_by) == ("by_hand", LATER, airlines.manager)
    with pytest.raises(AlreadyDone, match="once"):
        remind(post, by=airlines.manager, now=LATER)
    with pytest.raises(AlreadyDone, match="once"):
        note_reminded(post, by=airlines.manager, now=LATER)


@pytest.mark.parametrize("before", ["none", "failed", "to_do"])
def test_a_manager_has_it_sent(campaign: Campaign, airlines: Airlines, before: str) -> None:
    post = post_by(author(campaign), reminder=before, label_state="unread")
    remind(post, by=airlines.manager, now=LATER)
    assert tasks.send_due_reminders() == 1
    post.refresh_from_db()
    assert (post.reminder, post.reminded_by) == ("sent", airlines.manager)


def test_a_label_that_was_seen_ends_it(campaign: Campaign, airlines: Airlines) -> None:
    post = post_by(author(campaign), remark="vague")
    note_label(post, by=airlines.manager, now=LATER)
    post.refresh_from_db()
    assert (post.label_state, post.remark, post.labelled_at, post.labelled_by, post.reminder) == (
        "by_hand",
        "",
        LATER,
        airlines.manager,
        "none",
    )
    assert send_due_reminders(now=LATER) == 0
    for act in (note_label, remind, note_reminded):
        with pytest.raises(AlreadyDone, match="label"):
            act(post, by=airlines.manager, now=LATER)


def test_what_was_taken_out_comes_back(campaign: Campaign, airlines: Airlines) -> None:
    post = post_by(author(campaign))
    with pytest.raises(AlreadyDone, match="wasn't"):
        put_back(post, by=airlines.manager, now=LATER)
    take_out(post, why="another maple", by=airlines.manager, now=LATER)
    with pytest.raises(AlreadyDone, match="before"):
        take_out(post, why="again", by=airlines.manager, now=LATER)
    with pytest.raises(AlreadyDone):
        remind(post, by=airlines.manager, now=LATER)
    post.refresh_from_db()
    assert (post.taken_out_at, post.taken_out_by, post.taken_out_why) == (LATER, airlines.manager, "another maple")
    put_back(post, by=airlines.manager, now=LATER)
    assert send_due_reminders(now=LATER) == 1


@pytest.mark.parametrize(
    "act",
    [
        remind,
        note_reminded,
        note_label,
        put_back,
        lambda row, **given: take_out(row, why="mine", **given),
    ],
)
def test_others_change_nothing(campaign: Campaign, airlines: Airlines, act: Callable[..., None]) -> None:
    post = post_by(author(campaign))
    before = CampaignPost.objects.values().get()
    for user in (airlines.other_manager, User.objects.create_user("somebody")):
        with pytest.raises(NotYours):
            act(post, by=user, now=LATER)
    assert CampaignPost.objects.values().get() == before


def test_a_claim_of_who_died_is_taken_again(campaign: Campaign) -> None:
    post_by(author(campaign), reminder="sending", sending_since=LATER)
    assert send_due_reminders(now=LATER + timedelta(minutes=9)) == 0
    assert send_due_reminders(now=LATER + timedelta(minutes=11)) == 1


def test_a_server_that_fails_leaves_it_due(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> int:
        raise ConnectionRefusedError

    post_by(author(campaign))
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", down)
    assert send_due_reminders(now=LATER) == 0
    assert reminders() == ["due"]


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_one_mail(campaign: Campaign) -> None:
    for number in range(6):
        invitation = author(campaign, f"a{number}@example.org")
        post_by(invitation)
        post_by(invitation)

    def send(_: int) -> int:
        try:
            return send_due_reminders(now=LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(send, range(3))) == 6
    assert sorted(message.to[0] for message in mail.outbox) == [f"a{number}@example.org" for number in range(6)]
    assert set(reminders()) == {"sent"}


@pytest.mark.parametrize(
    "broken",
    [
        {"label_state": "found"},
        {"label": "#ad"},
        {"label_state": "by_hand"},
        {"reminder": "sending"},
        {"sending_since": NOW},
        {"reminder": "sent"},
        {"reminded_at": NOW},
        {"taken_out_at": NOW},
        {"taken_out_why": "because"},
    ],
)
def test_the_database_keeps_what_belongs_together(campaign: Campaign, broken: dict[str, Any]) -> None:
    post_by(author(campaign))
    with pytest.raises(IntegrityError), transaction.atomic():
        CampaignPost.objects.update(**broken)


def test_a_post_is_there_once(campaign: Campaign) -> None:
    post = post_by(author(campaign))
    with pytest.raises(IntegrityError), transaction.atomic():
        CampaignPostFactory.create(invitation=post.invitation, post=post.post)
