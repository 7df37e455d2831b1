"""No secret, password, passcode or seed stands in the audit, the log, an error or the store."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from twisted.logger import globalLogPublisher

from radiusmfa.config.model import Level, Mode
from radiusmfa.ops import logs
from radiusmfa.stores import people, trail
from radiusmfa.wire import salt, vendor
from tests.flows.upstreams import PROXY, UPSTREAM_SECRET, proxied, serve, tell, told
from tests.flows.world import (
    ACCEPT,
    ADDRESSES,
    APPEND,
    ASKING,
    AUTO,
    REJECT,
    SECRET,
    STEP_UP,
    Person,
    World,
    client,
    raising,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.logger import ILogObserver

# Nothing of these can be in a file by chance.
WRONG = (b"a wrong password 5f2c", b"an0therWr0ngOne-9d", b"\xff\xfe not utf-8 77aa")


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Everything that is logged meanwhile, as it is written."""
    written = StringIO()
    observers: list[ILogObserver] = []

    def begin(found: list[ILogObserver], **_: object) -> None:
        observers.extend(found)

    logs.start(Level.DEBUG, written, for_journal=False, begin=begin)
    for observer in observers:
        globalLogPublisher.addObserver(observer)
    yield written
    for observer in observers:
        globalLogPublisher.removeObserver(observer)


def forms(secret: bytes) -> set[bytes]:
    """Return a secret as it might be written."""
    return {
        secret,
        repr(secret)[2:-1].encode(),
        json.dumps(secret.decode("utf-8", "backslashreplace"))[1:-1].encode(),
        secret.hex().encode(),
        base64.b64encode(secret),
        base64.b32encode(secret),
    }


def files_of(world: World) -> bytes:
    """Return every octet of the store and what lies next to it, but for its keys."""
    found = [path for path in world.path.parent.iterdir() if path.name.startswith(world.path.name)]
    assert len(found) >= 2
    return b"".join(path.read_bytes() for path in found)


def every_kind_of_login(world: World, alice: Person) -> set[bytes]:
    """Log in in each way, right and wrong; return all that was typed."""
    typed = {alice.password, *WRONG}
    codes = world.recovery(alice)
    for mode, address in ADDRESSES.items():
        nas = world.nas(address)
        world.clock.advance(60)
        before = b"" if mode is Mode.STEP_UP else alice.password
        passcodes = [alice.code(world.now, 12), alice.code(world.now), b"999999", codes.pop()]
        codes.extend(world.recovery(alice, 1))
        typed |= {passcode for passcode in passcodes if not passcode.isdigit()}
        for proof in (*(before + passcode for passcode in passcodes), *WRONG):
            reply = nas.ask("alice", proof)
            if reply is not None and reply.code == 11:
                nas.ask("alice", proof, reply.state)
        people.unlock(world.admin, world.actor, "alice")
    return typed


def test_promise_7_nothing_typed_is_written(world: World, log: StringIO) -> None:
    """After every kind of login no file and no log line holds what was typed."""
    alice = world.person()

    typed = every_kind_of_login(world, alice)

    assert ("accept", "passed") in world.reasons
    written = files_of(world) + log.getvalue().encode()
    assert b'"user":"alice"' in written
    for secret in (*typed, alice.seed, SECRET):
        for form in forms(secret):
            assert form not in written


def test_promise_7_passcodes_are_not_in_the_audit(world: World, log: StringIO) -> None:
    """No audit line or log line holds a passcode, right or wrong, alone or behind a password."""
    alice = world.person()
    codes = set()
    for address in (STEP_UP, APPEND, AUTO):
        nas = world.nas(address)
        for step in (0, 12, 13):
            world.clock.advance(90)
            code = alice.code(world.now, step)
            codes.add(code.decode())
            nas.ask("alice", (b"" if address == STEP_UP else alice.password) + code)

    lines = [json.loads(line) for _, line in trail.read(world.admin)]
    assert len(lines) > 9
    for line in lines:
        # Times and durations hold digits of their own.
        line.pop("time")
        line.pop("us", None)
    written = json.dumps(lines) + log.getvalue()
    assert not any(code in written for code in codes)


def test_promise_7_broken_login_is_logged_without_what_was_typed(
    world: World, log: StringIO
) -> None:
    """An exception in the middle of a login is logged without password and passcode."""
    alice = world.person()
    typed = alice.password + alice.code(world.now)
    for text in ("broke", f"broke on {typed!r}"):
        world.pipeline.parts = world.pipeline.parts._replace(steps=raising(text))
        assert world.nas(APPEND).decide("alice", typed) == REJECT

    assert "a login of client append broke" in log.getvalue()
    assert alice.password.decode() not in log.getvalue()


def test_promise_7_state_is_not_in_the_audit(world: World, log: StringIO) -> None:
    """An open challenge cannot be answered by whoever reads audit and log."""
    alice = world.person()
    state = world.nas(ASKING).challenged("alice", alice.password).decode()
    world.nas(ASKING).decide("alice", b"0", state.encode())

    assert state not in json.dumps(world.lines())
    assert state not in log.getvalue()


def test_promise_7_values_that_hold_what_was_typed_do_not_show_it(world: World) -> None:
    """What carries the password through the program does not print it."""
    alice = world.person()
    nas = world.nas(APPEND)
    nas.put(nas.request("alice", alice.password + alice.code(world.now)))
    ((received, question),) = world.threads._waiting

    for value in (received, question, received.attempt, received.packet, received.peer.key):
        assert alice.password.decode() not in repr(value)
        assert SECRET.decode() not in repr(value)


