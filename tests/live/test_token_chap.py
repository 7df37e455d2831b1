"""The played token servers by CHAP, MS-CHAP and MS-CHAPv2: who may, and whose keys come back."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import codec, numbers
from radiusmfa.wire.salt import unseal
from tests.live.clients import need
from tests.live.token_clients import ACCEPT, REJECT, Radclient, read
from tests.live.token_server import every_server
from tests.live.token_users import CODE, PASSCODE, PASSWORD, RFC_PASSWORD, RFC_USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.nas import Nas, Reply
    from tests.live.token_server import TokenServer

_MICROSOFT: Final = (311).to_bytes(4)
# RFC 2759 section 9.2.
_CHALLENGE: Final = "5b5d7c7d7b3f2f3e3c2c602132262628"
_RESPONSE: Final = (
    "050021402324255e262a28295f2b3a337c7e0000000000000000"
    "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
)
_SUCCESS: Final = b"\x05S=407A5589115FD0D6209F510FE9C04566932CDA56"
# RFC 3079 section 3.5.3 prints the first, for the server to send with; its computation
# with the other magic constant (section 3.4) gives the second.
_SEND_KEY: Final = "8b7cdc149b993a1ba118cb153f56dccb"
_RECV_KEY: Final = "d5f0e9521e3ea9589645e86051c82226"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TokenServer]]:
    """Return one running server of each kind."""
    need("freeradius", "radclient")
    with every_server(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.mark.parametrize(
    ("plays", "user", "password"),
    [
        pytest.param("securid", "normal", PASSCODE, id="securid"),
        pytest.param("vip", "uo", CODE, id="vip"),
        pytest.param("vip", "ulo", PASSWORD, id="vip-password"),
        pytest.param("onespan", "otp", "123456", id="onespan-wrong"),
        pytest.param("onespan", "virtual", PASSWORD, id="onespan-virtual"),
        pytest.param("onespan", "virtual-keyword", "", id="onespan-keyword"),
        pytest.param("nps", "none", "correct mule", id="nps-wrong"),
        pytest.param("nps", "code", PASSWORD, id="nps-code"),
        pytest.param("duo-proxy", "only-deny", CODE, id="duo-cannot-read-it"),
        pytest.param("duo-proxy", "menu", PASSWORD, id="duo-menu"),
        pytest.param("generic", "plain", "correct mule", id="generic-wrong"),
    ],
)
def test_chap_is_refused(
    servers: dict[str, TokenServer], plays: str, user: str, password: str
) -> None:
    """Where CHAP is wrong or of no use, no server lets anyone in."""
    assert _chap(servers[plays], user, password) == REJECT


@pytest.mark.parametrize(
    ("plays", "user", "password"),
    [
        pytest.param("onespan", "otp", CODE, id="onespan"),
        pytest.param("nps", "none", PASSWORD, id="nps"),
        pytest.param("nps", "push", PASSWORD, id="nps-push"),
        pytest.param("generic", "plain", PASSWORD, id="generic"),
    ],
)
def test_chap_is_accepted(
    servers: dict[str, TokenServer], plays: str, user: str, password: str
) -> None:
    """A right CHAP-Password is an Access-Accept, from both clients."""
    assert _chap(servers[plays], user, password) == ACCEPT

    said = Radclient(servers[plays]).send(f'User-Name = "{user}"', f'CHAP-Password = "{password}"')
    assert said is not None
    assert said.code == ACCEPT


def test_mschap2_wrong_password_is_refused_with_an_error(
    servers: dict[str, TokenServer],
) -> None:
    """MS-CHAP-Error 691, no retry, version 3 (RFC 2759 section 6)."""
    reply = _mschap2(servers["nps"], RFC_USER, _RESPONSE[:-2] + "00")

    assert reply.code == numbers.ACCESS_REJECT
    assert re.fullmatch(rb"\x05E=691 R=0 C=[0-9a-f]{32} V=3 M=.*", _microsoft(reply)[2])


def test_mschap2_is_refused_where_a_code_must_be_typed(servers: dict[str, TokenServer]) -> None:
    """Nobody types a code into MS-CHAPv2: Access-Reject, also for whom the password is right."""
    assert _mschap2(servers["nps"], "code").code == numbers.ACCESS_REJECT


@pytest.mark.parametrize("plays", ["nps", "generic"])
def test_mschap2_is_accepted_with_the_rfcs_own_keys(
    servers: dict[str, TokenServer], plays: str
) -> None:
    """RFC 2759 section 9.2: its success message, and the MPPE keys of RFC 3079 section 3.5.3."""
    reply = _mschap2(servers[plays], RFC_USER)
    said = _microsoft(reply)
    secret, authenticator = servers[plays].secret, reply.request[4:20]

    assert reply.code == numbers.ACCESS_ACCEPT
    assert said[26] == _SUCCESS
    assert unseal(said[16], secret, authenticator).hex() == _SEND_KEY
    assert unseal(said[17], secret, authenticator).hex() == _RECV_KEY
    assert said[7] == (2).to_bytes(4)


def test_radclient_reads_the_same_keys(servers: dict[str, TokenServer]) -> None:
    """What we take from the reply is what FreeRADIUS's own client takes from it."""
    said = Radclient(servers["nps"]).send(
        f'User-Name = "{RFC_USER}"',
        f"MS-CHAP-Challenge = 0x{_CHALLENGE}",
        f"MS-CHAP2-Response = 0x{_RESPONSE}",
    )

    assert said is not None
    assert said.code == ACCEPT
    assert f"MS-CHAP2-Success = 0x{_SUCCESS.hex()}" in said.lines
    assert f"MS-MPPE-Send-Key = 0x{_SEND_KEY}" in said.lines
    assert f"MS-MPPE-Recv-Key = 0x{_RECV_KEY}" in said.lines


