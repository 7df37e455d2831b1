"""`upstream.attributes` for any packets and lists: nothing of one hop passes, no key is lost."""

from __future__ import annotations

import random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.upstream_model import Passing
from radiusmfa.upstream import kept as carried
from radiusmfa.upstream.attributes import Sent, Taken, UnusableReplyError, replace
from radiusmfa.upstream.kept import Hidden, Kept
from radiusmfa.wire import codec, mschap, password, salt, vendor

pytestmark = pytest.mark.property

_AUTHENTICATORS: Final = st.binary(min_size=16, max_size=16)
_SECRETS: Final = st.binary(min_size=1, max_size=80)
_SALTS: Final = st.integers(0x8000, 0xFFFF).map(lambda number: number.to_bytes(2, "big"))
_NAMES: Final = st.sampled_from([
    "User-Name", "User-Password", "CHAP-Password", "State", "Proxy-State", "Class", "Filter-Id",
    "Reply-Message", "Vendor-Specific", "Tunnel-Password", "EAP-Message", "Cisco-AVPair",
    "MS-CHAP2-Success", "MS-MPPE-Send-Key", "MS-CHAP-MPPE-Keys", "MS-CHAP2-Response",
    "MS-CHAP-Domain", "MS-RAS-Version",
])  # fmt: skip
_PASSINGS: Final = st.builds(
    Passing,
    everything=st.booleans(),
    names=st.lists(st.tuples(_NAMES, _NAMES), max_size=6).map(tuple),
)
# Sizes around those of keys, so that some are whole.
_VALUES: Final = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([18, 19, 32, 34, 35, 50]).flatmap(
        lambda size: st.binary(min_size=size, max_size=size)
    ),
)
_STANDARD: Final = st.builds(
    codec.attribute,
    st.one_of(st.sampled_from([1, 2, 3, 11, 18, 24, 25, 33, 60, 69, 76, 79]), st.integers(1, 79)),
    _VALUES,
)
_SUB: Final = st.tuples(
    st.one_of(st.sampled_from([1, 2, 12, 16, 17, 18, 25, 26]), st.integers(0, 255)), _VALUES
).map(lambda row: codec.attribute(*row))
_VENDOR: Final = st.builds(
    lambda maker, inner, wrong: codec.attribute(
        26, (maker.to_bytes(4, "big") + b"".join(inner) + wrong)[:253]
    ),
    st.sampled_from([0, 9, 311, 99999]),
    st.lists(_SUB, max_size=4),
    st.sampled_from([b"", b"", b"", b"\1"]),
)
_PARTS: Final = st.lists(st.one_of(_STANDARD, _VENDOR), max_size=10)
_KEYS: Final = st.binary(max_size=salt.LARGEST_PLAIN)
_HIDDEN: Final = st.one_of(
    st.builds(Hidden, st.just(0), st.just(69), st.binary(min_size=1, max_size=1), _KEYS),
    st.builds(Hidden, st.just(311), st.sampled_from([16, 17]), st.just(b""), _KEYS),
    st.builds(Hidden, st.just(311), st.just(12), st.just(b""), st.binary(min_size=32, max_size=32)),
)
_OF_ONE_HOP: Final = frozenset({2, 3, 24, 33, 60, 79, 80})


def _packet(body: bytes, code: int = 2) -> codec.Packet:
    size = 20 + len(body)
    return codec.decode(bytes((code, 7, size >> 8, size & 255)) + bytes(16) + body)


def _subs(packet: codec.Packet) -> set[tuple[int, int]]:
    found = (vendor.sub_attributes(value) for value in packet.values(26))
    return {(maker, kind) for subs in found for maker, kind, _ in subs or ()}


def _not_hidden(parts: list[bytes]) -> bytes:
    """Return what can be kept of *parts* in clear: a packet's plain attributes, and a success."""
    plain = Sent(Passing()).send(_packet(b"".join(parts), code=1))
    return plain + vendor.encode(311, mschap.CHAP2_SUCCESS, b"\5S=")


_KEPT: Final = st.builds(
    Kept,
    st.one_of(st.just(b""), _PARTS.map(_not_hidden)),
    st.lists(_HIDDEN, max_size=6).map(tuple),
)


@given(_PARTS, _PASSINGS, _SECRETS, _AUTHENTICATORS)
def test_any_reply_is_kept_or_unusable(
    parts: list[bytes], passing: Passing, secret: bytes, authenticator: bytes
) -> None:
    """Whatever an upstream sends: attributes of which none is of its hop, or the one error."""
    packet = _packet(b"".join(parts))
    try:
        kept = Taken(passing).take(packet, secret, authenticator)
    except UnusableReplyError:
        return
    plain = _packet(kept.plain)
    assert not plain.has_any(_OF_ONE_HOP | {69, 76, 101})
    assert not _subs(plain) & {(311, kind) for kind in {2, 12, 16, 17, *mschap.OF_REQUEST}}
    assert carried.load(carried.dump(kept)) == kept


