"""Promise 4: silence to strangers, an answer to clients, and no packet stops the server."""

from __future__ import annotations

import random
import secrets
import threading
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import codec, numbers
from tests.live.clients import APPEND, CHALLENGE, CLIENTS, FAST, STEP_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.nas import Nas
    from tests.live.world import World

_PACKETS: Final = 1500
_BURST: Final = 50  # fewer than a socket's buffer holds
_LOGINS: Final = 10
_GUESSES: Final = 200  # more than a queue holds, and fewer than there are identifiers
_STRANGER: Final = "127.0.0.99"
_CODES: Final = (1, 1, 1, 2, 3, 4, 5, 11, 13, 40, 43, 255)  # all but Status-Server's
_TYPES: Final = (1, 2, 3, 4, 24, 26, 33, 60, 79, 80, 102, 0, 255)


def garbage(nas: Nas) -> Iterator[bytes]:
    """Yield octets without any sense."""
    del nas
    while True:
        yield secrets.token_bytes(random.choice((0, 1, 19, 20, 21, 100, 4096, 4097, 9000)))


def mutants(nas: Nas) -> Iterator[bytes]:
    """Yield requests in which something was changed on the way."""
    while True:
        octets = bytearray(nas.request("mutant", "secret123456"))
        for _ in range(random.randint(1, 4)):
            octets[random.randrange(len(octets))] = random.randrange(256)
        cut = random.choice((len(octets), random.randrange(len(octets))))
        yield bytes(octets[:cut]) + secrets.token_bytes(random.choice((0, 0, 3)))


def signed_nonsense(nas: Nas) -> Iterator[bytes]:
    """Yield packets that a client of ours has signed, with attributes by chance."""
    while True:
        attributes = b"".join(
            bytes((random.choice(_TYPES), 2 + size)) + secrets.token_bytes(size)
            for size in random.choices(range(60), k=random.randint(0, 12))
        )
        yield codec.request(
            random.choice(_CODES),
            nas.next_identifier(),
            secrets.token_bytes(16),
            attributes,
            nas.key,
        )


def signed_logins(nas: Nas) -> Iterator[bytes]:
    """Yield well-made logins with names and proofs by chance, and States that nobody gave."""
    while True:
        more = codec.attribute(numbers.STATE, secrets.token_bytes(random.randint(1, 64)))
        yield nas.request(
            secrets.token_bytes(random.randint(1, 253)),
            secrets.token_bytes(random.randint(1, 128)),
            random.choice((b"", b"", more)),
        )


