"""Logins with a YubiKey, in every mode: checked here, or by a service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.service_model import Service, Yubico
from radiusmfa.outcome import PASSED, Failed, Reason
from radiusmfa.secret import Secret
from radiusmfa.stores import tokens, yubikeys
from tests.flows.test_service_factor import answer, duo, serve
from tests.flows.upstreams import assign, told
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    REJECT,
    STEP_UP,
    World,
    client,
)
from tests.yubico import DVORAK, MODHEX, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.world import Nas, Person

KEYS: Final = Service(name="keys", settings=Yubico(client_id=87))
HOSTS: Final = [
    pytest.param(STEP_UP, id="step-up"),
    pytest.param(APPEND, id="append"),
    pytest.param(ASKING, id="challenge"),
    pytest.param(AUTO, id="auto"),
]


@pytest.fixture
def key() -> Key:
    """Alice's key."""
    return Key()


@pytest.fixture
def alice(world: World) -> Person:
    """Somebody with a password and no token yet."""
    return world.person(has_token=False)


def give(world: World, person: Person, key: Key, *, is_ours: bool = True) -> None:
    """Enroll *key*."""
    seed = Secret(key.private_id + key.aes_key) if is_ours else None
    new = yubikeys.new(key.public_id, seed, user=person.name)
    tokens.enroll(world.admin, world.actor, new, status="active")


def log_in(world: World, host: str, person: Person, otp: str) -> int:
    """Log in as the client at *host* does, with a right password; return the decision."""
    nas, password = world.nas(host), person.password
    if host == STEP_UP:
        return nas.decide(person.name, otp.encode())
    if host == ASKING:
        return nas.decide(person.name, otp.encode(), nas.challenged(person.name, password))
    return nas.decide(person.name, password + otp.encode())


# -- refused --


@pytest.mark.parametrize("host", HOSTS)
def test_strange_key_is_refused(world: World, alice: Person, key: Key, host: str) -> None:
    """Neither another's key, nor one that only says it is this one."""
    give(world, alice, key)
    for strange in (Key(), Key(public_id=key.public_id)):
        assert log_in(world, host, alice, strange.touch()) == REJECT
        expected = Reason.BAD_PASSWORD if host == AUTO else Reason.BAD_PASSCODE
        assert world.reasons[-1] == ("reject", expected)


@pytest.mark.parametrize("host", HOSTS)
def test_promise_1_password_of_a_key_opens_one_door(
    world: World, alice: Person, key: Key, host: str
) -> None:
    """What was used is refused everywhere, and everything that the key made before it."""
    give(world, alice, key)
    first, second, third = (key.touch() for _ in range(3))
    assert log_in(world, host, alice, second) == ACCEPT
    for again in (host, STEP_UP, ASKING):
        for used in (second, first):
            assert log_in(world, again, alice, used) == REJECT
            assert world.reasons[-1] == ("reject", Reason.REPLAYED_PASSCODE)
    assert log_in(world, host, alice, third) == ACCEPT


def test_promise_1_password_of_a_key_stays_used_over_a_restart(
    world: World, alice: Person, key: Key
) -> None:
    """It is on disk before the Accept leaves."""
    give(world, alice, key)
    otp = key.touch()
    assert log_in(world, STEP_UP, alice, otp) == ACCEPT
    world.restart()
    assert log_in(world, STEP_UP, alice, otp) == REJECT
    assert world.reasons[-1] == ("reject", Reason.REPLAYED_PASSCODE)


def test_promise_1_one_password_at_many_doors_at_once(
    world: World, alice: Person, key: Key
) -> None:
    """In one burst, before anything is on disk, it still opens one door."""
    give(world, alice, key)
    otp = key.touch().encode()
    nas = [world.nas(STEP_UP, 40000 + at) for at in range(3)]
    requests = [one.request("alice", otp) for one in nas]
    for one, request in zip(nas, requests, strict=True):
        one.put(request)
    replies = [one.take(request) for one, request in zip(nas, requests, strict=True)]
    codes = sorted(reply.code for reply in replies if reply is not None)
    assert codes == [ACCEPT, REJECT, REJECT]


@pytest.mark.parametrize("host", [ASKING, AUTO, APPEND])
def test_right_key_needs_the_right_password(
    world: World, alice: Person, key: Key, host: str
) -> None:
    """And it is not used up by a login that did not know it."""
    give(world, alice, key)
    otp = key.touch()
    nas = world.nas(host)
    assert nas.decide("alice", b"wrong" + (otp.encode() if host != ASKING else b"")) == REJECT
    assert log_in(world, host, alice, otp) == ACCEPT


