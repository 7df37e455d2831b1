"""Tests of `radiusmfa.config.profile_model`."""

from __future__ import annotations

import dataclasses
import re

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.profile_model import Challenge, Fact, Group, Profile

APPENDING = Profile(
    name="x", title="X", modes=(Mode.APPEND,), challenge=Challenge.NO, reply=("Class", "Filter-Id")
)


@pytest.mark.parametrize("section", [Profile, Group])
def test_profile_is_frozen_and_explained(section: type) -> None:
    """A profile is a frozen value, and its docstring explains each setting."""
    assert section.__dataclass_params__.frozen  # type: ignore[attr-defined]
    explained = re.findall(r"^ {4,8}([a-z_]+): ", section.__doc__ or "", re.MULTILINE)
    assert explained == [field.name for field in dataclasses.fields(section)]


def test_choices_are_the_words_of_the_file() -> None:
    """What is written in the file is the value itself."""
    assert [str(word) for word in Challenge] == ["yes", "text", "no"]
    assert [str(word) for word in Fact] == ["yes", "no", "unknown"]


@pytest.mark.parametrize("challenge", list(Challenge))
def test_device_without_challenges_shows_none(challenge: Challenge) -> None:
    """Only `no` is no."""
    profile = dataclasses.replace(APPENDING, challenge=challenge)
    assert profile.shows_challenges is (challenge is not Challenge.NO)


@pytest.mark.parametrize("mode", list(Mode))
def test_device_can_do_its_modes_and_proxy(mode: Mode) -> None:
    """A mode is one that the profile names; `proxy` goes with every device."""
    assert APPENDING.can_do(mode) is (mode in {Mode.APPEND, Mode.PROXY})


def test_what_is_not_understood_is_named_in_order() -> None:
    """Case and tag do not count; a profile that names none understands whatever there is."""
    names = ["Tunnel-Type:1", "CLASS", "filter-id:2", "Framed-Pool"]
    assert APPENDING.not_understood(names) == ["Tunnel-Type:1", "Framed-Pool"]
    assert not dataclasses.replace(APPENDING, reply=()).not_understood(names)
