"""Accounting over real UDP: stored, answered, and tied to the login by Class."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from radiusmfa.wire import codec, numbers
from tests.live.clients import STEP_UP

if TYPE_CHECKING:
    from tests.live.nas import Nas
    from tests.live.world import World

_SESSION_SECONDS = 46


def record(nas: Nas, status: int, session: bytes, **more: bytes) -> bytes:
    """Return an Accounting-Request of *status* for *session*."""
    attributes = codec.attribute(numbers.ACCT_STATUS_TYPE, status.to_bytes(4, "big"))
    attributes += codec.attribute(numbers.ACCT_SESSION_ID, session)
    attributes += codec.attribute(numbers.NAS_IP_ADDRESS, bytes((192, 0, 2, 10)))
    for number, value in more.items():
        attributes += codec.attribute(int(number.removeprefix("a")), value)
    return codec.request(
        numbers.ACCOUNTING_REQUEST, nas.next_identifier(), b"", attributes, nas.key, signed=False
    )


def answer(nas: Nas, request: bytes) -> codec.Packet:
    """Send *request*; return the genuine Accounting-Response."""
    nas.send(request)
    octets = nas.receive()
    assert octets is not None, "no Accounting-Response"
    packet = codec.decode(octets)
    codec.verify_reply(packet, request[4:20], nas.key, require_signature=False)
    assert packet.code == numbers.ACCOUNTING_RESPONSE
    return packet


def test_session_is_tied_to_its_login(world: World) -> None:
    """Start, Interim and Stop with the Accept's Class bear the login's id in the audit."""
    person = world.person()
    session = secrets.token_hex(4).encode()
    with world.nas(STEP_UP) as nas:
        accept = nas.ask(nas.request(person.name, person.code())).packet
    assert accept.code == numbers.ACCESS_ACCEPT
    name = accept.value(numbers.CLASS) or b""
    with world.nas(STEP_UP, accounting=True) as nas:
        for status, seconds in ((1, 0), (3, 60), (2, 90)):
            length = {f"a{_SESSION_SECONDS}": seconds.to_bytes(4, "big")} if seconds else {}
            answer(nas, record(nas, status, session, **{f"a{numbers.CLASS}": name}, **length))

    (login,) = world.audit(kind="login", user=person.name)
    lines = world.audit(kind="accounting", session=session.decode())
    assert [line["status"] for line in lines] == ["start", "interim", "stop"]
    assert {line["id"] for line in lines} == {login["id"]}
    assert [line.get("seconds") for line in lines] == [None, 60, 90]


def test_duplicate_record_is_stored_once(world: World) -> None:
    """A retransmitted Accounting-Request is answered again, and recorded once."""
    session = secrets.token_hex(4).encode()
    with world.nas(STEP_UP, accounting=True) as nas:
        request = record(nas, 1, session)
        first = answer(nas, request)
        again = answer(nas, request)

    assert first.octets == again.octets
    assert len(world.audit(kind="accounting", session=session.decode())) == 1


def test_proxy_state_comes_back(world: World) -> None:
    """An Accounting-Response returns Proxy-State and nothing else."""
    session = secrets.token_hex(4).encode()
    with world.nas(STEP_UP, accounting=True) as nas:
        packet = answer(nas, record(nas, 1, session, **{f"a{numbers.PROXY_STATE}": b"p1"}))

    assert packet.octets[20:] == codec.attribute(numbers.PROXY_STATE, b"p1")


def test_forged_record_gets_silence_and_is_not_stored(world: World) -> None:
    """A wrong Request Authenticator: no answer, no line."""
    session = secrets.token_hex(4).encode()
    with world.nas(STEP_UP, accounting=True) as nas:
        octets = bytearray(record(nas, 1, session))
        octets[4] ^= 1
        nas.send(bytes(octets))

        assert nas.before_status() == []
    assert world.audit(kind="accounting", session=session.decode()) == []


def test_access_request_at_the_accounting_port_gets_silence(world: World) -> None:
    """Passwords are not taken where accounting is."""
    person = world.person()
    with world.nas(STEP_UP, accounting=True) as nas:
        nas.send(nas.request(person.name, person.code()))

        assert nas.before_status() == []


@pytest.mark.parametrize("status", [99, 0], ids=["unknown", "zero"])
def test_record_that_cannot_be_stored_gets_silence(world: World, status: int) -> None:
    """What is not recorded is not acknowledged (RFC 2866 section 4.2)."""
    session = secrets.token_hex(4).encode()
    with world.nas(STEP_UP, accounting=True) as nas:
        nas.send(record(nas, status, session))

        assert nas.before_status() == []
    assert world.audit(kind="accounting", session=session.decode()) == []
