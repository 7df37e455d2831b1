"""Tests of `radiusmfa.login.talk`."""

from __future__ import annotations

import base64
import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.login import talk
from radiusmfa.login.talk import Talk, TalkError

FULL: Final = Talk(
    upstream="rsa",
    factor="securid",
    server="192.0.2.9:1812",
    state=b"\0\xfftheirs",
    rounds=3,
    kept=b"\1\0\0keys",
    missing="vip",
)
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]))


def _rows(*values: object) -> bytes:
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe\xff", id="no text"),
        pytest.param(b"rsa", id="no JSON"),
        pytest.param(b"null", id="null"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"[]", id="an empty list"),
        pytest.param(_rows("rsa", "", "", 1, "", "eA=="), id="one too few"),
        pytest.param(
            _rows("rsa", "", "", 1, "", "eA==", "eA==", "eA==", "eA=="), id="one too many"
        ),
        pytest.param(_rows("rsa", "", "", "many", "", "eA==", ""), id="rounds of text"),
        pytest.param(_rows("rsa", "", "", None, "", "eA==", ""), id="no rounds"),
        pytest.param(b'["rsa","","",Infinity,"","eA==",""]', id="endless rounds"),
        pytest.param(b'["rsa","","",NaN,"","eA==",""]', id="rounds that are no number"),
        pytest.param(_rows("rsa", "", "", 1, "", "e", ""), id="half a State"),
        pytest.param(_rows("rsa", "", "", 1, "", "\u00fc===", ""), id="a State of letters"),
        pytest.param(_rows("rsa", "", "", 1, "", "eA==\n", ""), id="a State and a line"),
        pytest.param(_rows("rsa", "", "", 1, "", 7, ""), id="a State that is a number"),
        pytest.param(_rows("rsa", "", "", 1, "", "", None), id="nothing kept, and said so"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_what_nobody_dumped_is_refused(octets: bytes) -> None:
    """Octets that are no dialogue are one error, which shows nothing of them."""
    with pytest.raises(TalkError, match=r"^a dialogue in the store is damaged$"):
        talk.load(octets)


@given(st.binary())
def test_any_octets_are_a_dialogue_or_the_error(octets: bytes) -> None:
    """Whatever the store holds: a dialogue, or the one error."""
    try:
        assert isinstance(talk.load(octets), Talk)
    except TalkError:
        return


@given(st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists))
def test_any_json_is_a_dialogue_or_the_error(value: object) -> None:
    """Whatever JSON somebody puts there: a dialogue, or the one error."""
    try:
        assert isinstance(talk.load(json.dumps(value).encode()), Talk)
    except TalkError:
        return


@given(TEXTS, TEXTS, TEXTS, st.binary(max_size=253), st.integers(0, 100), st.binary(), TEXTS)
def test_what_was_dumped_is_loaded(
    upstream: str, factor: str, server: str, state: bytes, rounds: int, kept: bytes, missing: str
) -> None:
    """Every dialogue comes back as it was, octet for octet."""
    before = Talk(
        upstream=upstream,
        factor=factor,
        server=server,
        state=state,
        rounds=rounds,
        kept=kept,
        missing=missing,
    )
    assert talk.load(talk.dump(before)) == before


def test_dialogue_of_nobody_is_empty() -> None:
    """Without any fields nobody asked, and nothing is kept."""
    empty = Talk()
    assert (empty.upstream, empty.state, empty.kept, empty.rounds) == ("", b"", b"", 0)
    assert talk.load(talk.dump(empty)) == empty


def test_dialogue_does_not_show_its_secrets() -> None:
    """Neither State nor keys are in what a log would print, in clear or written otherwise."""
    shown = repr(FULL)
    assert shown == "Talk('rsa', '192.0.2.9:1812', ...)"
    for secret in (b"theirs", b"keys"):
        assert secret.decode() not in shown
        assert base64.b64encode(secret).decode() not in shown
