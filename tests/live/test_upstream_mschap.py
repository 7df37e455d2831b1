"""
CHAP and MS-CHAP relayed, and what an upstream's Accept hides hidden again for the client.

radclient checks what we send: it opens keys and passwords with the client's secret, and
what it prints has to be what it prints when it asks the token server itself.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from tests.live import upstreams
from tests.live.clients import need
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT, Radclient
from tests.live.token_server import TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE, PASSWORD, RFC_PASSWORD, RFC_USER
from tests.live.upstreams import Front, ends, entry, told, unique
from tests.live.world import Person, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.token_clients import Said

_PROXY: Final = "127.0.8.1"
_THEN_TOTP: Final = "127.0.8.2"
_THEN_RSA: Final = "127.0.8.3"
_STEP_UP: Final = "127.0.8.4"
_LOCAL: Final = "127.0.8.5"
_GENERIC: Final = "127.0.8.6"
_PLAYED: Final = ("nps", "securid", "onespan", "generic")
# RFC 2759 section 9.2.
_CHALLENGE: Final = "MS-CHAP-Challenge = 0x5b5d7c7d7b3f2f3e3c2c602132262628"
_RESPONSE: Final = (
    "MS-CHAP2-Response = 0x050021402324255e262a28295f2b3a337c7e0000000000000000"
    "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
)
_MSCHAP2: Final = (f'User-Name = "{RFC_USER}"', _CHALLENGE, _RESPONSE)
_SUCCESS: Final = "05" + b"S=407A5589115FD0D6209F510FE9C04566932CDA56".hex()
# RFC 3079 section 3.5.3, and its computation with the other magic constant.
_KEYS: Final = {
    f"MS-CHAP2-Success = 0x{_SUCCESS}",
    "MS-MPPE-Send-Key = 0x8b7cdc149b993a1ba118cb153f56dccb",
    "MS-MPPE-Recv-Key = 0xd5f0e9521e3ea9589645e86051c82226",
}
_ERROR: Final = re.compile(r"MS-CHAP-Error = \"\\005E=691 R=0 C=[0-9a-fA-F]{32} V=3")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TokenServer]]:
    """Return an NPS, a SecurID server, a OneSpan one, and one of no product."""
    need("freeradius", "radclient", "oathtool")
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        yield {plays: stack.enter_context(TokenServer(folder / plays, plays)) for plays in _PLAYED}


@pytest.fixture(scope="module")
def world(
    servers: dict[str, TokenServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return our server before them."""
    world = World(tmp_path_factory.mktemp("world"))
    clients: list[dict[str, object]] = [
        {"name": "proxy", "networks": [_PROXY], "mode": "proxy", "primary": "nps"},
        {"name": "totp", "networks": [_THEN_TOTP], "primary": "nps", "factors": ["totp"]},
        {"name": "rsa", "networks": [_THEN_RSA], "primary": "nps", "factors": ["rsa"]},
        {"name": "step-up", "networks": [_STEP_UP], "mode": "step-up", "factors": ["onespan"]},
        {"name": "local", "networks": [_LOCAL], "factors": ["rsa"]},
        {"name": "generic", "networks": [_GENERIC], "mode": "proxy", "primary": "generic"},
    ]
    upstreams.configure(
        world,
        clients,
        {
            plays: {"servers": [entry(server.port)], "dialogue": plays}
            for plays, server in servers.items()
        },
        {"totp": {}, "rsa": {"upstream": "securid"}, "onespan": {"upstream": "onespan"}},
    )
    world.start(source=_PROXY)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


@pytest.fixture
def radclient(world: World) -> Iterator[Callable[[str], Front]]:
    """Return what gives radclient at an address."""
    with ExitStack() as stack:
        yield lambda source: Front(
            world, source, stack.enter_context(world.nas(source)), by_radclient=True
        )


