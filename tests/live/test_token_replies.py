"""The played token servers in detail: attributes, States, CHAP, MS-CHAP, waiting, records."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import codec, numbers
from radiusmfa.wire.salt import unseal
from tests.live.clients import need
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT, OurNas, Radclient, read
from tests.live.token_server import Signature, TokenServer, every_server
from tests.live.token_users import (
    CODE,
    NEXT_CODE,
    PASSCODE,
    PASSWORD,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.token_clients import Said

_CLASS: Final = b"token-class"
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Typed for a challenge, an Accept and a Reject.
_EVERY_KIND: Final = ((PASSCODE,), (PASSCODE, NEXT_CODE), ("wrong",))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TokenServer]]:
    """Return one running server of each kind."""
    need("freeradius", "radclient")
    with every_server(tmp_path_factory.mktemp("servers")) as running:
        yield running


def _enter(server: TokenServer, user: str, *typed: str) -> Said:
    """Return the reply to the last of *typed*; all before it are challenged."""
    state = None
    said = None
    for word in typed:
        assert said is None or said.code == CHALLENGE
        with server.nas() as nas:
            said = OurNas(nas).ask(user, word, state)
        assert said is not None
        state = said.state
    assert said is not None
    return said


# -- States --


def test_state_of_another_user_is_refused_and_lost(servers: dict[str, TokenServer]) -> None:
    """A State is good for the user who got it; who else shows it ends the dialogue."""
    first = _enter(servers["securid"], "next", PASSCODE)
    with servers["securid"].nas() as nas:
        client = OurNas(nas)
        stolen = client.ask("next.2", NEXT_CODE, first.state)
        late = client.ask("next", NEXT_CODE, first.state)

    assert stolen is not None
    assert late is not None
    assert (stolen.code, late.code) == (REJECT, REJECT)


def test_state_is_good_once(servers: dict[str, TokenServer]) -> None:
    """After the Accept the same State opens nothing."""
    first = _enter(servers["securid"], "next", PASSCODE)
    with servers["securid"].nas() as nas:
        client = OurNas(nas)
        said = client.ask("next", NEXT_CODE, first.state)
        again = client.ask("next", NEXT_CODE, first.state)

    assert said is not None
    assert again is not None
    assert (said.code, again.code) == (ACCEPT, REJECT)


def test_unknown_state_is_refused(servers: dict[str, TokenServer]) -> None:
    """Duo's proxy says why, the others do not."""
    for plays, user, text in [
        ("securid", "next", ""),
        ("nps", "code", ""),
        ("duo-proxy", "menu", "Unknown Challenge"),
    ]:
        said = Radclient(servers[plays]).ask(user, CODE, b"no such state")
        assert said is not None
        assert (said.code, said.text) == (REJECT, text)


def test_expired_state_is_refused(tmp_path: Path) -> None:
    """When its lifetime is over, the right code opens nothing."""
    need("freeradius")
    with TokenServer(tmp_path / "raddb", "duo-proxy", state_lifetime=0) as server:
        said = _enter(server, "menu", PASSWORD, CODE)

    assert (said.code, said.text) == (REJECT, "Unknown Challenge")


def test_securid_states_name_attempt_and_step(servers: dict[str, TokenServer]) -> None:
    """`RSA|attempt|step|method`: the first identifier stays, the second is new each time."""
    states = [_enter(servers["securid"], "newpin", CODE).state]
    with servers["securid"].nas() as nas:
        for word in ("abc123", "abc123"):
            said = OurNas(nas).ask("newpin", word, states[-1])
            assert said is not None
            states.append(said.state)

    found = [
        re.fullmatch(f"RSA\\|({_UUID})\\|({_UUID})\\|(\\w+)", (one or b"").decode())
        for one in states
    ]
    parts = [one.groups() for one in found if one is not None]
    attempts, steps, methods = zip(*parts, strict=True)
    assert (len(set(attempts)), len(set(steps))) == (1, 3)
    assert methods == ("SECURID_NEWPIN", "SECURID_NEWPIN_CONFIRM", "SECURID")


@pytest.mark.parametrize(
    ("plays", "user", "typed", "pattern"),
    [
        pytest.param("securid", "next-long", PASSCODE, b"RSA.{237}", id="240-octets"),
        pytest.param("securid", "next-short", PASSCODE, rb"SBR-CH \d{6}\|1", id="steel-belted"),
        pytest.param("duo-proxy", "menu", PASSWORD, rb"[A-Za-z0-9./]{44}", id="duo"),
        pytest.param("nps", "code", PASSWORD, rb"(?s).{16}", id="freeradius"),
    ],
)
def test_state_has_the_products_form(
    servers: dict[str, TokenServer], plays: str, user: str, typed: str, pattern: bytes
) -> None:
    """Long, short, text or octets: what a client of these products must carry."""
    assert re.fullmatch(pattern, _enter(servers[plays], user, typed).state or b"")


def test_duo_sms_gives_a_new_state(servers: dict[str, TokenServer]) -> None:
    """The menu after `sms` has a State of its own, and the old one is gone."""
    server = servers["duo-proxy"]
    first = _enter(server, "menu", PASSWORD)
    with server.nas() as nas:
        client = OurNas(nas)
        second = client.ask("menu", "sms", first.state)
        old = client.ask("menu", CODE, first.state)

    assert second is not None
    assert old is not None
    assert (second.code, second.state != first.state) == (CHALLENGE, True)
    assert (old.code, old.text) == (REJECT, "Unknown Challenge")


# -- attributes --


