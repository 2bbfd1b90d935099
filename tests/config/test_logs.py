"""What the site writes into its log."""

import io
import logging
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from config.logs import WithoutSecrets


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Return what Django's loggers write as they do through ours."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(WithoutSecrets())
    logger = logging.getLogger("django")
    logger.addHandler(handler)
    yield text
    logger.removeHandler(handler)


def holding_text(resolver: URLResolver, path: str = "") -> Iterator[str]:
    """Yield what each address of the pages begins with that ends with a text; those of the admin and API hold ids."""
    for entry in resolver.url_patterns:
        here = path + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            yield from holding_text(entry, here) if here not in {"admin/", "api/"} else ()
        elif found := re.search(r"<(?:str|path|slug):|\(\?P<", here):
            yield f"/{here[: found.start()]}"


@pytest.mark.django_db
def test_the_token_of_an_invitation_is_not_logged(client: Client, written: io.StringIO) -> None:
    assert client.get("/i/not-a-token-but-like-one/").status_code == 404
    assert "/i/…" in written.getvalue()
    assert "not-a-token" not in written.getvalue()


@pytest.mark.django_db
def test_no_handle_and_no_token_in_any_address_is_logged(written: io.StringIO) -> None:
    client = Client(enforce_csrf_checks=True)
    beginnings = list(holding_text(get_resolver()))
    assert {"/p/", "/why/", "/reactions/", "/i/", "/join/", "/accounts/password/reset/key/"} < set(beginnings)
    for beginning in beginnings:
        # What a form would send that is forged: refused wherever it goes.
        assert client.post(f"{beginning}ann.example/Ann%20Vega%20'of'%20K%C3%B6ln/").status_code in {403, 404}
        assert written.getvalue().splitlines()[-1].endswith(f": {beginning}…")


@pytest.mark.django_db
def test_all_other_addresses_are_logged(client: Client, written: io.StringIO) -> None:
    assert client.get("/nowhere/at/all").status_code == 404
    assert written.getvalue() == "Not Found: /nowhere/at/all\n"