@pytest.fixture(scope="module")
def holder(world: World) -> Person:
    """Return the user of the RFC, with a token of ours, and one of SecurID's under another name."""
    (person,) = upstreams.people(world, RFC_USER, exactly=True)
    world.run("user", "upstream", RFC_USER, "securid", "--as", "next.of-the-rfc")
    return person


@pytest.mark.parametrize("source", [_PROXY, _THEN_TOTP])
@pytest.mark.usefixtures("holder")
def test_mschap2_wrong_password_is_an_error(
    world: World, radclient: Callable[[str], Front], source: str
) -> None:
    """The upstream's MS-CHAP-Error reaches the client (RFC 2548 section 2.1.5), and no keys."""
    said = _asked(radclient(source), *_MSCHAP2[:-1], _RESPONSE[:-2] + "00")

    assert said.code == REJECT
    assert any(_ERROR.match(line) for line in said.lines), said.lines
    assert not any("Key" in line or "Success" in line for line in said.lines)
    assert ends(world, RFC_USER)[-1] == ("reject", "upstream-refused")


@pytest.mark.usefixtures("holder")
def test_mschap2_for_a_local_password_is_refused(
    world: World, radclient: Callable[[str], Front], servers: dict[str, TokenServer]
) -> None:
    """Of a hash no MS-CHAP can be checked: a Reject with an MS-CHAP-Error, and nobody is asked."""
    before = len(servers["securid"].requests())
    said = _asked(radclient(_LOCAL), *_MSCHAP2)

    assert said.code == REJECT
    assert any(_ERROR.match(line) for line in said.lines), said.lines
    assert ends(world, RFC_USER)[-1] == ("reject", "unsupported-method")
    assert len(servers["securid"].requests()) == before


def test_mschap2_then_wrong_code_gives_no_keys(
    world: World, radclient: Callable[[str], Front], holder: Person
) -> None:
    """The right MS-CHAPv2 response and a wrong code: a Reject without anything of the upstream."""
    client = radclient(_THEN_TOTP)
    first = _asked(client, *_MSCHAP2)
    assert first.code == CHALLENGE
    assert not any(line in _KEYS for line in first.lines)
    last = client.ask(RFC_USER, holder.wrong_code(), first.state)

    assert last is not None
    assert last.code == REJECT
    assert {line.partition(" ")[0] for line in last.lines} == {"Message-Authenticator"}
    assert ends(world, RFC_USER)[-1] == ("reject", "bad-passcode")


def test_mschap2_is_relayed_with_its_keys(world: World, radclient: Callable[[str], Front]) -> None:
    """RFC 2759 section 9.2 through us: its success message, and the keys of RFC 3079."""
    said = _asked(radclient(_PROXY), *_MSCHAP2)

    assert said.code == ACCEPT
    assert set(said.lines) >= _KEYS
    assert ends(world, RFC_USER)[-1] == ("accept", "passed")


def test_mschap2_keys_are_kept_over_our_code(
    world: World, radclient: Callable[[str], Front], holder: Person
) -> None:
    """The keys wait, sealed, while a person types a code, and are in the last Accept only."""
    client = radclient(_THEN_TOTP)
    first = _asked(client, *_MSCHAP2)
    assert first.code == CHALLENGE
    last = client.ask(RFC_USER, holder.code(), first.state)

    assert last is not None
    assert last.code == ACCEPT
    assert set(last.lines) >= _KEYS
    end = told(world, RFC_USER)[-1]
    assert (end["factor"], end["token"]) == ("totp", holder.serial)


@pytest.mark.usefixtures("holder")
def test_mschap2_keys_are_kept_over_another_upstream(
    world: World, radclient: Callable[[str], Front]
) -> None:
    """NPS checks MS-CHAPv2, SecurID asks twice: the keys of the one, the word of the other."""
    client = radclient(_THEN_RSA)
    first = _asked(client, *_MSCHAP2)
    assert first.code == CHALLENGE
    second = client.ask(RFC_USER, PASSCODE, first.state)
    assert second is not None
    assert second.code == CHALLENGE
    last = client.ask(RFC_USER, NEXT_CODE, second.state)

    assert last is not None
    assert last.code == ACCEPT
    assert set(last.lines) >= _KEYS
    assert 'Reply-Message = "PASSCODE accepted"' in last.lines
    assert told(world, RFC_USER)[-1]["factor"] == "rsa"


