"""Second factors: who needs one, that nothing leads around it, and what happens when one is lost."""

import re
import subprocess
import sys
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.actions import reset_second_factor
from accounts.models import User
from tests.config.conftest import BASE_DIR

pytestmark = pytest.mark.django_db

PASSWORD = "long-Enough-77"
ADMIN = reverse("admin:index")
ACTIVATE = reverse("mfa_activate_totp")


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.STAFF_MFA = True
    cache.clear()


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", "ann@example.org", PASSWORD, is_staff=True)


def sign_in(client: Client, name: str = "ann", password: str = PASSWORD) -> str:
    """Sign in by password, and return where that leads."""
    return str(client.post(reverse("account_login"), {"login": name, "password": password})["Location"])


def code_for(secret: str, later: int = 0) -> str:
    now = list(yield_hotp_counters_from_time())[1]
    return str(format_hotp_value(hotp_value(secret, now + later)))


def set_up(client: Client) -> str:
    """Set up an authenticator app in a session that is signed in, and return its key."""
    found = re.search(r"<code>([A-Z2-7]{32})</code>", client.get(ACTIVATE).content.decode())
    assert found
    # A code of half a minute ago: the next one hasn't been seen yet when it is asked for.
    done = client.post(ACTIVATE, {"code": code_for(found[1], -1)})
    assert done["Location"] == reverse("mfa_view_recovery_codes")
    return found[1]


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r"<code>(\d{8})</code>", client.get(reverse("mfa_view_recovery_codes")).content.decode())


def is_open(client: Client) -> bool:
    return client.get(ADMIN).status_code == 200


class TestSettingUp:
    def test_staff_are_led_there_when_they_sign_in_and_no_page_opens_before(self, client: Client, ann: User) -> None:
        sign_in(client)
        for page in (ADMIN, reverse("admin:campaigns_campaign_changelist"), reverse("admin:login"), "/admin/nowhere"):
            assert client.get(page)["Location"] == f"{ACTIVATE}?for=admin", page
        page = client.get(ADMIN, follow=True).content.decode()
        assert "The admin opens once this is set up" in page
        set_up(client)
        assert is_open(client)
        assert len(recovery_codes(client)) == 10

    def test_nothing_of_it_needs_what_the_policy_forbids(self, client: Client, ann: User) -> None:
        sign_in(client)
        response = client.get(ACTIVATE)
        page = response.content.decode()
        assert 'src="data:image/svg+xml;base64,' in page
        assert "data:" in response["Content-Security-Policy"].split("img-src")[1].split(";")[0]
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
        set_up(client)
        for name in ("mfa_index", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_deactivate_totp"):
            page = client.get(reverse(name)).content.decode()
            assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page), name
            assert 'class="skip" href="#main"' in page

    def test_a_wrong_code_sets_nothing_up(self, client: Client, ann: User) -> None:
        sign_in(client)
        client.get(ACTIVATE)
        assert "Incorrect code" in client.post(ACTIVATE, {"code": "000000"}).content.decode()
        assert not Authenticator.objects.exists()

    def test_secrets_are_not_kept_as_they_are(self, client: Client, ann: User) -> None:
        sign_in(client)
        secret = set_up(client)
        stored = [str(row.data) for row in Authenticator.objects.all()]
        assert len(stored) == 2
        assert not any(secret in data for data in stored)

    def test_a_session_that_began_long_ago_asks_for_the_password_first(self, client: Client, ann: User) -> None:
        client.force_login(ann)
        assert client.get(ACTIVATE)["Location"].startswith(reverse("account_reauthenticate"))

    def test_who_is_no_staff_may_and_need_not(self, client: Client) -> None:
        User.objects.create_user("bob", password=PASSWORD)
        sign_in(client, "bob")
        assert client.get(reverse("me")).status_code == 200
        set_up(client)
        other = Client()
        assert sign_in(other, "bob") == reverse("mfa_authenticate")

    def test_without_the_setting_a_password_is_enough(self, client: Client, ann: User, settings: Settings) -> None:
        settings.STAFF_MFA = False
        sign_in(client)
        assert is_open(client)