def test_securid_passcode_is_refused_the_second_time(servers: dict[str, TokenServer]) -> None:
    """Who sends a passcode on twice shows it: `once` is accepted once."""
    said = [_enter(servers["securid"], "once.attributes", PASSCODE).code for _ in range(2)]

    assert said == [ACCEPT, REJECT]


def test_nps_returns_attributes_but_not_after_a_code(servers: dict[str, TokenServer]) -> None:
    """What the network policy gives is lost when a code was entered."""
    with servers["nps"].nas() as nas:
        push = nas.ask(nas.request("push", PASSWORD)).packet
    code = _enter(servers["nps"], "code", PASSWORD, CODE)

    assert push.values(numbers.CLASS) == [_CLASS]
    assert push.values(11) == [b"vpn-users"]
    assert code.order == (numbers.MESSAGE_AUTHENTICATOR,)


def test_securid_accept_has_class_and_filter(servers: dict[str, TokenServer]) -> None:
    """The profile's Class and Filter-Id, and a text."""
    said = Radclient(servers["securid"]).ask("normal", PASSCODE)

    assert said is not None
    assert said.lines[1:] == (
        f"Class = 0x{_CLASS.hex()}",
        'Filter-Id = "vpn-users"',
        'Reply-Message = "PASSCODE accepted"',
    )


def test_generic_rich_accept_has_attributes_of_many_kinds(
    servers: dict[str, TokenServer],
) -> None:
    """Text, octets, numbers, addresses, vendors', tagged and hidden ones, in this order."""
    said = Radclient(servers["generic"]).ask("rich", PASSWORD)

    assert said is not None
    assert said.lines[1:] == (
        'Reply-Message = "Welcome"',
        "Class = 0x00636c6173732d31ff",
        "Class = 0x636c6173732d32",
        "Session-Timeout = 3600",
        "Idle-Timeout = 600",
        'Filter-Id = "staff.in"',
        "Framed-IP-Address = 192.0.2.17",
        "Framed-IPv6-Prefix = 2001:db8:17::/64",
        "Service-Type = Framed-User",
        'Cisco-AVPair = "shell:priv-lvl=15"',
        'Cisco-AVPair = "ip:inacl#1=permit ip any any"',
        "Tunnel-Type:1 = VLAN",
        "Tunnel-Medium-Type:1 = IEEE-802",
        'Tunnel-Private-Group-Id:1 = "117"',
        'Tunnel-Password:1 = "tunnel password"',
    )


def test_generic_tunnel_password_opens(servers: dict[str, TokenServer]) -> None:
    """A tag octet, then what our own salted hiding opens (RFC 2868 section 3.5)."""
    with servers["generic"].nas() as nas:
        reply = nas.ask(nas.request("rich", PASSWORD))
        (value,) = reply.packet.values(69)

        assert value[0] == 1
        assert unseal(value[1:], nas.key.secret, reply.request[4:20]) == b"tunnel password"


def test_generic_challenge_may_tell_its_lifetime(servers: dict[str, TokenServer]) -> None:
    """Session-Timeout in a challenge, and Prompt = Echo."""
    said = _enter(servers["generic"], "timed", PASSWORD)

    assert (said.code, said.session_timeout, said.prompt) == (CHALLENGE, 30, 1)


def test_generic_challenge_may_have_several_messages(servers: dict[str, TokenServer]) -> None:
    """Three Reply-Message; the last has UTF-8, a line end and control characters."""
    said = _enter(servers["generic"], "wordy", PASSWORD)

    assert said.messages == ["First line", "Second line", "Grüße\r\n\x07\x1b[31mThird:"]


def test_generic_challenge_may_lack_its_state(servers: dict[str, TokenServer]) -> None:
    """A challenge that nobody can answer."""
    said = _enter(servers["generic"], "stateless", PASSWORD)

    assert (said.code, said.state) == (CHALLENGE, None)


def test_generic_loop_challenges_for_ever(servers: dict[str, TokenServer]) -> None:
    """Whatever is typed, another challenge with another State."""
    state, states = None, set()
    with servers["generic"].nas() as nas:
        for _ in range(30):
            said = OurNas(nas).ask("loop", CODE, state)
            assert said is not None
            assert said.code == CHALLENGE
            state = said.state
            states.add(state)

    assert len(states) == 30


def test_generic_silent_user_gets_no_answer(servers: dict[str, TokenServer]) -> None:
    """Neither of our two clients hears anything, and the server goes on."""
    server = servers["generic"]

    assert Radclient(server, patience=0.2).ask("silent", PASSWORD) is None
    with server.nas() as nas:
        assert OurNas(nas, patience=0.2).ask("silent", PASSWORD) is None
        assert nas.status()


@pytest.mark.parametrize(
    ("signature", "place"),
    [
        pytest.param(Signature.FIRST, 0, id="first"),
        pytest.param(Signature.LAST, -1, id="last"),
        pytest.param(Signature.NONE, None, id="none"),
    ],
)
def test_signature_is_where_it_shall_be(
    tmp_path: Path, signature: Signature, place: int | None
) -> None:
    """Message-Authenticator in every kind of reply, also to Status-Server, or in none."""
    need("freeradius")
    with TokenServer(tmp_path / "raddb", "securid", signature=signature) as server:
        said = [_enter(server, "next", *typed) for typed in _EVERY_KIND]
        with server.nas() as nas:
            probe = codec.request(12, 1, secrets.token_bytes(16), b"", nas.key)
            said.append(read(nas.ask(probe).packet))

    assert [one.code for one in said] == [CHALLENGE, ACCEPT, REJECT, ACCEPT]
    for one in said:
        if place is None:
            assert numbers.MESSAGE_AUTHENTICATOR not in one.order
        else:
            assert one.order[place] == numbers.MESSAGE_AUTHENTICATOR