def test_mschap1_keys_are_those_of_the_upstream(
    servers: dict[str, TokenServer], radclient: Callable[[str], Front]
) -> None:
    """MS-CHAP version 1 (RFC 2433): MS-CHAP-MPPE-Keys as the server itself gives them."""
    lines = (f'User-Name = "{RFC_USER}"', f'MS-CHAP-Password = "{RFC_PASSWORD}"')

    through, direct = _asked(radclient(_PROXY), *lines), Radclient(servers["nps"]).send(*lines)

    assert direct is not None
    assert through.code == direct.code == ACCEPT
    keys = _of(direct, "MS-CHAP-MPPE-Keys")
    assert keys
    assert _of(through, "MS-CHAP-MPPE-Keys") == keys


def test_hidden_and_tagged_attributes_are_those_of_the_upstream(
    servers: dict[str, TokenServer], radclient: Callable[[str], Front]
) -> None:
    """Everything in an Accept, a Tunnel-Password among it, reads as if the server had sent it."""
    lines = (f'User-Name = "{unique("rich")}"', f'User-Password = "{PASSWORD}"')

    through, direct = (
        _asked(radclient(_GENERIC), *lines),
        Radclient(servers["generic"]).send(*lines),
    )

    assert direct is not None
    assert 'Tunnel-Password:1 = "tunnel password"' in direct.lines
    given = [line for line in direct.lines if not line.startswith("Message-Authenticator")]
    assert [line for line in through.lines if line in given] == given


@pytest.mark.parametrize("more", [(), ("CHAP-Challenge = 0x000102030405060708090a0b0c0d0e0f",)])
@pytest.mark.parametrize(
    ("source", "plays", "user", "password", "code"),
    [
        pytest.param(_PROXY, "nps", "push", "correct mule", REJECT, id="wrong"),
        pytest.param(_PROXY, "nps", "push", PASSWORD, ACCEPT, id="password"),
        pytest.param(_STEP_UP, "onespan", "otp", "123456", REJECT, id="wrong-code"),
        pytest.param(_STEP_UP, "onespan", "otp", CODE, ACCEPT, id="code"),
    ],
)
def test_chap_is_relayed_with_its_challenge(
    servers: dict[str, TokenServer],
    radclient: Callable[[str], Front],
    more: tuple[str, ...],
    source: str,
    plays: str,
    user: str,
    password: str,
    code: str,
) -> None:
    """The challenge is CHAP-Challenge or the Request Authenticator (RFC 2865 section 5.3)."""
    name = unique(user)

    said = _asked(
        radclient(source), f'User-Name = "{name}"', *more, f'CHAP-Password = "{password}"'
    )

    assert said.code == code
    (seen,) = servers[plays].requests(name)
    assert len(seen["CHAP-Challenge"]) == 1
    assert "User-Password" not in seen


def test_chap_then_our_code_is_accepted(world: World, radclient: Callable[[str], Front]) -> None:
    """CHAP for the password, then the code by PAP."""
    (person,) = upstreams.people(world, "none")
    client = radclient(_THEN_TOTP)
    first = _asked(client, f'User-Name = "{person.name}"', f'CHAP-Password = "{PASSWORD}"')
    assert first.code == CHALLENGE
    last = client.ask(person.name, person.code(), first.state)

    assert last is not None
    assert last.code == ACCEPT
    assert [reason for _, reason in ends(world, person.name)] == ["passcode-wanted", "passed"]


def _asked(client: Front, *lines: str) -> Said:
    said = client.send(*lines)
    assert said is not None
    return said


def _of(said: Said, name: str) -> list[str]:
    return [line for line in said.lines if line.startswith(f"{name} = ")]