def test_wrong_passwords_of_a_key_lock(world: World, alice: Person, key: Key) -> None:
    """They count where wrong codes do, and then the right one is refused, too."""
    give(world, alice, key)
    for _ in range(3):
        assert log_in(world, STEP_UP, alice, Key(public_id=key.public_id).touch()) == REJECT
    assert log_in(world, STEP_UP, alice, key.touch()) == REJECT
    assert world.reasons[-1] == ("reject", Reason.LOCKED)
    world.clock.advance(40)
    assert log_in(world, STEP_UP, alice, key.touch()) == ACCEPT


def test_guesses_behind_a_password_lock(world: World, alice: Person, key: Key) -> None:
    """In `auto`, too, where what does not fit may be part of the password."""
    give(world, alice, key)
    for _ in range(3):
        assert log_in(world, AUTO, alice, Key(public_id=key.public_id).touch()) == REJECT
    assert log_in(world, AUTO, alice, key.touch()) == REJECT
    assert world.reasons[-1] == ("reject", Reason.LOCKED)


@pytest.mark.parametrize("status", ["disabled", "pending", "revoked"])
def test_key_that_does_not_count_is_none(
    world: World, alice: Person, key: Key, status: str
) -> None:
    """Until it is active nobody gets in with it."""
    give(world, alice, key)
    world.admin.connection.execute("UPDATE tokens SET status = ?", (status,))
    assert world.nas(ASKING).decide("alice", alice.password) == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)
    assert log_in(world, STEP_UP, alice, key.touch()) == REJECT


def test_key_counts_only_where_the_client_names_it(world: World, alice: Person, key: Key) -> None:
    """A client whose factors are others takes no key."""
    give(world, alice, key)
    world.clients = (client(STEP_UP, Mode.STEP_UP, factors=("totp",)),)
    world.reload()
    assert log_in(world, STEP_UP, alice, key.touch()) == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)


def test_key_that_was_taken_away_meanwhile_opens_nothing(
    world: World, alice: Person, key: Key
) -> None:
    """While the password is checked an administrator may do something."""
    give(world, alice, key)
    nas = world.nas(APPEND)
    request = nas.request("alice", alice.password + key.touch().encode())
    nas.put(request)
    tokens.set_disabled(world.admin, world.actor, key.public_id, disabled=True)
    world.work()
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.BAD_PASSCODE)


# -- what lets in --


KEYBOARDS: Final[dict[str, Callable[[str], str]]] = {
    "as-it-is": str,
    "enter": lambda otp: f"{otp}\r\n",
    "caps-lock": str.upper,
    "dvorak": lambda otp: otp.translate(str.maketrans(MODHEX, DVORAK)),
}


@pytest.mark.parametrize("keyboard", KEYBOARDS)
@pytest.mark.parametrize("host", HOSTS)
def test_touching_the_key_lets_in(
    world: World, alice: Person, key: Key, host: str, keyboard: str
) -> None:
    """In every mode, whatever the keyboard; the audit names factor and key."""
    give(world, alice, key)
    assert log_in(world, host, alice, KEYBOARDS[keyboard](key.touch())) == ACCEPT
    line = world.lines()[-1]
    assert (line["reason"], line["factor"], line["token"]) == ("passed", "yubikey", key.public_id)
    assert key.touch()[:44] not in str(line)


def test_key_and_token_and_code_stand_beside_each_other(world: World, key: Key) -> None:
    """Whoever has several things types any of them."""
    alice = world.person()
    give(world, alice, key)
    (code, *_) = world.recovery(alice)
    for host in (AUTO, APPEND):
        assert log_in(world, host, alice, key.touch()) == ACCEPT
    assert log_in(world, APPEND, alice, alice.code(world.now).decode()) == ACCEPT
    assert log_in(world, AUTO, alice, code.decode()) == ACCEPT
    assert [line["factor"] for line in world.lines()] == [
        "yubikey", "yubikey", "totp", "recovery",
    ]  # fmt: skip


def test_password_of_the_letters_of_the_key(world: World, key: Key) -> None:
    """A password may end in letters that a key types, too."""
    alice = world.person("cbdefghijkl", has_token=False)
    give(world, alice, key)
    assert log_in(world, APPEND, alice, key.touch()) == ACCEPT


def test_first_of_several_keys_is_no_better(world: World, alice: Person, key: Key) -> None:
    """Each has its own counter."""
    second = Key(public_id="vvcc")
    for one in (key, second):
        give(world, alice, one)
    for one in (key, second, key):
        assert log_in(world, APPEND, alice, one.touch()) == ACCEPT


# -- a service checks it --


