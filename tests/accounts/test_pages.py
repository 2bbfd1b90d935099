"""The home page, signing in and out, and the pages for what went wrong."""

import re
from urllib.robotparser import RobotFileParser

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.defaults import permission_denied, server_error
from pytest_django.fixtures import Settings

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _tries_start_at_none() -> None:
    """The cache in memory outlives a test, and with it what counts against the limit."""
    cache.clear()


def test_nobody_reads_what_this_is_and_can_look_somebody_up(client: Client) -> None:
    response = client.get("/")
    content = response.content.decode()
    assert response.status_code == 200
    assert "Who really moves an audience?" in content
    assert f'action="{reverse("find_profile")}"' in content
    assert f'href="{reverse("account_login")}"' in content


def test_crawlers_read_profiles_and_neither_reactions_nor_what_takes_a_login(client: Client) -> None:
    rules = RobotFileParser()
    rules.parse(client.get("/robots.txt").content.decode().splitlines())
    for address in ("/", "/p/ann", "/about-the-score", "/how-it-works", "/why/ann"):
        assert rules.can_fetch("any", address), address
    closed = [reverse("reactions", args=["ann"]), reverse("invitation", args=["x"]), reverse("join", args=["x"])]
    closed += [reverse(name) for name in ("me", "rest", "account_login", "mfa_index", "admin:index", "api-docs")]
    for address in closed:
        assert not rules.can_fetch("any", address), address


@pytest.mark.parametrize(("is_staff", "there"), [(True, "/admin/"), (False, "/me")])
def test_whoever_is_signed_in_is_led_to_their_work(client: Client, is_staff: bool, there: str) -> None:
    client.force_login(User.objects.create_user("u", is_staff=is_staff))
    assert client.get("/")["Location"] == there


@pytest.mark.parametrize("login", ["ann", "ann@example.org"])
def test_signing_in_by_name_or_address_leads_home(client: Client, login: str) -> None:
    user = User.objects.create_user("ann", "ann@example.org", "long-Enough-77")
    response = client.post(reverse("account_login"), {"login": login, "password": "long-Enough-77"})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(user.pk)
    assert "signed in as" not in client.get("/me").content.decode()


def test_a_wrong_password_is_said_without_saying_who_exists(client: Client) -> None:
    User.objects.create_user("ann", password="long-Enough-77")
    said = []
    for login in ("ann", "nobody"):
        response = client.post(reverse("account_login"), {"login": login, "password": "wrong"})
        assert response.status_code == 200
        assert "_auth_user_id" not in client.session
        said.append(re.findall(r'<ul class="errorlist[^>]*>.*?</ul>', response.content.decode(), re.DOTALL))
    assert said[0] == said[1] != []


def test_a_service_user_cannot_sign_in(client: Client) -> None:
    User.objects.create_user("service", is_service=True)
    for password in ("", "!"):
        client.post(reverse("account_login"), {"login": "service", "password": password})
        assert "_auth_user_id" not in client.session


def test_signing_out_takes_a_form(client: Client) -> None:
    client.force_login(User.objects.create_user("ann"))
    assert "Sign out?" in client.get(reverse("account_logout")).content.decode()
    assert "_auth_user_id" in client.session
    assert client.post(reverse("account_logout")).status_code == 302
    assert "_auth_user_id" not in client.session


def test_nobody_makes_a_login_without_an_invitation(client: Client) -> None:
    given = {"username": "new", "email": "", "password1": "long-Enough-77", "password2": "long-Enough-77"}
    assert "Logins come by invitation" in client.get(reverse("account_signup")).content.decode()
    client.post(reverse("account_signup"), given)
    assert User.objects.count() == 0
    assert "Sign up" not in client.get(reverse("account_login")).content.decode()


def test_a_forgotten_password_is_set_anew_by_mail(client: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    user = User.objects.create_user("ann", "ann@example.org", "long-Enough-77")
    response = client.post(reverse("account_reset_password"), {"email": "ann@example.org"}, follow=True)
    assert response.status_code == 200
    link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link
    page = client.get(link[1], follow=True)
    assert page.status_code == 200
    form = page.redirect_chain[-1][0]
    assert '<link rel="stylesheet"' in page.content.decode()
    client.post(form, {"password1": "another-Enough-78", "password2": "another-Enough-78"})
    user.refresh_from_db()
    assert user.check_password("another-Enough-78")


def test_the_admin_and_e_mails_are_english_whatever_the_browser_asks_for(client: Client) -> None:
    root = User.objects.create_superuser("root", "root@example.org", "long-Enough-77")
    client.post(reverse("account_reset_password"), {"email": root.email}, headers={"accept-language": "de"})
    assert str(mail.outbox[0].subject).endswith("Password Reset Email")
    client.force_login(root)
    page = client.get("/admin/accounts/person/", headers={"accept-language": "ar"}).content.decode()
    assert '<html lang="en" dir="ltr"' in page


def test_asking_for_a_service_users_password_tells_and_sends_nothing(client: Client) -> None:
    service = User.objects.create_user("service", "api@example.org", is_service=True)
    asked = [
        client.post(reverse("account_reset_password"), {"email": address}, follow=True)
        for address in ("api@example.org", "nobody@example.org")
    ]
    assert [message.to for message in mail.outbox] == [["nobody@example.org"]]
    assert asked[0].redirect_chain == asked[1].redirect_chain
    answers = [re.search(r"<main.*</main>", answer.content.decode(), re.DOTALL) for answer in asked]
    assert answers[0]
    assert answers[1]
    assert answers[0][0] == answers[1][0]
    service.refresh_from_db()
    assert not service.has_usable_password()


def test_a_link_from_before_a_login_became_a_service_user_sets_no_password(client: Client) -> None:
    user = User.objects.create_user("service", "api@example.org")
    client.post(reverse("account_reset_password"), {"email": "api@example.org"})
    link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link
    User.objects.update(is_service=True)
    form = client.get(link[1], follow=True).redirect_chain[-1][0]
    response = client.post(form, {"password1": "another-Enough-78", "password2": "another-Enough-78"})
    assert response.status_code == 403
    user.refresh_from_db()
    assert not user.has_usable_password()


@pytest.mark.parametrize("name", ["account_change_password", "account_email", "account_logout"])
def test_the_pages_of_a_login_have_the_sites_frame(client: Client, name: str) -> None:
    client.force_login(User.objects.create_user("ann", password="p"))
    content = client.get(reverse(name)).content.decode()
    assert 'class="skip" href="#main"' in content
    assert re.search(r'<button[^>]*class="button', content)


def test_what_went_wrong_is_said_in_words(client: Client) -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    refused = permission_denied(request, PermissionError())
    assert (refused.status_code, "This isn't open to you" in refused.content.decode()) == (403, True)
    broken = server_error(request)
    assert (broken.status_code, "Something went wrong on our side" in broken.content.decode()) == (500, True)
    missing = client.get("/nothing-here")
    assert (missing.status_code, "There is nothing to see here" in missing.content.decode()) == (404, True)
    forged = Client(enforce_csrf_checks=True).post(reverse("account_login"), {})
    assert (forged.status_code, "Please send it again" in forged.content.decode()) == (403, True)
    assert b"Traceback" not in broken.content + missing.content + forged.content


def test_pages_are_sent_with_the_strict_policy(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
