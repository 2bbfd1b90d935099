"""Counter-offers and feedback: written by the invited alone, read by the brand alone."""

import csv
import io
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from campaigns import actions
from campaigns.models import Invitation, Remark
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import NOW, address, holder, invited, open_campaign, over_campaign, shown

pytestmark = pytest.mark.django_db

LIST = reverse("admin:campaigns_invitation_changelist")


def signed_in(client: Client, **given: Any) -> Invitation:
    user, person = holder("ann")
    client.force_login(user)
    return invited(person=person, **given)


def test_a_counter_offer_leaves_the_invitation_open(client: Client, airlines: Airlines) -> None:
    invitation = signed_in(client, campaign=open_campaign(brand=airlines.brand))
    assert (
        "sees your counter-offer now"
        in client.post(
            address(invitation), {"answer": "counter_offer", "text": " In June, with my son? \n"}, follow=True
        ).content.decode()
    )
    client.post(address(invitation), {"answer": "counter_offer", "text": "In July <b>"})
    remark = Remark.objects.get()  # the second took the first one's place
    assert (remark.kind, remark.text, remark.rating) == ("counter_offer", "In July <b>", None)
    assert "In July &lt;b&gt;" in client.get(address(invitation)).content.decode()
    client.post(address(invitation), {"answer": "accept"})
    invitation.refresh_from_db()
    assert invitation.state == "accepted"
    client.post(address(invitation), {"answer": "counter_offer", "text": "Or in May"})
    assert Remark.objects.get().text == "In July <b>"


def test_feedback_is_a_rating_or_words_once_accepted(client: Client) -> None:
    invitation = signed_in(client, campaign=over_campaign(), state="accepted", answered_at=NOW)
    for given, stored in (
        ({"rating": "4"}, ("", 4)),
        ({"rating": "5", "text": "Lovely"}, ("Lovely", 5)),
        ({"rating": "6", "text": "!"}, ("Lovely", 5)),
        ({"rating": "²", "text": " "}, ("Lovely", 5)),
        ({"text": "x" * 2001}, ("Lovely", 5)),
        ({"text": "Fine"}, ("Fine", None)),
    ):
        client.post(address(invitation), {"answer": "feedback", **given})
        assert Remark.objects.values_list("text", "rating").get() == stored, given
    assert "Change what I said" in shown(client, address(invitation))


def test_a_line_break_counts_as_the_one_character_that_browsers_count(client: Client) -> None:
    offered = signed_in(client)
    accepted = invited(person=offered.person, state="accepted", answered_at=NOW)
    for invitation, answer in ((offered, "counter_offer"), (accepted, "feedback")):
        # 2,000 characters, of which a browser sends 2,999.
        client.post(address(invitation), {"answer": answer, "text": "x\r\n" * 999 + "xx"})
        assert Remark.objects.get(kind=answer).text == "x\n" * 999 + "xx"


def test_what_the_database_cant_store_is_left_out(client: Client) -> None:
    offered = signed_in(client)
    accepted = invited(person=offered.person, state="accepted", answered_at=NOW)
    for invitation, answer in ((offered, "counter_offer"), (accepted, "feedback")):
        for text in ("\0", " \0 "):
            assert client.post(address(invitation), {"answer": answer, "text": text}).status_code in (200, 302)
            assert not Remark.objects.filter(kind=answer).exists()
        client.post(address(invitation), {"answer": answer, "text": "\0\nMo\0re.\0"})
        assert Remark.objects.get(kind=answer).text == "More."


def test_ones_own_page_has_both(client: Client) -> None:
    offered = signed_in(client)
    accepted = invited(person=offered.person, state="accepted", answered_at=NOW)
    client.post(reverse("answer", args=[offered.pk]), {"answer": "counter_offer", "text": "In June?"})
    client.post(reverse("answer", args=[accepted.pk]), {"answer": "feedback", "text": "Lovely", "rating": "5"})
    page = client.get(reverse("me")).content.decode()
    assert ">In June?</textarea>" in page
    assert ">Lovely</textarea>" in page
    assert '<input type="radio" name="rating" value="5" checked>' in page


def test_nobody_else_writes_or_reads(client: Client, airlines: Airlines) -> None:
    invitation = signed_in(client, campaign=open_campaign(brand=airlines.brand))
    other, _ = holder("bob")
    with pytest.raises(actions.NotYours):
        actions.counter_offer(invitation, text="mine", by=other, now=NOW)
    with pytest.raises(actions.NotYours):
        actions.give_feedback(invitation, text="mine", rating=1, by=other, now=NOW)
    ann = invitation.person.user
    assert ann
    with pytest.raises(actions.NotOpen, match="Accept first"):
        actions.give_feedback(invitation, text="Good", rating=None, by=ann, now=NOW)
    actions.counter_offer(invitation, text="In June?", by=ann, now=NOW)
    client.force_login(other)
    assert "In June?" not in shown(client, address(invitation))
    client.logout()
    assert "In June?" not in shown(client, address(invitation))
    for user, sees in ((airlines.manager, True), (airlines.other_manager, False), (other, False)):
        assert Remark.objects.visible_to(user).exists() is sees


def test_managers_read_it_in_the_list_and_the_file(manager: Client, airlines: Airlines) -> None:
    user, person = holder("ann")
    invitation = invited(person=person, campaign=open_campaign(brand=airlines.brand))
    actions.counter_offer(invitation, text="In <June>?", by=user, now=NOW)
    page = manager.get(LIST).content.decode()
    assert "In &lt;June&gt;?" in page
    chosen = {"action": "export_csv", "_selected_action": [invitation.pk]}
    answer: Any = manager.post(LIST, chosen)
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    assert row["said"] == "counter-offer: In <June>?"
    person.is_hidden = True
    person.save()
    assert "In &lt;June&gt;?" not in manager.get(LIST).content.decode()


def test_the_database_holds_to_it() -> None:
    invitation = invited()
    for given in (
        {"kind": "praise", "text": "x"},
        {"kind": "counter_offer", "text": "x", "rating": 3},
        {"kind": "feedback", "rating": 6},
        {"kind": "feedback", "text": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Remark.objects.create(invitation=invitation, **given)
