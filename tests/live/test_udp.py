"""Sockets and retransmissions: several listeners, both families, duplicates, quick retries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from radiusmfa.wire import codec, numbers
from tests.live.clients import APPEND, CLIENTS, FAST, STEP_UP
from tests.live.nas import Nas
from tests.live.world import SECRET, free_ports

if TYPE_CHECKING:
    from tests.live.world import World


@pytest.mark.parametrize("source", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def test_login_over_either_family_is_accepted(world: World, source: str) -> None:
    """IPv4 and IPv6 listeners serve the same people."""
    person = world.person()

    with world.nas(source) as nas:
        code = nas.dialogue(person.name, person.password, person.code())

    assert code == numbers.ACCESS_ACCEPT


@pytest.mark.parametrize("source", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def test_login_over_either_family_is_refused(world: World, source: str) -> None:
    """A wrong code is wrong over IPv4 and IPv6."""
    person = world.person()

    with world.nas(source) as nas:
        code = nas.dialogue(person.name, person.password, person.wrong_code())

    assert code == numbers.ACCESS_REJECT


def test_every_listener_serves(stopped: World) -> None:
    """Three listeners answer, each from the address that was asked."""
    first, second = free_ports(2)
    listen = [
        {"udp": f"127.0.0.1:{stopped.port}"},
        {"udp": f"127.0.0.1:{first}"},
        {"udp": f"[::1]:{second}"},
    ]
    stopped.configure(CLIENTS, json.dumps(listen), passwords=FAST)
    stopped.start()

    for port, source in ((stopped.port, STEP_UP), (first, STEP_UP), (second, "::1")):
        person = stopped.person()
        with Nas(port, SECRET, source) as nas:
            proof = person.code() if source == STEP_UP else person.password
            expected = numbers.ACCESS_ACCEPT if source == STEP_UP else numbers.ACCESS_CHALLENGE
            assert nas.login(person.name, proof) == expected


def test_passcode_used_at_one_listener_is_used_at_all(stopped: World) -> None:
    """Two ports of one server do not accept the same code twice."""
    (other,) = free_ports(1)
    listen = [{"udp": f"127.0.0.1:{stopped.port}"}, {"udp": f"127.0.0.1:{other}"}]
    clients = [{**dict(one), "retry_window": 0} for one in CLIENTS]
    stopped.configure(clients, json.dumps(listen), passwords=FAST)
    stopped.start()
    person = stopped.person()
    code = person.code()

    with stopped.nas(STEP_UP) as nas, Nas(other, SECRET, STEP_UP) as elsewhere:
        assert nas.login(person.name, code) == numbers.ACCESS_ACCEPT
        assert elsewhere.login(person.name, code) == numbers.ACCESS_REJECT


def test_duplicate_gets_the_same_octets(world: World) -> None:
    """A retransmitted request is answered again with the same octets, not judged again."""
    person = world.person()
    with world.nas(STEP_UP) as nas:
        request = nas.request(person.name, person.code())
        nas.send(request)
        first = nas.receive()

        nas.send(request)
        second = nas.receive()

    assert first is not None
    assert first[0] == numbers.ACCESS_ACCEPT
    assert second == first
    lines = world.audit(kind="login", user=person.name)
    assert [line["decision"] for line in lines] == ["accept"]


def test_duplicate_of_a_pending_login_gets_one_answer(world: World) -> None:
    """What is sent five times before the first answer is one login."""
    person = world.person()
    with world.nas(APPEND) as nas:
        request = nas.request(person.name, person.password + person.code())
        for _ in range(5):
            nas.send(request)
        first = nas.receive()
        more = nas.before_status()

    assert first is not None
    assert first[0] == numbers.ACCESS_ACCEPT
    assert set(more) <= {first}
    assert len(world.audit(kind="login", user=person.name)) == 1


def test_same_identifier_with_another_authenticator_is_a_new_request(world: World) -> None:
    """A NAS that begins anew on the same port and identifier gets its own answer."""
    person = world.person()
    with world.nas(STEP_UP) as nas:
        wrong = nas.request(person.name, person.wrong_code(), identifier=7)
        assert nas.ask(wrong).code == numbers.ACCESS_REJECT

        right = nas.request(person.name, person.code(), identifier=7)

        assert nas.ask(right).code == numbers.ACCESS_ACCEPT


def test_forged_packet_does_not_disturb_the_duplicates(world: World) -> None:
    """A packet that does not verify changes nothing about the answer already given."""
    person = world.person()
    with world.nas(STEP_UP) as nas:
        request = nas.request(person.name, person.code(), identifier=12)
        nas.send(request)
        first = nas.receive()
        forged = bytearray(nas.request(person.name, "000000", identifier=12))
        forged[22] ^= 1
        nas.send(bytes(forged))

        nas.send(request)
        again = nas.receive()

    assert first is not None
    assert again == first


def test_retry_from_another_port_is_the_same_login(world: World) -> None:
    """Same client, identifier, user and code within seconds: the same decision, once."""
    person = world.person()
    code = person.code()
    with world.nas(STEP_UP) as nas, world.nas(STEP_UP) as other:
        first = nas.ask(nas.request(person.name, code, identifier=3))
        retry = other.ask(other.request(person.name, code, identifier=3))

    assert (first.code, retry.code) == (numbers.ACCESS_ACCEPT, numbers.ACCESS_ACCEPT)
    assert first.packet.value(numbers.CLASS) == retry.packet.value(numbers.CLASS)
    assert len(world.audit(kind="login", user=person.name, decision="accept")) == 1


def test_retry_with_another_identifier_is_a_replay(world: World) -> None:
    """The same code under another identifier is used already."""
    person = world.person()
    code = person.code()
    with world.nas(STEP_UP) as nas:
        assert nas.ask(nas.request(person.name, code, identifier=3)).code == numbers.ACCESS_ACCEPT

        again = nas.ask(nas.request(person.name, code, identifier=4))

    assert again.code == numbers.ACCESS_REJECT
    reasons = [line["reason"] for line in world.audit(kind="login", user=person.name)]
    assert reasons == ["passed", "replayed-passcode"]


def test_retry_from_another_client_is_a_replay(world: World) -> None:
    """The second client with the same identifier and code is not the same login."""
    person = world.person()
    code = person.code()
    with world.nas(STEP_UP) as nas, world.nas(APPEND) as other:
        assert nas.ask(nas.request(person.name, code, identifier=3)).code == numbers.ACCESS_ACCEPT

        stolen = other.request(person.name, person.password + code, identifier=3)

        assert other.ask(stolen).code == numbers.ACCESS_REJECT


def test_answer_to_a_challenge_may_come_from_another_port(world: World) -> None:
    """State is bound to client and user, not to the port (ocserv opens a socket per request)."""
    person = world.person()
    with world.nas() as nas, world.nas() as other:
        state = nas.ask(nas.request(person.name, person.password)).state
        more = codec.attribute(numbers.STATE, state)

        assert other.login(person.name, person.code(), more) == numbers.ACCESS_ACCEPT


def test_answer_to_a_challenge_from_another_client_is_refused(world: World) -> None:
    """A State that another client overheard is none."""
    person = world.person()
    with world.nas() as nas, world.nas(APPEND) as other:
        state = nas.ask(nas.request(person.name, person.password)).state
        more = codec.attribute(numbers.STATE, state)

        assert other.login(person.name, person.code(), more) == numbers.ACCESS_REJECT


def test_state_is_fit_for_every_client(world: World) -> None:
    """State is printable, without zero octets, at most 64 octets; the prompt is one."""
    person = world.person()
    with world.nas() as nas:
        challenge = nas.ask(nas.request(person.name, person.password)).packet

    state = challenge.values(numbers.STATE)
    assert len(state) == 1
    assert state[0].decode("ascii").isprintable()
    assert 16 <= len(state[0]) <= 64
    assert challenge.values(numbers.REPLY_MESSAGE) == [b"Passcode: "]
    assert challenge.values(numbers.PROMPT) == [bytes(4)]