@pytest.mark.parametrize(
    "name",
    [b'alice","decision":"accept', b"a\nb", b"a\x00b", b"\xff\xfe", b"\x1b[2J", b"x" * 253],
    ids=["json", "line", "nul", "not-utf-8", "terminal", "longest"],
)
def test_promise_8_name_cannot_forge_a_line(world: World, name: bytes) -> None:
    """Whatever stands in User-Name, the audit line is one line and says reject."""
    world.nas(STEP_UP).decide(name, b"000000")

    ((_, text),) = trail.read(world.admin)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["decision"] == "reject"


def test_promise_8_line_says_who_where_and_why(world: World) -> None:
    """A line names the user, the client, its address, the calling station and the mode."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    extra = [(31, b"00-00-5e-00-53-01"), (32, b"gateway 7")]

    assert nas.decide("Alice", alice.code(world.now), None, *extra) == ACCEPT

    (line,) = world.lines()
    with suppress(KeyError):
        del line["us"], line["id"]
    assert line == {
        "time": "2027-01-15T08:00:00.000Z",
        "kind": "login",
        "decision": "accept",
        "reason": "passed",
        "user": "Alice",
        "person": "alice",
        "client": "step-up",
        "source": STEP_UP,
        "nas": "gateway 7",
        "station": "00-00-5e-00-53-01",
        "mode": "step-up",
        "factor": "totp",
        "token": alice.serial,
    }


def test_promise_7_dialogue_with_an_upstream_is_written_nowhere(
    world: World, log: StringIO
) -> None:
    """Passwords, passcodes, PINs, States, texts and keys of a dialogue stand in no file or line."""
    world.person(has_token=False)
    server = serve(world, proxied(), client(STEP_UP, Mode.STEP_UP, factors=("securid",)))
    secrets = {
        b"a p4ssw0rd f0r upstream", b"an0ther PIN 8d1e", b"a passc0de 77ab", b"State-0f-theirs-31c",
        b"State-0f-theirs-32d", b"Your new PIN is 90c4-7788", b"Y0u are l0cked, al1ce",
        b"k" * 31 + b"!", UPSTREAM_SECRET,
    }  # fmt: skip
    ours: list[bytes] = []
    for address in (PROXY, STEP_UP):
        nas = world.nas(address)
        request = tell(nas, "alice", b"a p4ssw0rd f0r upstream")
        server.challenge(b"State-0f-theirs-31c", b"Your new PIN is 90c4-7788")
        ours.append(told(nas, request).state)
        request = tell(nas, "alice", b"an0ther PIN 8d1e", ours[-1])
        server.challenge(b"State-0f-theirs-32d", b"Your new PIN is 90c4-7788")
        ours.append(told(nas, request).state)
        request = tell(nas, "alice", b"a passc0de 77ab", ours[-1])
        server.reject(b"Y0u are l0cked, al1ce")
        assert told(nas, request).code == REJECT
        request = tell(nas, "alice", b"a passc0de 77ab")
        asked = server.heard()
        key = salt.seal(b"k" * 31 + b"!", UPSTREAM_SECRET, asked.packet.authenticator, b"\x80\x01")
        server.answer_with(asked, ACCEPT, vendor.encode(311, 16, key))
        assert told(nas, request).code == ACCEPT
    request = tell(world.nas(PROXY), "alice", b"a passc0de 77ab")
    server.challenge(b"State-0f-theirs-32d", b"Your new PIN is 90c4-7788")  # stays open

    written = files_of(world) + log.getvalue().encode()
    assert b'"upstream-refused"' in written
    for secret in secrets:
        for form in forms(secret):
            assert form not in written
    # Ours is what the store knows a challenge by; who reads only lines cannot answer one.
    lines = json.dumps(world.lines()) + log.getvalue()
    assert not any(state.decode() in lines for state in ours)


def test_promise_7_login_that_breaks_at_an_upstream_is_logged_bare(
    world: World, log: StringIO
) -> None:
    """An exception over an upstream's answer shows neither what was typed nor what it said."""
    world.person(has_token=False)
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"a p4ssw0rd f0r upstream")
    world.pipeline.parts = world.pipeline.parts._replace(steps=raising("on a p4ssw0rd"))

    server.reject(b"Y0u are l0cked")

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "broken")]
    assert "a login of client proxy broke" in log.getvalue()
    for secret in ("p4ssw0rd", "l0cked"):
        assert secret not in log.getvalue()
        assert secret not in json.dumps(world.lines())


def test_promise_7_values_of_a_dialogue_do_not_show_it(world: World) -> None:
    """What carries a dialogue through the program does not print it."""
    world.person(has_token=False)
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    tell(nas, "alice", b"a p4ssw0rd f0r upstream")
    (received, inquiry) = world.relays.waiting[0]
    server.challenge(b"State-0f-theirs", b"Your new PIN is 90c4")
    (entry,) = world.challenges._open.values()

    attempt = received.attempt
    assert attempt is not None
    shown = repr((received, inquiry, attempt, attempt.heard, entry.talk, received.answer))
    for secret in ("p4ssw0rd", "State-0f-theirs", "90c4"):
        assert secret not in shown
