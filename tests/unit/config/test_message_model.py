"""Tests of `config.message_model`."""

from __future__ import annotations

import dataclasses

import pytest

from radiusmfa.config.message_model import Channel, Codes, Gateway, Smtp, Twilio, Verify
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.secret import Secret


def test_settings_cannot_be_changed() -> None:
    """They are frozen."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Codes().digits = 4  # type: ignore[misc]


def test_no_password_shows_itself() -> None:
    """In no repr."""
    secret = Secret(b"hunter2")
    for one in (
        Gateway(url="", password=secret),
        Twilio(account="", password=secret, sender=""),
        Verify(service="", user="", password=secret),
        Smtp(host="", password=secret, sender=""),
    ):
        assert "hunter2" not in repr(one)


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (Channel.SMS, ("sms",)),
        (Channel.VOICE, ("voice", "phone", "call")),
        (Channel.EMAIL, ("email", "mail")),
    ],
)
def test_a_channel_says_what_people_need_and_type(channel: Channel, words: tuple[str, ...]) -> None:
    """A device of its kind."""
    found = Verify(service="", user="", password=Secret(b""), channel=channel)
    assert (found.holds, found.words) == (channel.value, words)
    if channel is not Channel.EMAIL:
        other = Twilio(account="", password=Secret(b""), sender="", channel=channel)
        assert (other.holds, other.words) == (channel.value, words)


def test_all_of_them_begin_by_themselves() -> None:
    """Nobody has a code before one was sent."""
    for kind in (Gateway, Twilio, Verify, Smtp):
        assert kind.start_with is StartWith.WORD
