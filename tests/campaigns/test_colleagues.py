"""Colleagues invited by e-mail: who may, what the link opens and how often, and that nobody learns who has a login."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from campaigns import tasks
from campaigns.actions import (
    AlreadyDone,
    InvitingRefused,
    NotOpen,
    NotYours,
    add_member,
    invite_colleague,
    invite_colleague_again,
    join_brand,
    remove_member,
    send_colleague_invitations,
    take_invitation_back,
)
from campaigns.actions.colleagues import MOST_A_DAY
from campaigns.links import invitation_url, join_url
from campaigns.models import AuditEntry, ColleagueInvitation, Membership
from tests.campaigns.conftest import Airlines
from tests.campaigns.team import joins
from tests.factories.campaigns import NOW, ColleagueInvitationFactory, InvitationFactory

LIST = reverse("admin:campaigns_colleagueinvitation_changelist")
ADD = reverse("admin:campaigns_colleagueinvitation_add")
NEW = {"username": "ann", "password1": "long-Enough-77", "password2": "long-Enough-77"}


@pytest.fixture
def owner(airlines: Airlines) -> User:
    return joins(airlines, "owner", "owner")


@pytest.fixture
def invited(airlines: Airlines, owner: User) -> ColleagueInvitation:
    return _invite(airlines, owner)


def _invite(
    airlines: Airlines, owner: User, email: str = "ann@example.org", role: str = "manager", now: datetime | None = None
) -> ColleagueInvitation:
    at = now or timezone.now()
    return invite_colleague(brand=airlines.brand, email=email, role=role, by=owner, now=at)


def _address(invited: ColleagueInvitation) -> str:
    return join_url(invited, "")


def _role(user: str, airlines: Airlines) -> str | None:
    found = Membership.objects.filter(brand=airlines.brand, user__username=user).first()
    return found.role if found else None


class TestInviting:
    def test_only_an_owner_or_an_operator_may(self, airlines: Airlines, owner: User) -> None:
        for by in (airlines.manager, joins(airlines, "viewer", "viewer"), airlines.other_manager):
            with pytest.raises(NotYours):
                _invite(airlines, by)
        assert not ColleagueInvitation.objects.exists()
        _invite(airlines, airlines.operator)
        assert ColleagueInvitation.objects.get().invited_by == airlines.operator

    def test_an_address_is_invited_once_case_aside(self, airlines: Airlines, owner: User) -> None:
        _invite(airlines, owner)
        with pytest.raises(InvitingRefused, match="invited already"):
            _invite(airlines, owner, "ANN@example.org")
        with pytest.raises(IntegrityError), transaction.atomic():
            ColleagueInvitationFactory.create(brand=airlines.brand, email="Ann@Example.org")
        ColleagueInvitationFactory.create(brand=airlines.other_brand, email="ann@example.org")

    def test_one_mail_goes_out_with_the_link_and_nobodys_address_is_logged(
        self, invited: ColleagueInvitation, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert tasks.send_colleague_invitations() == 1
        assert tasks.send_colleague_invitations() == 0
        (sent,) = mail.outbox
        assert sent.to == ["ann@example.org"]
        assert sent.subject == "owner invites you to work for Maple Air on Sway"
        assert _address(invited) in str(sent.body)
        invited.refresh_from_db()
        assert invited.delivery == "sent"
        assert "ann@" not in caplog.text

    def test_an_address_that_has_a_login_is_invited_in_the_very_same_way(self, airlines: Airlines, owner: User) -> None:
        User.objects.create_user("known", "known@example.org")
        User.objects.create_user("service", "service@example.org", is_service=True)
        for email in ("known@example.org", "service@example.org", "nobody@example.org"):
            _invite(airlines, owner, email)
        assert send_colleague_invitations(now=timezone.now()) == 3
        client = Client()
        client.force_login(owner)
        rows = client.get(LIST).context["cl"].result_list
        assert {(row.delivery, row.role) for row in rows} == {("sent", "manager")}
        bodies = {re.sub(r"/join/\S+", "", str(message.body)) for message in mail.outbox}
        assert len(bodies) == 1

    def test_a_brand_cannot_write_to_everybody(self, airlines: Airlines, owner: User) -> None:
        for number in range(MOST_A_DAY):
            made = _invite(airlines, owner, f"{number}@example.org")
            # Taking one back gives no other.
            take_invitation_back(made, by=owner, now=timezone.now())
        with pytest.raises(InvitingRefused, match="50 such invitations a day"):
            _invite(airlines, owner)
        assert not ColleagueInvitation.objects.exists()
        other = joins(airlines, "other-owner", "owner")
        with pytest.raises(InvitingRefused):
            _invite(airlines, other)

    def test_the_trail_says_who_invited_and_names_no_address(self, airlines: Airlines, owner: User) -> None:
        first = _invite(airlines, owner, role="viewer")
        take_invitation_back(first, by=owner, now=timezone.now())
        second = _invite(airlines, owner, role="viewer")
        join_brand(second, user=User.objects.create_user("ann"), now=timezone.now())
        told = AuditEntry.objects.filter(brand=airlines.brand, by=owner).order_by("pk").values_list("kind", "what")
        assert list(told) == [
            ("member_invited", f"invitation {first.pk} as viewer"),
            ("member_uninvited", f"invitation {first.pk}"),
            ("member_invited", f"invitation {second.pk} as viewer"),
            ("member_added", "as viewer, by e-mail"),
        ]
        assert AuditEntry.objects.get(kind="member_added", by=owner).member == User.objects.get(username="ann")


class TestJoining:
    def test_who_has_a_login_joins_after_signing_in(
        self, client: Client, airlines: Airlines, invited: ColleagueInvitation
    ) -> None:
        page = client.get(_address(invited)).content.decode()
        assert "Work for Maple Air" in page
        assert f"{reverse('account_login')}?next={quote(_address(invited), safe='')}" in page
        user = User.objects.create_user("bob", "another@example.org")
        client.force_login(user)
        assert "Join as bob" in client.get(_address(invited)).content.decode()
        assert _role("bob", airlines) is None, "opening the page changes nothing"
        assert client.post(_address(invited))["Location"] == reverse("admin:index")
        assert _role("bob", airlines) == "manager"
        assert User.objects.get(pk=user.pk).has_perm("campaigns.add_campaign")

    def test_who_has_none_makes_one_whose_address_is_confirmed(
        self, client: Client, airlines: Airlines, invited: ColleagueInvitation
    ) -> None:
        response = client.post(_address(invited), {**NEW, "email": "somebody-elses@example.org"})
        assert response["Location"] == reverse("admin:index")
        user = User.objects.get(username="ann")
        assert (user.email, user.check_password("long-Enough-77")) == ("ann@example.org", True)
        assert list(EmailAddress.objects.values_list("user", "email", "verified")) == [
            (user.pk, "ann@example.org", True)
        ]
        assert _role("ann", airlines) == "manager"
        assert client.get(reverse("admin:campaigns_campaign_changelist")).status_code == 200

    def test_a_bad_form_makes_nothing_and_says_what_is_wrong(
        self, client: Client, airlines: Airlines, invited: ColleagueInvitation
    ) -> None:
        page = client.post(_address(invited), {**NEW, "password2": "other"}).content.decode()
        assert "same password" in page
        User.objects.create_user("has-it", "ann@example.org")
        page = client.post(_address(invited), NEW).content.decode()
        assert "A login with this address exists: sign in with it." in page
        assert not User.objects.filter(username="ann").exists()
        assert ColleagueInvitation.objects.filter(pk=invited.pk).exists()

    def test_a_link_is_good_once(self, client: Client, airlines: Airlines, invited: ColleagueInvitation) -> None:
        client.post(_address(invited), NEW)
        other = Client()
        other.force_login(User.objects.create_user("eve"))
        for answer in (other.get(_address(invited)), other.post(_address(invited))):
            assert answer.status_code == 404
            assert "This link doesn't work" in answer.content.decode()
        assert _role("eve", airlines) is None
        with pytest.raises(NotOpen):
            join_brand(invited, user=User.objects.get(username="eve"), now=timezone.now())

    @pytest.mark.parametrize(
        "end",
        [
            lambda row, owner: take_invitation_back(row, by=owner, now=timezone.now()),
            lambda row, owner: invite_colleague_again(row, by=owner, now=timezone.now() + timedelta(minutes=6)),
            lambda row, owner: ColleagueInvitation.objects.update(expires_at=timezone.now()),
            lambda row, owner: Membership.objects.filter(user=owner).update(role="manager"),
        ],
        ids=["taken back", "sent anew", "expired", "sender owns the brand no more"],
    )
    def test_a_link_that_is_good_no_more_opens_nothing(
        self,
        client: Client,
        airlines: Airlines,
        owner: User,
        invited: ColleagueInvitation,
        end: Callable[[ColleagueInvitation, User], None],
    ) -> None:
        end(invited, owner)
        client.force_login(User.objects.create_user("eve"))
        assert client.get(_address(invited)).status_code == 404
        assert client.post(_address(invited)).status_code == 404
        with pytest.raises(NotOpen):
            join_brand(invited, user=User.objects.get(username="eve"), now=timezone.now())
        assert _role("eve", airlines) is None

    def test_links_of_campaigns_open_no_team_and_the_other_way_round(
        self, client: Client, invited: ColleagueInvitation
    ) -> None:
        to_campaign = InvitationFactory.create(pk=invited.pk, nonce=invited.nonce)
        theirs = invitation_url(to_campaign, "").replace("/i/", "/join/")
        ours = _address(invited).replace("/join/", "/i/")
        for address in (theirs, ours, "/join/nonsense", "/join/1.x.y"):
            assert client.get(address).status_code == 404, address

    def test_who_works_there_already_keeps_the_role_and_the_link_stays(
        self, client: Client, airlines: Airlines, owner: User
    ) -> None:
        row = _invite(airlines, owner, "owner@example.org", role="viewer")
        client.force_login(owner)
        page = client.post(_address(row)).content.decode()
        assert "You work for Maple Air already, as owner." in page
        assert _role("owner", airlines) == "owner"
        assert ColleagueInvitation.objects.filter(pk=row.pk).exists()
        with pytest.raises(AlreadyDone):
            join_brand(row, user=airlines.manager, now=timezone.now())

    def test_trying_is_limited(self, client: Client, invited: ColleagueInvitation) -> None:
        answers = {client.post(_address(invited), {"username": ""}).status_code for _ in range(25)}
        assert answers == {200, 429}

    @pytest.mark.django_db(transaction=True)
    def test_of_two_who_use_one_link_at_once_one_joins(self, airlines: Airlines) -> None:
        row = _invite(airlines, joins(airlines, "owner", "owner"))
        users = [User.objects.create_user(name) for name in ("one", "two")]
        together = threading.Barrier(2)

        def use(user: User) -> bool:
            try:
                connection.ensure_connection()
                together.wait(30)
                join_brand(row, user=user, now=timezone.now())
            except NotOpen:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(use, users)) == [False, True]
        assert Membership.objects.filter(brand=airlines.brand, user__in=users).count() == 1


class TestSendingAgain:
    def test_not_within_minutes_and_then_under_a_new_link(
        self, airlines: Airlines, owner: User, invited: ColleagueInvitation
    ) -> None:
        with pytest.raises(InvitingRefused, match="less than five minutes"):
            invite_colleague_again(invited, by=owner, now=timezone.now())
        before = _address(invited)
        invite_colleague_again(invited, by=owner, now=timezone.now() + timedelta(minutes=6))
        invited.refresh_from_db()
        assert _address(invited) != before
        assert invited.delivery == "due"

    def test_not_by_others_nor_what_is_gone(
        self, airlines: Airlines, owner: User, invited: ColleagueInvitation
    ) -> None:
        later = timezone.now() + timedelta(hours=1)
        for act in (invite_colleague_again, take_invitation_back):
            with pytest.raises(NotYours):
                act(invited, by=airlines.manager, now=later)
        take_invitation_back(invited, by=owner, now=later)
        for act in (invite_colleague_again, take_invitation_back):
            with pytest.raises(NotOpen):
                act(invited, by=owner, now=later)

    def test_an_address_is_forgotten_a_month_after_its_link(self, airlines: Airlines, owner: User) -> None:
        _invite(airlines, owner, now=NOW)
        send_colleague_invitations(now=NOW + timedelta(days=36))
        assert ColleagueInvitation.objects.exists()
        send_colleague_invitations(now=NOW + timedelta(days=38))
        assert not ColleagueInvitation.objects.exists()
        assert mail.outbox == [], "an expired link isn't sent"

    @pytest.mark.parametrize("leaves", ["demoted", "removed", "inactive"])
    def test_who_sent_it_and_owns_the_brand_no_more_sends_nothing_till_another_owner_does(
        self, client: Client, airlines: Airlines, owner: User, invited: ColleagueInvitation, leaves: str
    ) -> None:
        other = joins(airlines, "other-owner", "owner")
        membership = Membership.objects.get(user=owner)
        if leaves == "demoted":
            add_member(brand=airlines.brand, user=owner, role="manager", by=other)
        elif leaves == "removed":
            remove_member(membership=membership, by=other)
        else:
            User.objects.filter(pk=owner.pk).update(is_active=False)

        assert send_colleague_invitations(now=timezone.now()) == 0
        assert client.get(_address(invited)).status_code == 404
        client.force_login(other)
        assert "sender left" in client.get(LIST).content.decode()
        assert "invited by e-mail" not in client.get(reverse("admin:campaigns_membership_changelist")).content.decode()

        invite_colleague_again(invited, by=other, now=timezone.now() + timedelta(minutes=6))
        assert send_colleague_invitations(now=timezone.now()) == 1
        assert "sender left" not in client.get(LIST).content.decode()


class TestTheOwnersPages:
    def test_an_owner_invites_sends_again_and_takes_back(self, client: Client, airlines: Airlines, owner: User) -> None:
        client.force_login(owner)
        response = client.post(
            ADD, {"email": "ann@example.org", "brand": airlines.brand.pk, "role": "viewer"}, follow=True
        )
        assert "An e-mail with a link goes out within a minute" in response.content.decode()
        row = ColleagueInvitation.objects.get()
        assert (row.email, row.role, row.invited_by) == ("ann@example.org", "viewer", owner)
        assert "1 invited by e-mail hasn't joined yet" in client.get(
            reverse("admin:campaigns_membership_changelist")
        ).content.decode().replace("&#x27;", "'")
        again = client.post(ADD, {"email": "Ann@example.org", "brand": airlines.brand.pk, "role": "owner"})
        assert "This address is invited already" in again.content.decode()
        said = client.post(LIST, {"action": "send_again", "_selected_action": [row.pk]}, follow=True).content.decode()
        assert "It was sent less than five minutes ago." in said
        ColleagueInvitation.objects.update(invited_at=timezone.now() - timedelta(hours=1))
        said = client.post(LIST, {"action": "send_again", "_selected_action": [row.pk]}, follow=True).content.decode()
        assert "1 sent again." in said
        client.post(LIST, {"action": "take_back", "_selected_action": [row.pk]})
        assert not ColleagueInvitation.objects.exists()

    def test_one_more_than_a_day_allows_is_said_beside_the_form_which_stays_filled(
        self, client: Client, airlines: Airlines, owner: User
    ) -> None:
        for number in range(MOST_A_DAY):
            _invite(airlines, owner, f"{number}@example.org")
        client.force_login(owner)
        answer = client.post(ADD, {"email": "ann@example.org", "brand": airlines.brand.pk, "role": "viewer"})
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "A brand sends 50 such invitations a day, and has. Try again tomorrow." in page
        assert 'value="ann@example.org"' in page
        assert ColleagueInvitation.objects.count() == MOST_A_DAY

    def test_an_owner_invites_to_no_other_brand_and_sees_none_of_its_colleagues(
        self, client: Client, airlines: Airlines, owner: User
    ) -> None:
        theirs = ColleagueInvitationFactory.create(brand=airlines.other_brand, email="theirs@example.org")
        client.force_login(owner)
        client.post(ADD, {"email": "ann@example.org", "brand": airlines.other_brand.pk, "role": "viewer"})
        assert ColleagueInvitation.objects.count() == 1
        assert "theirs@example.org" not in client.get(LIST).content.decode()
        client.post(LIST, {"action": "take_back", "_selected_action": [theirs.pk]})
        assert ColleagueInvitation.objects.filter(pk=theirs.pk).exists()

    @pytest.mark.parametrize("role", ["manager", "viewer"])
    def test_managers_and_viewers_have_no_business_there(self, client: Client, airlines: Airlines, role: str) -> None:
        client.force_login(joins(airlines, "somebody", role))
        assert client.get(LIST).status_code == 403
        assert (
            client.post(ADD, {"email": "a@example.org", "brand": airlines.brand.pk, "role": "owner"}).status_code == 403
        )
        assert not ColleagueInvitation.objects.exists()

    def test_whoever_is_removed_takes_what_they_sent_along(
        self, client: Client, airlines: Airlines, owner: User, invited: ColleagueInvitation
    ) -> None:
        second = joins(airlines, "second", "owner")
        remove_member(membership=Membership.objects.get(user=owner), by=second)
        assert client.get(_address(invited)).status_code == 404
        invite_colleague_again(invited, by=second, now=timezone.now() + timedelta(hours=1))
        invited.refresh_from_db()
        assert client.get(_address(invited)).status_code == 200
