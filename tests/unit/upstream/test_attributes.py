"""Tests of `radiusmfa.upstream.attributes`."""

from __future__ import annotations

from typing import Any, Final

import pytest
from pyrad import packet as pyrad

from radiusmfa import shipped
from radiusmfa.config.upstream_model import Passing
from radiusmfa.upstream import attributes
from radiusmfa.upstream.attributes import Sent, Taken, UnusableReplyError
from radiusmfa.upstream.kept import EMPTY, Hidden, Kept, seal
from radiusmfa.wire import codec, mschap, names, password, salt, vendor
from tests.families import family

UPSTREAM: Final = b"the upstream's secret"
CLIENT: Final = b"the client's secret"
ASKED: Final = bytes(range(16))
ANSWERED: Final = bytes(range(100, 116))
ALL: Final = Passing()
NOTHING: Final = Passing(everything=False)
KEY: Final = b"sixteen octets.\0"

CLASS: Final = codec.attribute(25, b"session")
FILTER: Final = codec.attribute(11, b"staff")
NAME: Final = codec.attribute(1, b"alice")
CISCO: Final = vendor.encode(9, 1, b"a=b")
UNKNOWN: Final = codec.attribute(241, b"\1x") + vendor.encode(99999, 7, b"x")
OPAQUE: Final = codec.attribute(26, b"\0\0\0\x09\1\xffx")
# Sub-attributes of Cisco: AVPair, 2, AVPair.
THREE: Final = codec.attribute(26, b"\0\0\0\x09" + b"\1\5a=b" + b"\2\3x" + b"\1\5c=d")
POLICY: Final = vendor.encode(311, 7, b"\0\0\0\1")
SUCCESS: Final = vendor.encode(311, 26, b"\5S=" + b"0" * 40)
DOMAIN: Final = vendor.encode(311, 10, b"\5EXAMPLE")


def _salted(kind: int, plain: bytes, number: int = 0x8001) -> bytes:
    value = salt.seal(plain, UPSTREAM, ASKED, number.to_bytes(2, "big"))
    return vendor.encode(311, kind, value)


SEND: Final = _salted(mschap.MPPE_SEND_KEY, KEY)
RECV: Final = _salted(mschap.MPPE_RECV_KEY, KEY[::-1], 0x8002)
CHAP_KEYS: Final = vendor.encode(311, 12, password.hide(KEY + bytes(16), UPSTREAM, ASKED))
TUNNEL: Final = codec.attribute(69, b"\3" + salt.seal(b"tunnel", UPSTREAM, ASKED, b"\x80\3"))
KEYS: Final = (Hidden(311, 16, b"", KEY), Hidden(311, 17, b"", KEY[::-1]))


def _packet(*parts: bytes, code: int = 2) -> codec.Packet:
    body = b"".join(parts)
    size = 20 + len(body)
    return codec.decode(bytes((code, 7, size >> 8, size & 255)) + bytes(16) + body)


def _only(*pairs: tuple[str, str], everything: bool = False) -> Passing:
    return Passing(everything=everything, names=pairs)


def _named(*listed: str) -> Passing:
    return _only(*((name, name) for name in listed))


def _take(passing: Passing, *parts: bytes) -> Kept:
    return Taken(passing).take(_packet(*parts), UPSTREAM, ASKED)


def _send(passing: Passing, *parts: bytes) -> bytes:
    return Sent(passing).send(_packet(*parts, code=1))


def _seal(kept: Kept, drawn: bytes = b"\x12\x34") -> bytes:
    return seal(kept, CLIENT, ANSWERED, lambda size: drawn[:size])


def _standard(kind: int) -> bytes:
    return codec.attribute(kind, b"0123456789abcdef")


# Replies