class TestSigningIn:
    @pytest.fixture
    def secret(self, ann: User) -> str:
        first = Client()
        sign_in(first)
        return set_up(first)

    def test_a_password_alone_signs_nobody_in(self, client: Client, secret: str) -> None:
        assert sign_in(client) == reverse("mfa_authenticate")
        assert "_auth_user_id" not in client.session
        assert client.get(ADMIN)["Location"].startswith(reverse("admin:login"))
        wrong = client.post(reverse("mfa_authenticate"), {"code": "000000"})
        assert "Incorrect code" in wrong.content.decode()
        assert "_auth_user_id" not in client.session
        assert client.post(reverse("mfa_authenticate"), {"code": code_for(secret)}).status_code == 302
        assert is_open(client)

    def test_a_code_opens_once(self, client: Client, secret: str) -> None:
        code = code_for(secret)
        for other, opens in ((client, True), (Client(), False)):
            sign_in(other)
            other.post(reverse("mfa_authenticate"), {"code": code})
            assert ("_auth_user_id" in other.session) is opens

    def test_codes_cannot_be_tried_for_long(self, client: Client, secret: str) -> None:
        sign_in(client)
        for _ in range(6):
            client.post(reverse("mfa_authenticate"), {"code": "000000"})
        client.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
        assert "_auth_user_id" not in client.session

    def test_a_recovery_code_opens_once(self, client: Client, ann: User, secret: str) -> None:
        first = Client()
        sign_in(first)
        first.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
        spare = recovery_codes(first)[0]
        sign_in(client)
        client.post(reverse("mfa_authenticate"), {"code": spare})
        assert is_open(client)
        again = Client()
        sign_in(again)
        again.post(reverse("mfa_authenticate"), {"code": spare})
        assert "_auth_user_id" not in again.session

    def test_the_admins_own_form_leads_nowhere_else(self, client: Client, ann: User, secret: str) -> None:
        form = {"username": "ann", "password": PASSWORD, "next": ADMIN}
        assert client.post(reverse("admin:login"), form)["Location"].startswith(reverse("account_login"))
        assert "_auth_user_id" not in client.session
        # Nor for a colleague who is in, by whose session it would take another login's password.
        User.objects.create_user("eve", password=PASSWORD, is_staff=True)
        sign_in(client, "eve")
        set_up(client)
        assert client.post(reverse("admin:login"), form)["Location"] == ADMIN
        assert client.session["_auth_user_id"] == str(User.objects.get(username="eve").pk)

    def test_a_new_password_by_mail_is_no_second_factor(self, client: Client, secret: str) -> None:
        client.post(reverse("account_reset_password"), {"email": "ann@example.org"})
        link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
        assert link
        form = client.get(link[1], follow=True).redirect_chain[-1][0]
        client.post(form, {"password1": "another-Enough-78", "password2": "another-Enough-78"})
        assert "_auth_user_id" not in client.session
        assert sign_in(client, password="another-Enough-78") == reverse("mfa_authenticate")

    def test_a_session_that_proved_nothing_is_asked_before_the_admin_and_before_changes(
        self, client: Client, ann: User, secret: str
    ) -> None:
        client.force_login(ann)  # as a session from before, or any other way of signing in
        for page in (ADMIN, reverse("mfa_index"), reverse("mfa_deactivate_totp"), reverse("mfa_view_recovery_codes")):
            assert client.get(page)["Location"].startswith(reverse("mfa_reauthenticate")), page
        client.post(reverse("mfa_deactivate_totp"))
        assert Authenticator.objects.filter(user=ann).count() == 2
        there = client.get(ADMIN)["Location"]
        assert client.post(there, {"code": code_for(secret), "next": ADMIN})["Location"] == ADMIN
        assert is_open(client)

    def test_with_another_secret_key_no_code_fits(self, client: Client, secret: str, settings: Settings) -> None:
        settings.SECRET_KEY = "another-" * 10
        sign_in(client)
        client.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
        assert "_auth_user_id" not in client.session


class TestLosingOne:
    def test_removing_it_closes_the_admin_until_there_is_another(self, client: Client, ann: User) -> None:
        sign_in(client)
        set_up(client)
        assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
        assert not Authenticator.objects.exists()
        assert client.get(ADMIN)["Location"] == f"{ACTIVATE}?for=admin"

    def test_an_operator_resets_it_and_the_history_says_so(self, client: Client, ann: User) -> None:
        sign_in(client)
        set_up(client)
        User.objects.create_superuser("root", password=PASSWORD)
        operator = Client()
        sign_in(operator, "root")
        set_up(operator)
        form = {"action": "reset_second_factor", "_selected_action": [ann.pk]}
        response = operator.post(reverse("admin:accounts_user_changelist"), form, follow=True)
        assert "Reset: ann." in response.content.decode()
        assert not Authenticator.objects.filter(user=ann).exists()
        assert Authenticator.objects.filter(user__username="root").count() == 2
        entry = LogEntry.objects.get()
        assert (entry.user.username, entry.object_id, entry.get_change_message()) == (
            "root",
            str(ann.pk),
            "Second factor reset.",
        )
        # The session that was open by it isn't any more.
        assert client.get(ADMIN)["Location"] == f"{ACTIVATE}?for=admin"
        assert sign_in(Client()) == "/"

    def test_nobody_else_may(self, ann: User) -> None:
        colleague = User.objects.create_user("owner", is_staff=True)
        Authenticator.objects.create(user=ann, type="totp", data={})
        with pytest.raises(PermissionDenied):
            reset_second_factor(ann, by=colleague)
        assert Authenticator.objects.count() == 1

    def test_the_command_is_for_whom_no_operator_can_help(self, ann: User) -> None:
        Authenticator.objects.create(user=ann, type="totp", data={})
        said = StringIO()
        call_command("reset_second_factor", "ann", stdout=said)
        call_command("reset_second_factor", "ann", stdout=said)
        assert said.getvalue() == "ann: second factor reset\nann has no second factor\n"
        with pytest.raises(CommandError, match="there is no login nobody"):
            call_command("reset_second_factor", "nobody")

    def test_secrets_stand_nowhere_in_the_admin(self, client: Client, settings: Settings) -> None:
        settings.STAFF_MFA = False
        client.force_login(User.objects.create_superuser("root"))
        assert client.get("/admin/mfa/authenticator/").status_code == 404


@pytest.mark.parametrize(
    ("environment", "required"),
    [
        ({}, True),
        ({"DEBUG": "true"}, False),
        ({"STAFF_MFA": "false"}, False),
        ({"DEBUG": "true", "STAFF_MFA": "1"}, True),
    ],
)
def test_where_staff_need_one_unless_told_otherwise(environment: dict[str, str], required: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from config import settings; print(settings.STAFF_MFA)"],
        cwd=BASE_DIR,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{required}\n"