@given(st.binary(max_size=200), _PASSINGS)
def test_any_octets_that_decode_are_kept_or_unusable(body: bytes, passing: Passing) -> None:
    """Octets that no server would send are no exception."""
    size = 20 + len(body)
    try:
        packet = codec.decode(bytes((2, 7, size >> 8, size & 255)) + bytes(16) + body)
    except codec.MalformedPacketError:
        return
    try:
        kept = Taken(passing).take(packet, b"secret", bytes(16))
    except UnusableReplyError:
        return
    assert carried.load(carried.dump(kept)) == kept


@given(_PARTS, _PASSINGS)
def test_any_request_gives_no_proof_away(parts: list[bytes], passing: Passing) -> None:
    """Whatever a client sends, its name, proofs and State do not pass from here."""
    sent = _packet(Sent(passing).send(_packet(b"".join(parts), code=1)), code=1)
    assert not sent.has_any(_OF_ONE_HOP | {1, 69, 70, 71, 72, 73})
    hidden = {2, *mschap.OF_REQUEST, *mschap.OF_ACCEPT}
    assert not _subs(sent) & {(311, kind) for kind in hidden}


@given(_PARTS)
def test_without_a_list_a_packet_never_grows(parts: list[bytes]) -> None:
    """Filtering drops octets and adds none, so that what came in one packet fits one."""
    body = b"".join(parts)
    assert len(Sent(Passing()).send(_packet(body, code=1))) <= len(body)


@given(_KEPT)
def test_whatever_is_kept_comes_back(kept: Kept) -> None:
    """Dumped and loaded, it is the same."""
    assert carried.load(carried.dump(kept)) == kept


@given(st.one_of(st.binary(max_size=80), st.builds(lambda rest: b"\1\0" + rest, st.binary())))
def test_any_octets_are_loaded_or_refused(octets: bytes) -> None:
    """Whatever lies in the store: what was kept, octet for octet, or ValueError."""
    try:
        kept = carried.load(octets)
    except ValueError:
        return
    assert carried.dump(kept) == octets


@given(_KEPT, st.integers(0), st.integers(0))
def test_damage_is_refused_or_another_value(kept: Kept, where: int, bit: int) -> None:
    """One bit turned in what was dumped: a value that can be dumped again, or ValueError."""
    octets = bytearray(carried.dump(kept))
    octets[where % len(octets)] ^= 1 << bit % 8
    try:
        found = carried.load(bytes(octets))
    except ValueError:
        return
    assert found != kept


@given(st.lists(_HIDDEN, max_size=8), _SECRETS, _AUTHENTICATORS, st.integers(0))
def test_sealed_keys_are_the_same_keys(
    hidden: list[Hidden], secret: bytes, authenticator: bytes, seed: int
) -> None:
    """Hidden for a client and opened with its secret, every key is what it was."""
    kept = Kept(b"", tuple(hidden))
    entropy = random.Random(seed).randbytes
    packet = _packet(carried.seal(kept, secret, authenticator, entropy))
    assert Taken(Passing()).take(packet, secret, authenticator) == kept


@given(_SECRETS, _AUTHENTICATORS, _SECRETS, _AUTHENTICATORS, _SALTS, st.binary(max_size=32))
def test_keys_go_from_hop_to_hop(
    ours: bytes, asked: bytes, theirs: bytes, answered: bytes, chosen: bytes, key: bytes
) -> None:
    """A key that an upstream hides for us is, hidden for the client, the same key."""
    whole = key.ljust(32, b"\0")
    sent = vendor.encode(311, 17, salt.seal(key, ours, asked, chosen))
    sent += vendor.encode(311, 12, password.hide(whole, ours, asked))
    kept = Taken(Passing(everything=False)).take(_packet(sent), ours, asked)
    packet = _packet(carried.seal(kept, theirs, answered, lambda _: chosen))
    recv, keys = (value[6:] for value in packet.values(26))
    assert salt.unseal(recv, theirs, answered) == key
    assert password.recover(keys, theirs, answered).ljust(32, b"\0") == whole


@given(_KEPT, st.lists(_STANDARD, max_size=4))
def test_what_stands_in_ours_does_not_stand_twice(kept: Kept, own: list[bytes]) -> None:
    """Of the upstream's attributes none of a type of ours is left, save Class; keys stay."""
    found = replace(kept, b"".join(own))
    here = {octets[0] for octets in own} - {25, 26}
    before, after = _packet(kept.plain), _packet(found.plain)
    assert not after.has_any(here)
    assert found.hidden == kept.hidden
    for kind in set(range(1, 256)) - here - {26}:
        assert after.raw(kind) == before.raw(kind)
