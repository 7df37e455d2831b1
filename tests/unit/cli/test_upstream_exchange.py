"""Tests of `radiusmfa.cli.upstream_exchange`, against servers of a few lines on loopback."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.cli.upstream_exchange import Exchange
from radiusmfa.config.model import Configuration
from radiusmfa.config.upstream_model import AliveCheck, Dialogue, Server, Upstream
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.upstream.inquiry import Inquiry
from radiusmfa.wire import codec, numbers
from tests.unit.cli.responder import (
    KEY,
    PATIENCE,
    SECRET,
    Responder,
    answer,
    by_code,
    changed,
    closed_port,
    silent,
)

if TYPE_CHECKING:
    from radiusmfa.upstream.inquiry import Response

ACCEPT: Final = answer(numbers.ACCESS_ACCEPT)
REJECT: Final = answer(numbers.ACCESS_REJECT)


def _ask(
    *ports: int,
    budget: float = PATIENCE,
    typed: bytes = b"123456",
    server: str = "",
    check: AliveCheck = AliveCheck.STATUS_SERVER,
    waits: bool = False,
    required: bool = True,
    host: str = "127.0.0.1",
) -> Response:
    """Ask the servers at *ports* about alice."""
    servers = tuple(
        Server(
            host=host,
            port=port,
            secret=Secret(SECRET),
            alive_check=check,
            require_message_authenticator=required,
        )
        for port in ports
    )
    upstream = Upstream(
        name="rsa",
        servers=servers,
        retransmit=1,
        dialogue=Dialogue(name="it", waits=waits),
    )
    config = Configuration(
        path=Path("it.yaml"),
        listen=(),
        store_path=Path("it.db"),
        keys_path=Path("keys"),
        clients=(),
        upstreams=(upstream,),
    )
    asked = Inquiry(
        upstream="rsa",
        attributes=codec.attribute(numbers.USER_NAME, b"alice"),
        typed=typed,
        server=server,
        deadline=time.monotonic() + budget,
    )
    return Exchange(config)(asked)


def test_forged_replies_do_not_count() -> None:
    """What does not verify is told and is no answer; the server is there, the person is not."""
    with Responder(by_code(status=ACCEPT, login=changed)) as responder:
        heard = _ask(responder.port, budget=1.0)

    assert heard.packet is None
    assert heard.reason is Reason.UNANSWERED
    assert heard.ignored["bad-response-authenticator"] >= 1


def test_reply_without_signature_does_not_count_unless_that_is_waived() -> None:
    """A server's own setting says whether its replies need a Message-Authenticator."""
    unsigned = answer(numbers.ACCESS_ACCEPT, signed=False)
    with Responder(by_code(status=ACCEPT, login=unsigned)) as responder:
        assert _ask(responder.port, budget=1.0).packet is None
        heard = _ask(responder.port, required=False)

    assert heard.packet is not None


def test_silent_server_is_left_for_the_next() -> None:
    """Without a sign of life the next one is asked; that it has answered is what counts."""
    with Responder(by_code()) as dead, Responder(by_code(login=REJECT)) as alive:
        heard = _ask(dead.port, alive.port, budget=3.0)

    assert heard.packet is not None
    assert heard.packet.code == numbers.ACCESS_REJECT
    assert heard.server == f"127.0.0.1:{alive.port}"
    assert (heard.servers, heard.sent) == (2, 2)


def test_silence_of_all_is_no_answer() -> None:
    """Where nobody gives a sign of life, nobody could be asked."""
    with Responder(by_code()) as dead:
        heard = _ask(dead.port, budget=1.0)

    assert (heard.packet, heard.reason) == (None, Reason.UPSTREAM_SILENT)


def test_closed_port_is_told_apart() -> None:
    """Where nothing listens, the next one is asked at once; without one that is the reason."""
    with Responder(by_code(login=ACCEPT)) as alive:
        assert _ask(closed_port(), alive.port).packet is not None
    heard = _ask(closed_port())

    assert (heard.packet, heard.reason) == (None, Reason.UPSTREAM_UNREACHABLE)
    assert heard.sent == 1


def test_name_without_address_is_unreachable() -> None:
    """A server whose name has no address cannot be asked."""
    heard = _ask(1812, host="a" * 64 + ".invalid")

    assert (heard.packet, heard.reason) == (None, Reason.UPSTREAM_UNREACHABLE)


