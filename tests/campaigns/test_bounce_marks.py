"""What the manager and the operator see of e-mails that came back, and what a mark taken off lets out."""

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.actions import erase_person
from accounts.models import Person
from campaigns.actions import send_due_invitations, take_bounce, take_off_marks
from campaigns.models import BouncedAddress, Notice
from tests.campaigns.bounced import bounce, bounce_address, delivery_of, sent
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import open_campaign
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.campaigns import NOW, BouncedAddressFactory, InvitationFactory, NoticeFactory

__all__ = ["bounce_address"]


@pytest.mark.django_db
def test_the_manager_sees_it_and_gets_the_link_to_send(manager: Client, airlines: Airlines) -> None:
    campaign = open_campaign(brand=airlines.brand)
    invitation, sender = sent(campaign=campaign)
    rows = reverse("admin:campaigns_invitation_changelist")
    assert "Copy" not in manager.get(rows).content.decode()
    take_bounce(bounce(sender), now=NOW)
    for address in (rows, reverse("admin:campaigns_campaign_change", args=[campaign.pk])):
        page = manager.get(address).content.decode()
        assert "e-mail came back" in page
        assert "Copy" in page
        assert "ann@example.org" not in page.lower()
    for asked in ({"delivery__exact": "bounced"}, {"for_you": "send"}):
        assert manager.get(rows, asked).context["cl"].result_count == 1
    assert manager.get(rows, {"for_you": "tell"}).context["cl"].result_count == 0
    assert manager.get(reverse("admin:campaigns_bouncedaddress_changelist")).status_code in {302, 403}
    assert not BouncedAddress.objects.visible_to(airlines.manager).exists()
    assert invitation.person.name == "Ann Ash"


@pytest.mark.django_db
def test_an_operator_takes_a_mark_off_and_it_goes_with_its_person(client: Client, airlines: Airlines) -> None:
    client.force_login(airlines.operator)
    first, second = BouncedAddressFactory.create(address="a@example.org"), BouncedAddressFactory.create()
    assert "a@example.org" in client.get(reverse("admin:campaigns_bouncedaddress_changelist")).content.decode()
    client.post(reverse("admin:campaigns_bouncedaddress_delete", args=[first.pk]), {"post": "yes"})
    assert list(BouncedAddress.objects.all()) == [second]
    erase_person(second.person, by=airlines.operator, now=NOW)
    assert not BouncedAddress.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("at_once", [False, True])
def test_a_mark_that_is_taken_off_lets_out_what_is_open(client: Client, airlines: Airlines, at_once: bool) -> None:
    mark = BouncedAddressFactory.create(address="ann@example.org")
    person = PersonFactory.create(email="Ann@Example.org")
    back, failed = (InvitationFactory.create(person=person, delivery=state) for state in ("bounced", "failed"))
    by_hand = InvitationFactory.create(person=person, delivery="by_hand")
    answered = InvitationFactory.create(person=person, delivery="bounced", state="declined", answered_at=NOW)
    notice = NoticeFactory.create(invitation__person=person, delivery="bounced")
    # Bob has another address to be written to by now; that of before is nothing that anybody uses.
    bob = PersonFactory.create(email="ann@example.org")
    Person.objects.filter(pk=bob.pk).update(
        user=UserFactory.create(email="bob@example.org"), claimed_at=NOW, claimed_via="invitation"
    )
    elsewhere = InvitationFactory.create(person=bob, delivery="bounced")
    take_off_marks([mark], by=airlines.manager)
    assert (BouncedAddress.objects.count(), delivery_of(back)) == (1, "bounced")

    client.force_login(airlines.operator)
    if at_once:
        data = {"action": "delete_selected", "_selected_action": [mark.pk], "post": "yes"}
        client.post(reverse("admin:campaigns_bouncedaddress_changelist"), data)
    else:
        client.post(reverse("admin:campaigns_bouncedaddress_delete", args=[mark.pk]), {"post": "yes"})
    assert not BouncedAddress.objects.exists()
    assert [delivery_of(row) for row in (back, failed, by_hand, answered, elsewhere)] == [
        *("due", "due", "by_hand", "bounced", "bounced"),
    ]
    assert Notice.objects.get(pk=notice.pk).delivery == "due"
    assert send_due_invitations(now=NOW) == 2
    assert {message.to[0] for message in mail.outbox} == {"Ann@Example.org"}


@pytest.mark.django_db
def test_a_mark_is_for_good_and_of_an_address() -> None:
    for wrong in ({"address": ""}, {"status": "4.2.2"}, {"status": "5.7.26"}, {"status": "5.0.0"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BouncedAddressFactory.create(**wrong)
