"""Tests of `radiusmfa.config.model`."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

from radiusmfa.config import model
from radiusmfa.config.model import LOCAL, LOCAL_FACTORS, NONE, Client, Mode, Tri
from radiusmfa.secret import Secret

SECTIONS = [found for _, found in inspect.getmembers(model, dataclasses.is_dataclass)]


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_are_frozen_and_explained(section: type) -> None:
    """Each section is a frozen value, and its docstring explains each setting."""
    assert section.__dataclass_params__.frozen  # type: ignore[attr-defined]
    explained = re.findall(r"^ {4,8}([a-z_]+): ", section.__doc__ or "", re.MULTILINE)
    assert explained == [field.name for field in dataclasses.fields(section)]


def test_client_is_safe_by_default() -> None:
    """A client that says nothing more must sign, and gets signed replies."""
    client = Client(name="x", networks=(), secret=Secret(b""))
    assert client.require_message_authenticator is Tri.YES
    assert client.limit_proxy_state is Tri.AUTO
    assert client.sign_replies
    assert not client.weak_secret
    assert client.mode is Mode.CHALLENGE
    assert client.primary == LOCAL
    assert client.factors == LOCAL_FACTORS
    assert client.when_unavailable == ()
    assert client.attempts == 1


def test_choices_are_the_words_of_the_file() -> None:
    """What is written in the file is the value itself."""
    assert [str(mode) for mode in Mode] == [
        "step-up", "append", "challenge", "auto", "proxy",
    ]  # fmt: skip
    assert [str(choice) for choice in Tri] == ["yes", "no", "auto"]
    assert (LOCAL, NONE) == ("local", "none")
    assert LOCAL_FACTORS == ("totp", "hotp", "yubikey", "recovery")


def test_configuration_never_shows_a_secret() -> None:
    """A client in a log or an error shows no secret."""
    assert "hunter2" not in repr(Client(name="x", networks=(), secret=Secret(b"hunter2")))