@pytest.mark.parametrize(
    "name",
    [
        "User-Password", "CHAP-Password", "CHAP-Challenge", "State", "Proxy-State",
        "Message-Authenticator", "EAP-Message", "Prompt", "Error-Cause", "MS-CHAP-Error",
        "MS-CHAP-Response", "MS-CHAP2-Response", "MS-CHAP-Challenge", "MS-CHAP-NT-Enc-PW",
    ],
)  # fmt: skip
@pytest.mark.parametrize("everything", [True, False])
def test_what_belongs_to_one_hop_is_never_taken(name: str, *, everything: bool) -> None:
    """State, signatures, proofs and their like do not reach the client, whatever the list says."""
    found = names.attribute(name)
    value = b"0123456789abcdef"
    octets = (
        vendor.encode(found.vendor, found.code, value)
        if found.vendor
        else codec.attribute(found.code, value)
    )
    for passing in (
        _only(everything=everything),
        _only((name, name), everything=everything),
        _only((name, "Filter-Id"), everything=everything),
    ):
        assert _take(passing, octets) == EMPTY


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        "State", "User-Password", "Message-Authenticator", "Tunnel-Password", "MS-MPPE-Send-Key",
        "MS-CHAP-MPPE-Keys", "MS-CHAP2-Success", "MS-CHAP-Error", "Vendor-Specific",
    ],
)  # fmt: skip
def test_nothing_is_renamed_to_what_it_is_not(other: str, *, everything: bool) -> None:
    """No text of an upstream's passes for State, a key, or a proof."""
    assert _take(_only(("Filter-Id", other), everything=everything), FILTER) == EMPTY


def test_hidden_value_never_leaves_in_clear() -> None:
    """A key that is given another name stays behind; it is not sent as a text."""
    assert _take(_only(("Tunnel-Password", "Filter-Id"), everything=True), TUNNEL) == EMPTY
    kept = _take(_only(("MS-MPPE-Send-Key", "Filter-Id")), SEND)
    assert kept == Kept(b"", KEYS[:1])


@pytest.mark.parametrize(
    ("octets", "key"),
    [
        pytest.param(vendor.encode(311, 16, b"\x80\1" + bytes(15)), (311, 16), id="15 octets"),
        pytest.param(vendor.encode(311, 17, b""), (311, 17), id="an empty key"),
        pytest.param(vendor.encode(311, 12, bytes(16)), (311, 12), id="16 octets of 32"),
        pytest.param(vendor.encode(311, 12, bytes(33)), (311, 12), id="33 octets of 32"),
        pytest.param(codec.attribute(69, b""), (0, 69), id="no tag"),
        pytest.param(codec.attribute(69, b"\x80\1" + bytes(16)), (0, 69), id="a tag is missing"),
    ],
)
def test_hidden_value_that_does_not_open_makes_the_reply_unusable(
    octets: bytes, key: tuple[int, int]
) -> None:
    """Without its keys a client would fail later and nobody would know why."""
    with pytest.raises(UnusableReplyError) as caught:
        _take(ALL, CLASS, octets)
    assert (caught.value.vendor, caught.value.kind) == key
    assert str(caught.value) == f"the hidden attribute {key[0]}/{key[1]} does not open"


def test_hidden_value_that_is_not_passed_is_not_opened() -> None:
    """A Tunnel-Password that nobody wants cannot spoil the reply."""
    assert _take(_named("Class"), CLASS, codec.attribute(69, b"x")) == Kept(CLASS, ())


def test_everything_passes_as_it_came() -> None:
    """Without a list all that is not of one hop passes, in order, known or not."""
    parts = (FILTER, CLASS, OPAQUE, THREE, UNKNOWN, CLASS, codec.attribute(18, b""), POLICY)
    kept = _take(ALL, codec.attribute(24, b"state"), *parts, NAME)
    assert kept == Kept(b"".join(parts), ())


def test_user_name_is_taken_by_name_only() -> None:
    """The upstream's name for the user reaches the client if the list says so."""
    assert _take(ALL, NAME) == EMPTY
    assert _take(_only(("User-Name", "User-Name"), everything=True), NAME).plain == NAME
    assert _take(_named("user-name"), NAME).plain == NAME
    renamed = _take(_only(("Filter-Id", "User-Name")), FILTER)
    assert renamed.plain == codec.attribute(1, b"staff")


def test_a_list_passes_what_it_names() -> None:
    """With a list only what it names passes, in the packet's order."""
    kept = _take(_named("Class", "Cisco-AVPair"), UNKNOWN, OPAQUE, CISCO, FILTER, CLASS)
    assert kept == Kept(CISCO + CLASS, ())
    assert _take(NOTHING, UNKNOWN, OPAQUE, CISCO, CLASS, TUNNEL) == EMPTY
    assert _take(_named("Vendor-Specific"), OPAQUE, CISCO) == EMPTY


