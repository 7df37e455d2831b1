"""`upstream.dialogue` for any reply and any text."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from radiusmfa.config import dialogues
from radiusmfa.config.upstream_model import Codec, Event, Prompts
from radiusmfa.upstream.dialogue import Reader, UnwritableTextError, fitted, shown
from radiusmfa.wire import codec

pytestmark = pytest.mark.property

_READERS: Final = st.builds(
    Reader, st.sampled_from(dialogues.names()).map(dialogues.shipped), st.sampled_from(Codec)
)
_WORDS: Final = st.sampled_from([
    b"PIN", b"new ", b"enter ", b"Your new PIN is: 4711", b"\r\n", b"\xc3", b"\xa9", b"\0",
])  # fmt: skip
_VALUES: Final = st.one_of(
    st.binary(max_size=253),
    st.lists(_WORDS, max_size=8).map(b"".join),
    st.just(b"x" * 252 + b"\xc3"),
    st.just(b"\0\0\1\x37\2\7E=648"),
)
_ATTRIBUTES: Final = st.lists(st.tuples(st.sampled_from([18, 24, 25, 26, 76]), _VALUES), max_size=8)
_ANY_TEXT: Final = st.text(st.characters(codec=None), max_size=400)


def _packet(code: int, attributes: list[tuple[int, bytes]]) -> codec.Packet:
    body = b"".join(codec.attribute(kind, value) for kind, value in attributes)
    size = 20 + len(body)
    return codec.decode(bytes((code, 7, size >> 8, size & 255)) + bytes(16) + body)


@given(_READERS, st.sampled_from([2, 3, 11]), _ATTRIBUTES, st.sampled_from(Prompts))
def test_any_reply_is_an_event_and_a_printable_text(
    reader: Reader, code: int, attributes: list[tuple[int, bytes]], style: Prompts
) -> None:
    """Whatever a server sends: an event, a printable text, and a Reply-Message for the client."""
    packet = _packet(code, attributes)
    event, text = reader.event(packet), reader.text(packet)
    assert event in Event
    assert all(line.isprintable() for line in text.split("\n"))
    assert text == text.strip()
    octets = fitted(shown(event, text, dialogues.prompt_texts(style)), 253)
    assert 1 <= len(octets) <= 253
    assert not any(octet < 0x20 and octet != 0x0A for octet in octets)


@given(_ANY_TEXT, st.integers(16, 253))
@example("\ud800", 16)
@example(" " * 20, 16)
@example("\x1c" * 20 + ":", 16)
@example("a" + "\u3000" * 20 + "\uff1f", 16)
def test_fitted_text_is_never_too_long_nor_empty(text: str, limit: int) -> None:
    """Whatever the text: 1 to *limit* octets of UTF-8 that are not blank; a short one is whole."""
    octets = fitted(text, limit)
    assert 1 <= len(octets) <= limit
    assert octets.decode("utf-8", "strict").strip()
    if text.strip() and len(text.encode("utf-8", "replace")) <= limit:
        assert octets == text.encode("utf-8", "replace")


@given(_READERS, st.binary(max_size=128))
def test_any_octets_are_written_or_refused(reader: Reader, octets: bytes) -> None:
    """What is written for a server is what was typed, in one of its codecs; or it is refused."""
    try:
        written = reader.written(octets)
    except UnwritableTextError:
        return
    assert written == octets or written.decode("cp1252") == octets.decode("utf-8")
