"""What the site writes into its log."""

import io
import logging

import pytest
from django.test import Client

from config.logs import WithoutSecrets


@pytest.mark.django_db
def test_the_token_of_an_invitation_is_not_logged(client: Client) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(WithoutSecrets())
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        assert client.get("/i/not-a-token-but-like-one/").status_code == 404
    finally:
        logger.removeHandler(handler)

    assert "/i/…" in written.getvalue()
    assert "not-a-token" not in written.getvalue()
