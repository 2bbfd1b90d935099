"""How e-mails go to a mail server: many over one connection, and what becomes of them when the server ends it."""

import pytest
from pytest_django import Settings

from campaigns.actions import send_due_invitations
from campaigns.models import Invitation
from tests.campaigns.mail_server import mail_server
from tests.factories.campaigns import NOW, InvitationFactory

pytestmark = pytest.mark.django_db


def _due(*names: str) -> None:
    for name in names:
        InvitationFactory.create(person__email=f"{name}@example.org", delivery="due")


def _delivery() -> list[str]:
    return list(Invitation.objects.order_by("pk").values_list("delivery", flat=True))


def _names(taken: list[list[str]]) -> list[list[str]]:
    return [[address.removesuffix("@example.org") for address in addresses] for addresses in taken]


def test_all_that_is_due_goes_over_one_connection(settings: Settings) -> None:
    _due("a", "b", "c")
    with mail_server(settings) as server:
        assert send_due_invitations(now=NOW) == 3
    assert _names(server.taken) == [["a", "b", "c"]]
    assert server.heard[-1].upper() == "QUIT"


def test_what_was_put_off_does_not_come_first_each_minute(settings: Settings) -> None:
    _due("a", "b", "c")
    with mail_server(settings) as server:
        assert send_due_invitations(now=NOW.replace(minute=1)) == 3
    assert _names(server.taken) == [["b", "c", "a"]]


def test_after_a_refusal_the_rest_goes_over_another(settings: Settings) -> None:
    _due("a", "gone", "b", "c")
    with mail_server(settings) as server:
        assert send_due_invitations(now=NOW) == 3
    assert _names(server.taken) == [["a"], ["b", "c"]]
    assert _delivery() == ["sent", "failed", "sent", "sent"]


@pytest.mark.parametrize(
    ("command", "answer"), [("MAIL", ""), ("MAIL", "421 4.7.0 enough"), ("RCPT", "421 4.7.0 enough"), (".", "")]
)
def test_a_server_that_takes_two_at_a_time_gets_each_once(settings: Settings, command: str, answer: str) -> None:
    def two_at_a_time(taken: list[str], line: str) -> str | None:
        return answer if len(taken) == 2 and line.upper().startswith(command) else None

    _due("a", "b", "c", "d", "e")
    with mail_server(settings, two_at_a_time) as server:
        assert send_due_invitations(now=NOW) == 4
        assert _delivery() == ["sent", "sent", "due", "sent", "sent"]
        assert set(Invitation.objects.values_list("sending_since", flat=True)) == {None}
        assert send_due_invitations(now=NOW) == 1
    assert _names(server.taken) == [["a", "b"], ["d", "e"], ["c"]]


@pytest.mark.parametrize(("command", "answer"), [("EHLO", ""), ("MAIL", "421 4.3.2 closing"), (".", "")])
def test_of_a_server_that_takes_nothing_everything_stays_due(settings: Settings, command: str, answer: str) -> None:
    _due("a", "b", "c")
    with mail_server(settings, lambda taken, line: answer if line.upper().startswith(command) else None) as server:
        assert send_due_invitations(now=NOW) == 0
    assert server.taken == [[]]
    assert _delivery() == ["due", "due", "due"]
    assert set(Invitation.objects.values_list("sending_since", "sent_at")) == {(None, None)}


def test_where_no_server_listens_everything_stays_due(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    _due("a", "b")
    with mail_server(settings):
        pass
    assert send_due_invitations(now=NOW) == 0
    assert _delivery() == ["due", "due"]
    assert "mail server: ConnectionRefusedError; the invitations left are tried again" in caplog.text