@pytest.mark.parametrize(
    ("password", "code"), [("clientpass", REJECT), (RFC_PASSWORD, ACCEPT)], ids=["wrong", "right"]
)
def test_mschap1_is_checked(servers: dict[str, TokenServer], password: str, code: str) -> None:
    """MS-CHAP version 1 as radclient computes it (RFC 2433)."""
    said = Radclient(servers["nps"]).send(
        f'User-Name = "{RFC_USER}"', f'MS-CHAP-Password = "{password}"'
    )

    assert said is not None
    assert said.code == code


def _hashed(nas: Nas, user: str, attributes: bytes) -> bytes:
    """Return a signed Access-Request without User-Password."""
    name = codec.attribute(numbers.USER_NAME, user.encode())
    number, authenticator = nas.next_identifier(), secrets.token_bytes(16)
    return codec.request(numbers.ACCESS_REQUEST, number, authenticator, name + attributes, nas.key)


def _chap(server: TokenServer, user: str, password: str) -> str:
    """Return the name of the reply to a CHAP login (RFC 2865 section 5.3)."""
    challenge, number = secrets.token_bytes(16), b"\x07"
    digest = hashlib.md5(number + password.encode() + challenge, usedforsecurity=False).digest()
    more = codec.attribute(numbers.CHAP_PASSWORD, number + digest)
    more += codec.attribute(60, challenge)
    with server.nas() as nas:
        return read(nas.ask(_hashed(nas, user, more)).packet).code


def _mschap2(server: TokenServer, user: str, response: str = _RESPONSE) -> Reply:
    """Return the reply to RFC 2759's own example of a login."""
    more = _vendor(11, bytes.fromhex(_CHALLENGE)) + _vendor(25, bytes.fromhex(response))
    with server.nas() as nas:
        return nas.ask(_hashed(nas, user, more))


def _vendor(kind: int, value: bytes) -> bytes:
    return codec.attribute(
        numbers.VENDOR_SPECIFIC, _MICROSOFT + bytes((kind, len(value) + 2)) + value
    )


def _microsoft(reply: Reply) -> dict[int, bytes]:
    found = reply.packet.values(numbers.VENDOR_SPECIFIC)
    return {one[4]: one[6:] for one in found if one[:4] == _MICROSOFT}
