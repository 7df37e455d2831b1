"""Tests of `radiusmfa.upstream.kept`."""

from __future__ import annotations

from typing import Final

import pytest
from pyrad import packet as pyrad

from radiusmfa.upstream import kept as keeping
from radiusmfa.upstream.kept import EMPTY, Hidden, Kept
from radiusmfa.wire import codec, password, vendor

CLIENT: Final = b"the client's secret"
ANSWERED: Final = bytes(range(100, 116))
KEY: Final = b"sixteen octets.\0"
CLASS: Final = codec.attribute(25, b"session")
OPAQUE: Final = codec.attribute(26, b"\0\0\0\x09\1\xffx")
KEYS: Final = (Hidden(311, 16, b"", KEY), Hidden(311, 17, b"", KEY[::-1]))


def _packet(body: bytes) -> codec.Packet:
    size = 20 + len(body)
    return codec.decode(bytes((2, 7, size >> 8, size & 255)) + bytes(16) + body)


def _seal(kept: Kept, drawn: bytes = b"\x12\x34") -> bytes:
    return keeping.seal(kept, CLIENT, ANSWERED, lambda size: drawn[:size])


def test_client_opens_each_key() -> None:
    """Each is hidden with the client's secret and the authenticator of its request."""
    rows = (*KEYS, Hidden(0, 69, b"\3", b"tunnel"), Hidden(311, 12, b"", KEY + bytes(16)))
    packet = _packet(_seal(Kept(CLASS, rows)))
    theirs = pyrad.AuthPacket(id=1, secret=CLIENT, authenticator=ANSWERED)
    assert packet.value(25) == b"session"
    first, second, old = (value[6:] for value in packet.values(26))
    assert (theirs.SaltDecrypt(first), theirs.SaltDecrypt(second)) == (KEY, KEY[::-1])
    assert password.recover(old, CLIENT, ANSWERED) == KEY.rstrip(b"\0")
    value = packet.value(69) or b""
    assert (value[:1], theirs.SaltDecrypt(value[1:])) == (b"\3", b"tunnel")


def test_value_too_long_for_a_vendor_is_left_out() -> None:
    """Nothing is cut: what does not fit stays behind."""
    assert keeping.encoded((9, 1), bytes(247)) == vendor.encode(9, 1, bytes(247))
    assert not keeping.encoded((9, 1), bytes(248))


@pytest.mark.parametrize("drawn", [b"\0\0", b"\xff\xff", b"\x7f\xfe", b"\x80\0"])
def test_salts_differ_and_have_the_top_bit(drawn: bytes) -> None:
    """No two values in one packet share a salt, whatever was drawn."""
    kept = Kept(b"", tuple(Hidden(311, 16, b"", bytes((number,))) for number in range(40)))
    salts = [value[6:8] for value in _packet(_seal(kept, drawn)).values(26)]
    assert len(set(salts)) == 40
    assert all(one[0] & 0x80 for one in salts)


def test_nothing_is_drawn_for_nothing() -> None:
    """What holds no hidden attribute is sent as it is kept."""
    assert keeping.seal(Kept(CLASS, ()), CLIENT, ANSWERED, lambda _: b"") == CLASS
    assert not keeping.seal(EMPTY, CLIENT, ANSWERED, lambda _: b"")


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\2\0\0", id="another format"),
        pytest.param(b"\1", id="no size"),
        pytest.param(b"\1\0", id="half a size"),
        pytest.param(b"\1\0\3\x19\2", id="attributes cut"),
        pytest.param(b"\1\0\1\x19", id="a type alone"),
        pytest.param(b"\1\0\2\x19\1", id="attribute length 1"),
        pytest.param(b"\1\0\3\x19\4a", id="attribute too long"),
        pytest.param(b"\1\0\2\0\2", id="type 0"),
        pytest.param(b"\1\0\0\0\0\1\x37\x10", id="no length of a key"),
        pytest.param(b"\1\0\0\0\0\1\x37\x10\2a", id="a key cut"),
        pytest.param(b"\1\0\0\0\0\1\x37\x10\1ab", id="an octet behind"),
        pytest.param(b"\1\0\0\0\0\1\x37\x07\1a", id="a type that is not hidden"),
        pytest.param(b"\1\0\0\0\0\0\0\x45\0", id="a tag is missing"),
        pytest.param(b"\1\0\0\0\0\1\x37\x0c\x1f" + bytes(31), id="31 octets of 32"),
        pytest.param(b"\1\0\0\0\0\1\x37\x10\xf0" + bytes(240), id="too long to hide"),
        pytest.param(b"\1\0\0\0\0\0\0\x45\xf1" + bytes(241), id="too long beside its tag"),
        pytest.param(b'{"plain": ""}', id="text"),
    ],
)
def test_damaged_octets_are_refused(octets: bytes) -> None:
    """What `dump` did not write is not loaded, and nothing of it is shown."""
    with pytest.raises(ValueError, match=r"^what was kept of an Accept is damaged$"):
        keeping.load(octets)


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(EMPTY, id="nothing"),
        pytest.param(Kept(CLASS + OPAQUE, ()), id="plain"),
        pytest.param(Kept(b"", KEYS), id="keys"),
        pytest.param(Kept(CLASS, (Hidden(0, 69, b"\0", b""),)), id="an empty password"),
        pytest.param(Kept(b"", (Hidden(0, 69, b"\3", b"x" * 239),)), id="the longest"),
        pytest.param(Kept(b"", (Hidden(311, 12, b"", bytes(32)),)), id="32 octets"),
    ],
)
def test_kept_comes_back(kept: Kept) -> None:
    """What is kept while a challenge is open is the same afterwards."""
    assert keeping.load(keeping.dump(kept)) == kept


def test_values_do_not_show_themselves() -> None:
    """Neither keys nor attributes appear in a log by accident."""
    kept = Kept(CLASS, KEYS)
    assert repr(kept) == "Kept(...)"
    assert repr(KEYS) == "(Hidden(...), Hidden(...))"