def test_sub_attributes_pass_one_by_one() -> None:
    """Of a Vendor-Specific of several only those pass that are named, still in one attribute."""
    inner = b"\0\0\0\x09" + b"\1\5a=b" + b"\1\5c=d"
    assert _take(_named("Cisco-AVPair"), THREE).plain == codec.attribute(26, inner)
    assert _take(_named("Class"), THREE) == EMPTY


def test_attribute_gets_another_name() -> None:
    """A value is sent under another name, of the same vendor, another one or none."""
    pairs = (("Class", "Filter-Id"), ("Filter-Id", "Cisco-AVPair"), ("cisco-avpair", "CLASS"))
    kept = _take(_only(*pairs), CLASS, FILTER, CISCO, UNKNOWN)
    renamed = (codec.attribute(11, b"session"), vendor.encode(9, 1, b"staff"))
    assert kept.plain == b"".join((*renamed, codec.attribute(25, b"a=b")))


def test_renamed_attribute_leaves_the_others_alone() -> None:
    """Where everything passes, the list renames what it names and nothing else."""
    kept = _take(_only(("Cisco-AVPair", "Class"), everything=True), THREE, CLASS)
    renamed = codec.attribute(25, b"a=b") + codec.attribute(25, b"c=d")
    assert kept.plain == renamed + vendor.encode(9, 2, b"x") + CLASS


@pytest.mark.parametrize(("size", "passes"), [(247, True), (248, False), (253, False)])
def test_value_too_long_for_its_new_name_stays_behind(size: int, *, passes: bool) -> None:
    """A value is never cut: under a vendor's name there is less room."""
    kept = _take(_only(("Class", "Cisco-AVPair")), codec.attribute(25, b"x" * size))
    assert kept.plain == (vendor.encode(9, 1, b"x" * size) if passes else b"")


@pytest.mark.parametrize(
    "passing", [ALL, NOTHING, _named("Class"), _only(("MS-CHAP-Domain", "Class"))]
)
def test_what_belongs_to_ms_chap_is_always_taken(passing: Passing) -> None:
    """Without success, keys and policy a client of MS-CHAP hangs up: they pass, list or not."""
    kept = _take(passing, SUCCESS, SEND, RECV, CHAP_KEYS, POLICY, DOMAIN)
    assert kept.plain == SUCCESS + POLICY + DOMAIN
    assert kept.hidden == (*KEYS, Hidden(311, 12, b"", KEY + bytes(16)))


def test_keys_and_others_in_one_attribute_are_parted() -> None:
    """A Vendor-Specific with keys between other sub-attributes loses only the keys."""
    inner = POLICY[6:] + SEND[6:] + DOMAIN[6:]
    kept = _take(NOTHING, codec.attribute(26, b"\0\0\1\x37" + inner))
    assert kept.hidden == KEYS[:1]
    assert kept.plain == codec.attribute(26, b"\0\0\1\x37" + POLICY[6:] + DOMAIN[6:])


def test_tunnel_password_is_opened_with_its_tag() -> None:
    """Which tunnel a password is for stays known."""
    wanted = Kept(b"", (Hidden(0, 69, b"\3", b"tunnel"),))
    assert _take(ALL, TUNNEL) == wanted
    assert _take(_named("Tunnel-Password"), TUNNEL) == wanted


def test_damaged_attribute_of_microsoft_stays_behind() -> None:
    """What may hold a key or a proof for a more lenient reader is not passed as it is."""
    damaged = codec.attribute(26, SEND[2:6] + SEND[6:] + b"\1")
    assert _take(ALL, damaged) == EMPTY
    assert not _send(ALL, damaged)


def test_unknown_name_is_refused() -> None:
    """A list that names what no dictionary has is no list."""
    for kind in (Taken, Sent):
        with pytest.raises(names.AttributeValueError):
            kind(_named("Clas"))
        with pytest.raises(names.AttributeValueError):
            kind(_only(("Class", "Clas")))


def test_every_hidden_attribute_is_known_here() -> None:
    """No dictionary has a hidden attribute that would pass as it is."""
    folder = shipped.folder("dictionaries")
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    texts.pop("README.md")
    files = dict(sorted(texts.items(), key=lambda row: not row[0].startswith("dictionary.rfc")))
    hidden = {(one.vendor, one.code) for one in names.read(files).values() if one.hidden}
    assert hidden == {(0, 2), (0, 69), (311, 12), (311, 16), (311, 17)}


