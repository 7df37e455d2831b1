"""Who we are to RSA: the signature of the vectors, and what is never sent with it."""

from __future__ import annotations

from typing import Any

import pytest

from radiusmfa.config.service_model import SecurId
from radiusmfa.secret import Secret
from radiusmfa.service import securid_signing
from tests.families import family

PATH = "/mfa/v1_1/authn/verify"


def _settings(key: str, **values: Any) -> SecurId:  # noqa: ANN401 - see `SecurId`
    return SecurId(urls=(), access_key=Secret(key.encode()), **values)


@pytest.mark.parametrize(
    ("inputs", "expected"), family("securid", lambda row: row["op"] == "signature")
)
def test_signature_is_that_of_the_vectors(inputs: dict[str, Any], expected: dict[str, str]) -> None:
    """HMAC-SHA256 over method, hash of the body, path, date and id."""
    settings = _settings(inputs["access_key_text"], access_id=inputs["access_id_text"])
    body = inputs["body_text"].encode()

    made = securid_signing.signature(settings, inputs["path_text"], body, inputs["date_text"])

    assert made == expected["signature_b64"]


def test_headers_without_an_id_carry_the_key() -> None:
    """Mode 0."""
    headers = dict(securid_signing.headers(_settings("secret-key"), PATH, b"{}", 0))
    assert headers == {"client-key": "secret-key", "Content-Type": "application/json"}


def test_headers_with_an_id_carry_no_key() -> None:
    """Mode 1: date, id and signature, under the names of the configuration."""
    settings = _settings(
        "secret-key", access_id="me", date_header="X-Date", id_header="X-Id", signature_header="X-S"
    )
    headers = dict(securid_signing.headers(settings, PATH, b"{}", 1_605_622_320))
    assert list(headers) == ["X-Date", "X-Id", "X-S", "Content-Type"]
    assert headers["X-Date"] == "Tue, 17 Nov 2020 14:12:00 GMT"
    assert headers["X-Id"] == "me"
    assert "secret-key" not in repr(headers)