@pytest.mark.parametrize("check", [AliveCheck.STATUS_SERVER, AliveCheck.ACCESS_REQUEST])
def test_live_server_without_answer_is_not_left(check: AliveCheck) -> None:
    """A server that is there and silent waits for a person: nobody else is asked."""
    first: list[bytes] = []

    def login(packet: codec.Packet) -> list[bytes]:
        is_alice = packet.value(numbers.USER_NAME) == b"alice"
        first.append(packet.octets)
        return [] if is_alice else list(REJECT(packet))

    acts = by_code(status=ACCEPT, login=login)
    with Responder(acts) as slow, Responder(by_code(login=ACCEPT)) as other:
        heard = _ask(slow.port, other.port, budget=1.0, check=check)
        assert other.arrived == []

    assert (heard.packet, heard.reason) == (None, Reason.UNANSWERED)


@pytest.mark.parametrize(
    ("waits", "reason"),
    [
        pytest.param(True, Reason.UNANSWERED, id="a-person-may-be-slow"),
        pytest.param(False, Reason.UPSTREAM_SILENT, id="a-token-server-is-not"),
    ],
)
def test_silence_where_nobody_can_look(reason: Reason, *, waits: bool) -> None:
    """Without an alive check the dialogue says what silence means."""
    with Responder(by_code()) as responder:
        heard = _ask(responder.port, budget=0.5, check=AliveCheck.NONE, waits=waits)

    assert heard.reason is reason


def test_late_answer_of_a_live_server_counts() -> None:
    """The same octets are sent again, and an answer to any of them is taken."""
    login = iter([silent, ACCEPT])

    def second(packet: codec.Packet) -> list[bytes]:
        return list(next(login)(packet))

    with Responder(by_code(status=ACCEPT, login=second)) as responder:
        heard = _ask(responder.port)
        arrived = [one for one in responder.arrived if one.code == numbers.ACCESS_REQUEST]

    assert heard.packet is not None
    assert heard.sent == 2
    assert len({one.octets for one in arrived}) == 1


def test_dialogue_stays_where_it_began() -> None:
    """The answer to a challenge goes to the server that has asked, or the dialogue is lost."""
    with Responder(by_code(login=REJECT)) as first, Responder(by_code(login=ACCEPT)) as second:
        heard = _ask(first.port, second.port, server=f"127.0.0.1:{second.port}")
        assert heard.packet is not None
        assert heard.packet.code == numbers.ACCESS_ACCEPT
        assert first.arrived == []
        gone = f"127.0.0.1:{closed_port()}"
        assert _ask(first.port, server=gone).reason is Reason.DIALOGUE_LOST
        port = closed_port()
        lost = _ask(port, first.port, server=f"127.0.0.1:{port}")
        assert lost.reason is Reason.DIALOGUE_LOST
        assert first.arrived == []


def test_what_cannot_be_written_is_not_sent() -> None:
    """A password that no packet can hold asks nobody."""
    with Responder(by_code(login=ACCEPT)) as responder:
        heard = _ask(responder.port, responder.port, typed=b"x" * 129)
        assert responder.arrived == []

    assert (heard.packet, heard.reason) == (None, Reason.TEXT_NOT_WRITABLE)


def test_no_time_left_asks_nobody() -> None:
    """Whoever has no time left asks nobody."""
    with Responder(by_code(login=ACCEPT)) as responder:
        heard = _ask(responder.port, budget=0)
        assert responder.arrived == []

    assert heard.packet is None


def test_request_is_built_anew() -> None:
    """Signed first, the password hidden for that server, a Proxy-State of its own."""
    with Responder(by_code(login=ACCEPT)) as responder:
        heard = _ask(responder.port)
        (request,) = responder.arrived
        typed = responder.passwords()

    assert codec.verify(request, KEY)
    assert request.octets[20] == numbers.MESSAGE_AUTHENTICATOR
    assert request.value(numbers.USER_NAME) == b"alice"
    assert request.value(numbers.PROXY_STATE)
    assert typed == [b"123456"]
    assert (heard.secret, heard.authenticator) == (SECRET, request.authenticator)
    assert (heard.upstream, heard.servers, heard.sent) == ("rsa", 1, 1)
    assert 0 < heard.seconds < PATIENCE