@pytest.mark.parametrize("source", [CHALLENGE, STEP_UP, APPEND])
@pytest.mark.parametrize("kind", [garbage, mutants, signed_nonsense, signed_logins])
def test_promise_4_no_packet_stops_the_server(
    world: World, kind: Callable[[Nas], Iterator[bytes]], source: str
) -> None:
    """After a thousand packets made to do harm, from a client's address, people log in."""
    seen = len(world.log())
    with world.nas(source) as nas:
        packets = kind(nas)
        for _ in range(_PACKETS // _BURST):
            for _ in range(_BURST):
                nas.send(next(packets))
            assert {octets[0] for octets in nas.before_status()} <= {numbers.ACCESS_REJECT}

    person = world.person()
    with world.nas() as nas:
        code = nas.dialogue(person.name, person.password, person.code())
    assert code == numbers.ACCESS_ACCEPT
    assert "broke" not in world.log()[seen:]


def signed_records(nas: Nas) -> Iterator[bytes]:
    """Yield accounting records with a valid status, and everything else by chance."""
    while True:
        status = random.choice((1, 2, 3, 7, 8)).to_bytes(4, "big")
        attributes = codec.attribute(numbers.ACCT_STATUS_TYPE, status)
        for kind in random.sample((1, 25, 31, 32, 40, 41, 42, 44, 46, 49, 55), 5):
            attributes += codec.attribute(kind, secrets.token_bytes(random.randint(0, 60)))
        yield codec.request(
            numbers.ACCOUNTING_REQUEST,
            nas.next_identifier(),
            b"",
            attributes,
            nas.key,
            signed=False,
        )


@pytest.mark.parametrize("kind", [garbage, signed_nonsense, signed_records])
def test_promise_4_no_packet_stops_the_accounting(
    world: World, kind: Callable[[Nas], Iterator[bytes]]
) -> None:
    """Whatever records a client invents, the port answers, and the audit stays whole."""
    seen = len(world.log())
    with world.nas(STEP_UP, accounting=True) as nas:
        packets = kind(nas)
        for _ in range(_PACKETS // _BURST // 3):
            for _ in range(_BURST):
                nas.send(next(packets))
            replies = nas.before_status()
            assert {octets[0] for octets in replies} <= {numbers.ACCOUNTING_RESPONSE}

    assert "broke" not in world.log()[seen:]
    world.audit()  # every line is JSON
    world.run("audit", "verify")


@pytest.mark.parametrize("kind", [garbage, mutants, signed_nonsense, signed_logins])
def test_promise_4_strangers_get_silence(
    world: World, kind: Callable[[Nas], Iterator[bytes]]
) -> None:
    """Whoever is no client gets no answer, even to what is signed with the right secret."""
    with world.nas(_STRANGER) as nas, world.nas() as known:
        packets = kind(nas)
        for _ in range(_BURST):
            nas.send(next(packets))

        assert known.before_status() == []
        assert nas.waiting() == []
    # A flood fills no disk: the log says it a few times, then sums up.
    assert world.log().count(f"({_STRANGER})") + world.log().count(f" {_STRANGER} ") < _BURST


def test_promise_4_people_log_in_during_a_flood(stopped: World) -> None:
    """While strangers and a client's neighbor send garbage without pause, everybody gets in."""
    stopped.populate(_LOGINS)
    stopped.start()
    over = threading.Event()
    threads = [
        threading.Thread(target=flood, args=(stopped, source, kind, over))
        for source, kind in ((_STRANGER, garbage), (CHALLENGE, mutants))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(_LOGINS):
            person = stopped.person()
            with stopped.nas(STEP_UP) as nas:
                request = nas.request(person.name, person.code())
                assert nas.insist(request).code == numbers.ACCESS_ACCEPT
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert stopped.stop() == 0
    assert stopped.faults() == []
    assert len(stopped.log().splitlines()) < 1000


def flood(
    world: World, source: str, kind: Callable[[Nas], Iterator[bytes]], over: threading.Event
) -> None:
    """Send packets of *kind* as fast as they can be made until it is over."""
    with world.nas(source) as nas:
        packets = kind(nas)
        while not over.is_set():
            nas.send(next(packets))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"a" * 253, id="253-octets"),
        pytest.param("ﬁ\u0301ancée\u202e".encode(), id="unicode"),
        pytest.param(b"\x00" * 8, id="nuls"),
        pytest.param(b"live0001\x00", id="nul-at-the-end"),
        pytest.param(b"\xff\xfe\xc0", id="no-utf-8"),
        pytest.param(b'live\r\n{"decision":"accept"}', id="line-break"),
        pytest.param(b"' OR 1=1 --", id="sql"),
        pytest.param(b"%s%n{user}{0}", id="format"),
    ],
)
def test_strange_user_name_is_rejected(world: World, name: bytes) -> None:
    """No name that a client can send is more than a name; the audit shows it on one line."""
    lines = len(world.audit(kind="login"))
    with world.nas() as nas:
        assert nas.login("x", "y") == numbers.ACCESS_REJECT
        assert nas.ask(nas.request(name, "correct horse")).code == numbers.ACCESS_REJECT

    assert len(world.audit(kind="login")) == lines + 2


@pytest.mark.parametrize(
    "source", [pytest.param(STEP_UP, id="passcodes"), pytest.param(APPEND, id="passwords")]
)
def test_flood_of_wrong_passwords_at_one_client_spares_the_others(
    stopped: World, source: str
) -> None:
    """One client's wrong passwords fill its share of the queue; at another people get in."""
    stopped.configure(CLIENTS, passwords=FAST | {"queue": 8, "threads": 1})
    stopped.start()
    person = stopped.person()
    with stopped.nas() as busy, stopped.nas(source) as nas:
        proof = person.code() if source == STEP_UP else person.password + person.code()
        for number in range(_GUESSES):
            busy.send(busy.request(f"nobody{number}", "wrong"))
        assert nas.insist(nas.request(person.name, proof)).code == numbers.ACCESS_ACCEPT
        replies = busy.before_status()

    assert {octets[0] for octets in replies} == {numbers.ACCESS_REJECT}
    assert len(replies) < _GUESSES