def test_attribute_that_a_dictionary_hides_otherwise_stays_behind() -> None:
    """A hidden attribute that we cannot open is not passed, not even by name."""
    found = names.attribute("Class")
    strange = names.Attribute(
        name="X", code=1, vendor=9, kind="octets", tagged=False, hidden=True, values={}
    )
    assert attributes._renamed(strange, strange, frozenset()) is None
    assert attributes._renamed(strange, found, frozenset()) is None
    assert attributes._renamed(found, strange, frozenset()) is None


# Requests


@pytest.mark.parametrize(
    "kind", [1, 2, 3, 24, 33, 60, 69, 70, 71, 72, 73, 74, 79, 84], ids=names.title
)
def test_what_the_caller_adds_is_never_sent(kind: int) -> None:
    """Name, proofs, State and what is hidden do not reach the upstream from here."""
    name = names.title(kind)
    for passing in (ALL, _named(name), _only((name, "Filter-Id"), everything=True)):
        assert not _send(passing, _standard(kind))
    assert not _send(_only(("Filter-Id", name), everything=True), FILTER)


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 16, 17, 19, 20, 25, 26, 27])
def test_ms_chap_is_never_sent(kind: int) -> None:
    """The caller alone decides whether the upstream gets the client's MS-CHAP."""
    octets = vendor.encode(311, kind, b"\5\1" + bytes(48))
    assert not _send(ALL, octets)
    assert not _send(_named(*_names_of(kind)), octets)


def _names_of(kind: int) -> list[str]:
    texts = {"dictionary.microsoft": shipped.text("dictionaries", "dictionary.microsoft")}
    return [one.name for one in names.read(texts).values() if one.code == kind]


def test_signature_is_never_sent() -> None:
    """Message-Authenticator is of one hop."""
    assert not _send(ALL, codec.attribute(80, bytes(16)))


def test_request_passes_as_it_came() -> None:
    """Without a list the upstream gets what the client said of itself, in order, known or not."""
    client = (
        codec.attribute(4, bytes(4)), codec.attribute(31, b"192.0.2.1"), OPAQUE, THREE, UNKNOWN,
        vendor.encode(311, 18, b"MSRASV5.20"), codec.attribute(32, b"vpn"),
    )  # fmt: skip
    assert _send(ALL, NAME, _standard(2), *client, _standard(33)) == b"".join(client)


def test_request_passes_what_the_list_names() -> None:
    """With a list the upstream gets what it names, under the other name if it has one."""
    passing = _only(("Calling-Station-Id", "Tunnel-Client-Endpoint"), ("NAS-Port", "NAS-Port"))
    found = _send(passing, NAME, codec.attribute(31, b"192.0.2.1"), CISCO, OPAQUE, _standard(5))
    assert found == codec.attribute(66, b"192.0.2.1") + _standard(5)
    assert not _send(NOTHING, FILTER, CISCO, OPAQUE)


# Hiding anew


@pytest.mark.parametrize(
    ("inputs", "expected"), family("proxy", lambda row: row["id"] == "response-mppe-keys")
)
def test_vector_of_a_proxy_is_hidden_anew(inputs: dict[str, Any], expected: dict[str, str]) -> None:
    """The keys of the upstream's Accept are hidden for the client as the vector has them."""
    octets = {name: bytes.fromhex(str(value)) for name, value in inputs.items() if "hex" in name}
    packet = codec.decode(octets["upstream_packet_hex"])
    kept = Taken(ALL).take(
        packet, octets["upstream_secret_hex"], octets["upstream_authenticator_hex"]
    )
    # The vector keeps the salts 8f01 and 8f02.
    found = seal(
        kept,
        octets["client_secret_hex"],
        octets["client_authenticator_hex"],
        lambda size: b"\x8f\1"[:size],
    )
    wanted = codec.decode(bytes.fromhex(expected["client_packet_hex"]))
    assert found == wanted.raw(26)


