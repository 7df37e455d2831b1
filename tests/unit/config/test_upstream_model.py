"""Tests of `radiusmfa.config.upstream_model`."""

from __future__ import annotations

import dataclasses
import inspect
import re
from enum import StrEnum

import pytest

from radiusmfa.config import upstream_model
from radiusmfa.config.upstream_model import (
    AliveCheck,
    Codec,
    Event,
    Passing,
    Prompts,
    Server,
    StartWith,
    Upstream,
    UpstreamFactor,
    Use,
    UserName,
    Users,
)
from radiusmfa.secret import Secret

SECTIONS = [found for _, found in inspect.getmembers(upstream_model, dataclasses.is_dataclass)]
WORDS = [
    found
    for _, found in inspect.getmembers(upstream_model, inspect.isclass)
    if issubclass(found, StrEnum) and found is not StrEnum
]


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_are_frozen_and_explained(section: type) -> None:
    """Each section is a frozen value, and its docstring explains each setting."""
    assert section.__dataclass_params__.frozen  # type: ignore[attr-defined]
    explained = re.findall(r"^ {4,8}([a-z_]+): ", section.__doc__ or "", re.MULTILINE)
    assert explained == [field.name for field in dataclasses.fields(section)]


@pytest.mark.parametrize("words", WORDS)
def test_choices_are_words_of_the_file(words: type[StrEnum]) -> None:
    """What is written in the file is the value itself: small letters, digits and dashes."""
    for word in words:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", word)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (Use, ["fail-over", "spread"]),
        (AliveCheck, ["status-server", "access-request", "none"]),
        (StartWith, ["code", "password", "word"]),
        (Users, ["everyone", "assigned"]),
        (Codec, ["utf-8", "cp1252"]),
        (Prompts, ["relay", "plain", "asa-sdi", "citrix-wi"]),
    ],
)
def test_words_are_those_documented(words: type[StrEnum], expected: list[str]) -> None:
    """The words do not change: files hold them."""
    assert [str(word) for word in words] == expected


def test_events_are_stable() -> None:
    """Events stand in audit lines and in dialogues of sites."""
    assert len(Event) == 18
    assert [str(event) for event in Event][-2:] == ["denied", "other"]


def test_server_is_safe_by_default() -> None:
    """A server that says nothing more must sign, and is looked at by Status-Server."""
    server = Server(host="192.0.2.1", secret=Secret(b""))
    assert server.require_message_authenticator
    assert not server.weak_secret
    assert server.port == 1812
    assert server.alive_check is AliveCheck.STATUS_SERVER


def test_upstream_passes_everything_by_default() -> None:
    """Both directions pass all but what never passes; names are not rewritten."""
    upstream = Upstream(name="x", servers=())
    assert (upstream.send, upstream.take) == (Passing(), Passing())
    assert Passing().everything
    assert upstream.user_name == UserName()
    assert upstream.use is Use.FAIL_OVER
    assert upstream.codec is Codec.UTF_8


def test_factor_asks_for_a_code_by_default() -> None:
    """A factor is everybody's who has no token, and begins with a passcode that is asked for."""
    factor = UpstreamFactor(name="x", upstream="y")
    assert factor.users is Users.EVERYONE
    assert factor.start_with is StartWith.CODE
    assert factor.tail == 0


def test_server_never_shows_a_secret() -> None:
    """An upstream in a log or an error shows no secret."""
    server = Server(host="192.0.2.1", secret=Secret(b"hunter2"))
    assert "hunter2" not in repr(Upstream(name="x", servers=(server,)))
