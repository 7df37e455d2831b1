"""Tests of `radiusmfa.secret`."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from radiusmfa.secret import Secret

HIDDEN = Secret(b"correct horse")


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(repr(HIDDEN), id="repr"),
        pytest.param(str(HIDDEN), id="str"),
        pytest.param(f"{HIDDEN}", id="f-string"),
        pytest.param(f"{HIDDEN!r:>20}", id="f-string with width"),
        pytest.param("%s %r" % (HIDDEN, [HIDDEN]), id="percent"),  # noqa: UP031 - old logs do it
        pytest.param(repr({"a": (HIDDEN,)}), id="inside others"),
    ],
)
def test_secret_does_not_show_itself(shown: str) -> None:
    """However a secret is printed, its octets are not in it."""
    assert "correct" not in shown
    assert "Secret(...)" in shown


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_secret_is_not_copied_out(copying: object) -> None:
    """A secret cannot be pickled or copied."""
    assert callable(copying)
    with pytest.raises(TypeError, match="not pickled"):
        copying(HIDDEN)


def test_secret_is_no_key_and_no_json() -> None:
    """A secret cannot be a dictionary's key, nor be written as JSON."""
    with pytest.raises(TypeError):
        hash(HIDDEN)
    with pytest.raises(TypeError):
        json.dumps({"password": HIDDEN})
    assert not hasattr(HIDDEN, "__dict__")


def test_secret_equals_a_secret_of_the_same_octets_only() -> None:
    """Two secrets are equal if their octets are; octets alone are never equal to a secret."""
    assert Secret(b"correct horse") == HIDDEN
    assert Secret(b"correct hors") != HIDDEN
    assert Secret(b"") != HIDDEN
    assert HIDDEN != b"correct horse"
    assert HIDDEN != "correct horse"


def test_secret_reveals_its_octets() -> None:
    """`reveal` is the one way to the octets; the length is not hidden."""
    assert HIDDEN.reveal() == b"correct horse"
    assert len(HIDDEN) == 13
