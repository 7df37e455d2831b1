"""Tests of `radiusmfa.service.kinds`."""

from __future__ import annotations

from typing import Final, get_args

import pytest

from radiusmfa.config import services
from radiusmfa.config.message_model import Gateway, Smtp, Twilio, Verify
from radiusmfa.config.service_model import Duo, Questions, SecurId, Settings, Yubico
from radiusmfa.secret import Secret
from radiusmfa.service import kinds

KEY: Final = Secret(b"key")


def test_every_kind_can_be_configured_asked_and_examined() -> None:
    """What the file may name has a reader, a dialogue and an examination; nothing else has."""
    every = set(get_args(Settings))
    assert set(kinds.DIALOGUES) == set(kinds.EXAMINATIONS) == every
    assert set(services.KINDS) == {kind.word for kind in every}


@pytest.mark.parametrize(
    ("settings", "servers"),
    [
        (Duo(host="api-1.example", integration_key="", secret_key=KEY), ("https://api-1.example",)),
        (
            SecurId(urls=("https://one:5555", "https://two"), access_key=KEY),
            ("https://one:5555", "https://two"),
        ),
        (
            Yubico(urls=("https://[2001:db8::1]:8443/wsapi/2.0/verify",), client_id=1),
            ("https://[2001:db8::1]:8443",),
        ),
        (Gateway(url="https://sms.example/send/now"), ("https://sms.example",)),
        (Twilio(account="", password=KEY, sender=""), ("https://api.twilio.com",)),
        (Verify(service="", user="", password=KEY), ("https://verify.twilio.com",)),
        (Smtp(host="mail.example", sender=""), ()),
        (Questions(), ()),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, get_args(Settings)) else "",
)
def test_servers_are_named_without_a_path(settings: Settings, servers: tuple[str, ...]) -> None:
    """A connection needs scheme, host and port; the path belongs to the query."""
    assert kinds.servers(settings) == servers


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        (Gateway(url="https://sms.example/send"), ("https://sms.example",)),
        (Smtp(host="mail.example", sender=""), ("smtp://mail.example:587",)),
        (Smtp(host="2001:db8::1", port=25, sender=""), ("smtp://[2001:db8::1]:25",)),
        (Questions(), ()),
    ],
)
def test_places_are_those_of_mail_servers_too(settings: Settings, places: tuple[str, ...]) -> None:
    """A summary says of every service where it is, also if no web is there."""
    assert kinds.places(settings) == places