def serve_without_delimiter(world: World, *services: Service, **settings: Any) -> None:  # noqa: ANN401
    """Serve clients at which a passcode is the tail of what is typed."""
    serve(world, *services, **settings)
    world.clients = tuple(replace(one, delimiter="") for one in world.clients)
    world.reload()


@pytest.fixture
def served(world: World, alice: Person, key: Key) -> Person:
    """Alice, whose key a service checks, at clients without a delimiter."""
    serve_without_delimiter(world, KEYS)
    give(world, alice, key, is_ours=False)
    return alice


def begin(world: World, host: str, person: Person, otp: str) -> tuple[Nas, bytes]:
    """Send a login up to where the service is asked; return the NAS and the request."""
    nas, typed, state = world.nas(host), otp.encode(), None
    if host == ASKING:
        state = nas.challenged(person.name, person.password)
    elif host != STEP_UP:
        typed = person.password + typed
    request = nas.request(person.name, typed, state)
    assert nas.send(request) is None
    return nas, request


@pytest.mark.parametrize("host", HOSTS)
def test_service_is_asked_about_the_key(world: World, served: Person, key: Key, host: str) -> None:
    """The password alone goes there, with the keys that this person has."""
    otp = key.touch()
    nas, request = begin(world, host, served, otp)
    asked = answer(world, PASSED, way="passcode", serial=key.public_id, server="one.example")
    assert (asked.typed, asked.user) == (otp.encode(), "alice")
    assert [device.serial for device in asked.devices] == [key.public_id]
    assert told(nas, request).code == ACCEPT
    line = world.lines()[-1]
    assert (line["factor"], line["token"]) == ("keys", key.public_id)
    assert line["upstreams"][0]["way"] == "passcode"
    assert otp not in str(line)


@pytest.mark.parametrize("host", HOSTS)
def test_no_of_the_service_is_a_no(world: World, served: Person, key: Key, host: str) -> None:
    """Replayed, wrong, or nothing that could be verified."""
    for reason in (Reason.REPLAYED_PASSCODE, Reason.BAD_UPSTREAM_REPLY, Reason.BAD_PASSCODE):
        nas, request = begin(world, host, served, key.touch())
        answer(world, Failed(reason))
        assert told(nas, request).code == REJECT
        assert world.reasons[-1] == ("reject", reason)


@pytest.mark.parametrize("host", [APPEND, AUTO])
def test_service_is_asked_after_the_password_only(
    world: World, served: Person, key: Key, host: str
) -> None:
    """A password that is wrong costs no password of the key."""
    assert served.name == "alice"
    assert world.nas(host).decide("alice", b"wrong" + key.touch().encode()) == REJECT
    assert world.reasons[-1] == ("reject", Reason.BAD_PASSWORD)
    assert world.relays.asked_of_services == []


def test_wrong_key_may_be_tried_again(world: World, served: Person, key: Key) -> None:
    """Where the client gives several tries."""
    serve(world, KEYS, attempts=2)
    nas, request = begin(world, ASKING, served, Key().touch())
    answer(world, Failed(Reason.BAD_PASSCODE))
    again = told(nas, request)
    assert again.code == CHALLENGE
    request = nas.request("alice", key.touch().encode(), again.state)
    assert nas.send(request) is None
    answer(world, PASSED)
    assert told(nas, request).code == ACCEPT


@pytest.mark.parametrize("host", [STEP_UP, APPEND, AUTO])
def test_key_chooses_its_service_among_several(
    world: World, alice: Person, key: Key, host: str
) -> None:
    """Who could have a push, too, touches the key: no phone rings, and the key lets in."""
    serve_without_delimiter(world, duo(), KEYS)
    assign(world, alice.name, "push")
    give(world, alice, key, is_ours=False)
    nas, request = begin(world, host, alice, key.touch())
    assert answer(world, PASSED).service == "keys"
    assert told(nas, request).code == ACCEPT


def test_key_that_was_taken_away_while_the_service_looked_opens_nothing(
    world: World, served: Person, key: Key
) -> None:
    """What an administrator has changed meanwhile counts."""
    nas, request = begin(world, STEP_UP, served, key.touch())
    tokens.set_disabled(world.admin, world.actor, key.public_id, disabled=True)
    answer(world, PASSED)
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)


def test_key_of_ours_is_not_asked_about(world: World, served: Person) -> None:
    """Who has one of each: ours is checked here, and nobody learns of it."""
    own = Key()
    give(world, served, own)
    serve_without_delimiter(world, KEYS)
    for host in (STEP_UP, APPEND, ASKING, AUTO):
        assert log_in(world, host, served, own.touch()) == ACCEPT
    assert world.relays.asked_of_services == []