@pytest.mark.parametrize(("inputs", "expected"), family("salt_encryption"))
def test_vectors_are_taken_and_sealed(inputs: dict[str, Any], expected: dict[str, str]) -> None:
    """Each hidden attribute of the vectors is opened, and hidden again for the same hop."""
    secret, authenticator = (
        bytes.fromhex(inputs[name]) for name in ("secret_hex", "request_authenticator_hex")
    )
    octets = bytes.fromhex(expected["attribute_hex"])
    kept = Taken(ALL).take(_packet(octets), secret, authenticator)
    assert kept.hidden[0].value.hex() == inputs.get("plain_hex", expected.get("plain_hex"))
    drawn = bytes.fromhex(inputs.get("salt_hex", "0000"))
    assert seal(kept, secret, authenticator, lambda _: drawn) == octets


def test_client_opens_what_is_sealed() -> None:
    """Each key is hidden with the client's secret and the authenticator of its request."""
    kept = _take(ALL, CLASS, SEND, CHAP_KEYS, TUNNEL)
    packet = _packet(_seal(kept))
    assert packet.raw(25) == CLASS
    assert Taken(ALL).take(packet, CLIENT, ANSWERED) == kept
    theirs = pyrad.AuthPacket(id=1, secret=CLIENT, authenticator=ANSWERED)
    value = packet.value(69) or b""
    assert (value[:1], theirs.SaltDecrypt(value[1:])) == (b"\3", b"tunnel")


# What the client gets anyway


def test_own_attributes_win() -> None:
    """What the client's entry sets is not sent a second time with the upstream's value."""
    kept = Kept(FILTER + THREE + UNKNOWN + OPAQUE + POLICY, KEYS)
    own = names.encode("Filter-Id", "guest") + names.encode("Cisco-AVPair", "x=y")
    found = attributes.replace(kept, own)
    assert found == Kept(vendor.encode(9, 2, b"x") + UNKNOWN + OPAQUE + POLICY, KEYS)


@pytest.mark.parametrize("_again", range(2))
def test_nothing_but_the_names_of_our_own_counts(_again: int) -> None:
    """What was left out for one client's attributes is not left out for another's."""
    theirs, ours = names.encode("Session-Timeout", "60"), names.encode("Session-Timeout", "9")
    assert attributes.replace(Kept(theirs, KEYS), ours) == Kept(b"", KEYS)
    other = names.encode("Idle-Timeout", "9")
    assert attributes.replace(Kept(theirs, KEYS), other) == Kept(theirs, KEYS)
    assert attributes.replace(Kept(b"", KEYS), ours) == Kept(b"", KEYS)


def test_class_stands_beside_ours() -> None:
    """Both Class attributes reach the client: it gives both back in accounting."""
    kept = Kept(CLASS + FILTER, ())
    assert attributes.replace(kept, names.encode("Class", "ours")) == kept
    assert attributes.replace(kept, b"") == kept


# Keeping


@pytest.mark.parametrize("octets", [b"\x19", b"\x19\x00", b"\x19\x01", b"\x19\x03", b"\x00\x02"])
def test_kept_octets_that_are_no_attributes_are_refused(octets: bytes) -> None:
    """Lengths that do not add up end the walk with an error: it neither hangs nor runs over."""
    with pytest.raises(ValueError, match=r"^what was kept of an Accept is damaged$"):
        attributes.replace(Kept(octets, ()), b"")


def test_value_of_another_type_is_refused() -> None:
    """What an upstream sends as a number that is none has no text, and is not shown."""
    kept = Kept(codec.attribute(27, b"soon"[:3]), ())

    with pytest.raises(names.AttributeValueError):
        attributes.values(kept, "Session-Timeout")
    with pytest.raises(names.AttributeValueError):
        attributes.values(kept, "Sesion-Timeout")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Class", ["session", "session"]),
        ("filter-id", ["staff"]),
        ("Cisco-AVPair", ["a=b", "a=b", "c=d"]),
        ("Session-Timeout", ["600"]),
        ("Reply-Message", []),
        ("Vendor-Specific", []),
        ("MS-MPPE-Send-Key", []),
    ],
)
def test_values_are_texts_in_order(name: str, expected: list[str]) -> None:
    """Each value of a name is a text, a vendor's too; what is hidden has none."""
    timeout = codec.attribute(27, (600).to_bytes(4))
    plain = b"".join((CLASS, CISCO, FILTER, THREE, timeout, OPAQUE, CLASS))

    assert attributes.values(Kept(plain, KEYS), name) == expected
