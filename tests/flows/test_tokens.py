"""Tokens that drift, count, are resynchronized, and the codes that stand in for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Factors, Hotp, Lockout, Mode, Totp
from radiusmfa.secret import Secret
from radiusmfa.stores import people, tokens
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    REJECT,
    REPLY_MESSAGE,
    STEP_UP,
    Person,
    client,
)

if TYPE_CHECKING:
    from tests.flows.world import World


@pytest.fixture
def patient(world: World) -> World:
    """A world in which nobody is locked out."""
    world.lockout = Lockout(threshold=100)
    world.reload()
    return world


@pytest.mark.parametrize(
    ("steps", "code"),
    [(-2, REJECT), (-1, ACCEPT), (0, ACCEPT), (1, ACCEPT), (2, REJECT)],
)
def test_window_is_one_step_each_way(patient: World, steps: int, code: int) -> None:
    """A passcode is good a step before and after its own time, and no longer."""
    alice = patient.person()

    assert patient.nas(STEP_UP).decide("alice", alice.code(patient.now, steps)) == code


def test_promise_1_earlier_step_than_the_one_used_is_rejected(patient: World) -> None:
    """Once a step was used, no earlier one counts, used or not."""
    alice = patient.person()
    nas = patient.nas(STEP_UP)
    assert nas.decide("alice", alice.code(patient.now, 1)) == ACCEPT

    assert nas.decide("alice", alice.code(patient.now, 0)) == REJECT
    assert nas.decide("alice", alice.code(patient.now, -1)) == REJECT
    assert patient.reasons[1:] == [("reject", "replayed-passcode")] * 2


def test_drift_is_learned_a_step_at_a_time(patient: World) -> None:
    """A token whose clock runs away slowly is followed beyond the window."""
    alice = patient.person()
    nas = patient.nas(STEP_UP)

    for ahead in range(1, 6):
        patient.clock.advance(3000)
        assert nas.decide("alice", alice.code(patient.now, ahead)) == ACCEPT
        assert patient.drift(alice) == ahead


def test_drift_is_never_learned_beyond_its_limit(patient: World) -> None:
    """A token may be followed as far as configured, and no further."""
    patient.factors = Factors(totp=Totp(window=1, drift_limit=2, resync_window=0))
    patient.reload()
    alice = patient.person()
    nas = patient.nas(STEP_UP)
    codes = []

    for ahead in range(1, 6):
        patient.clock.advance(3000)
        codes.append(nas.decide("alice", alice.code(patient.now, ahead)))

    assert codes == [ACCEPT, ACCEPT, ACCEPT, REJECT, REJECT]
    assert patient.drift(alice) == 2


def test_drift_is_known_after_a_restart(patient: World) -> None:
    """What was learned of a token's clock outlives the process."""
    alice = patient.person()
    for ahead in (1, 2):
        patient.clock.advance(3000)
        assert patient.nas(STEP_UP).decide("alice", alice.code(patient.now, ahead)) == ACCEPT
    patient.restart()
    patient.clock.advance(3000)

    assert patient.nas(STEP_UP).decide("alice", alice.code(patient.now, 3)) == ACCEPT


def test_token_back_in_time_is_accepted_in_spite_of_its_drift(patient: World) -> None:
    """A drift that was learned wrongly locks nobody out: our own time counts too."""
    alice = patient.person()
    for ahead in (1, 2, 3, 4):
        patient.clock.advance(3000)
        assert patient.nas(STEP_UP).decide("alice", alice.code(patient.now, ahead)) == ACCEPT
    patient.clock.advance(3000)

    assert patient.nas(STEP_UP).decide("alice", alice.code(patient.now, 0)) == ACCEPT


@pytest.mark.parametrize("address", [STEP_UP, APPEND, AUTO])
@pytest.mark.parametrize("steps", [-15, 15])
def test_two_codes_typed_at_once_resynchronize(patient: World, address: str, steps: int) -> None:
    """Two consecutive passcodes typed in one bring back a token whose clock is off."""
    alice = patient.person()
    nas = patient.nas(address)
    both = alice.code(patient.now, steps) + alice.code(patient.now, steps + 1)
    before = b"" if address == STEP_UP else alice.password

    assert nas.decide("alice", before + both) == ACCEPT
    assert patient.reasons[-1] == ("accept", "resynchronized")
    assert patient.drift(alice) == steps + 1
    patient.clock.advance(60)
    assert nas.decide("alice", before + alice.code(patient.now, steps + 1)) == ACCEPT


@pytest.mark.parametrize(
    ("first", "second"),
    [(15, 15), (15, 17), (16, 15), (30, 31), (-30, -29)],
    ids=["same", "gap", "turned-round", "too-far-ahead", "too-far-behind"],
)
def test_two_codes_that_are_no_pair_are_rejected(patient: World, first: int, second: int) -> None:
    """Only two consecutive passcodes within the window resynchronize."""
    alice = patient.person()
    both = alice.code(patient.now, first) + alice.code(patient.now, second)

    assert patient.nas(STEP_UP).decide("alice", both) == REJECT
    assert patient.drift(alice) == 0


def test_promise_1_two_codes_typed_twice_are_rejected(patient: World) -> None:
    """A pair that resynchronized a token is used, and so is each code of it."""
    alice = patient.person()
    nas = patient.nas(STEP_UP)
    pair = [alice.code(patient.now, 0), alice.code(patient.now, 1)]
    assert nas.decide("alice", b"".join(pair)) == ACCEPT

    for typed in (b"".join(pair), *pair):
        assert nas.decide("alice", typed) == REJECT


def test_next_code_resynchronizes_in_a_dialogue(patient: World) -> None:
    """A passcode far off is answered by asking for the next one, which gets in."""
    alice = patient.person()
    nas = patient.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    reply = nas.ask("alice", alice.code(patient.now, 10), state)

    assert reply is not None
    assert reply.code == CHALLENGE
    assert reply.values(REPLY_MESSAGE) == [b"Next passcode: "]
    assert patient.reasons[-1] == ("challenge", "next-passcode-wanted")
    patient.clock.advance(30)
    assert nas.decide("alice", alice.code(patient.now, 10), reply.state) == ACCEPT
    assert patient.reasons[-1] == ("accept", "resynchronized")


def test_next_code_resynchronizes_without_a_dialogue(patient: World) -> None:
    """Where the client cannot ask, a rejected code far off and then its successor get in."""
    alice = patient.person()
    nas = patient.nas(STEP_UP)
    assert nas.decide("alice", alice.code(patient.now, 10)) == REJECT
    patient.clock.advance(30)

    assert nas.decide("alice", alice.code(patient.now, 10)) == ACCEPT
    assert patient.drift(alice) == 10


def test_promise_2_first_of_two_codes_lets_nobody_in(patient: World) -> None:
    """A passcode far off is no proof, however often it is typed."""
    alice = patient.person()
    nas = patient.nas(STEP_UP)
    far = alice.code(patient.now, 10)

    assert [nas.decide("alice", far) for _ in range(3)] == [REJECT] * 3


def test_next_code_comes_too_late(patient: World) -> None:
    """The memory of a first code ends after some minutes."""
    alice = patient.person()
    nas = patient.nas(STEP_UP)
    following = alice.code(patient.now, 19)
    assert nas.decide("alice", alice.code(patient.now, 18)) == REJECT
    patient.clock.advance(301)

    assert alice.code(patient.now, 9) == following
    assert nas.decide("alice", following) == REJECT


def test_code_after_the_next_is_not_the_next(patient: World) -> None:
    """Only the very next code resynchronizes."""
    alice = patient.person()
    nas = patient.nas(STEP_UP)
    assert nas.decide("alice", alice.code(patient.now, 10)) == REJECT

    assert nas.decide("alice", alice.code(patient.now, 12)) == REJECT


@pytest.mark.parametrize(("ahead", "code"), [(0, ACCEPT), (10, ACCEPT), (11, REJECT)])
def test_hotp_looks_ahead(patient: World, ahead: int, code: int) -> None:
    """A counter token may be pressed some times for nothing, and not more."""
    alice = patient.hotp(last=4)

    assert patient.nas(STEP_UP).decide("alice", alice.counted(5 + ahead)) == code


def test_promise_1_hotp_counter_opens_once(patient: World) -> None:
    """A used counter and all before it are refused."""
    alice = patient.hotp()
    nas = patient.nas(STEP_UP)
    assert nas.decide("alice", alice.counted(5)) == ACCEPT

    for counter in range(6):
        assert nas.decide("alice", alice.counted(counter)) == REJECT
    assert patient.reasons[-1] == ("reject", "replayed-passcode")
    assert patient.lines()[0]["factor"] == "hotp"


@pytest.mark.parametrize("address", [STEP_UP, APPEND, AUTO])
def test_hotp_resynchronizes_by_two_codes_at_once(patient: World, address: str) -> None:
    """Two consecutive codes far ahead bring a counter token back."""
    alice = patient.hotp()
    nas = patient.nas(address)
    before = b"" if address == STEP_UP else alice.password

    assert nas.decide("alice", before + alice.counted(150) + alice.counted(151)) == ACCEPT
    assert nas.decide("alice", before + alice.counted(150) + alice.counted(151)) == REJECT
    assert nas.decide("alice", before + alice.counted(152)) == ACCEPT


def test_hotp_resynchronizes_by_the_next_code(patient: World) -> None:
    """A code far ahead is refused, and its successor gets in."""
    alice = patient.hotp()
    nas = patient.nas(STEP_UP)

    assert nas.decide("alice", alice.counted(150)) == REJECT
    assert nas.decide("alice", alice.counted(151)) == ACCEPT
    assert nas.decide("alice", alice.counted(151)) == REJECT


def test_hotp_is_not_searched_beyond_its_window(patient: World) -> None:
    """A counter beyond the window is wrong, with its successor too."""
    patient.factors = Factors(hotp=Hotp(look_ahead=0, resync_window=5))
    patient.reload()
    alice = patient.hotp()

    assert patient.nas(STEP_UP).decide("alice", alice.counted(6) + alice.counted(7)) == REJECT


@pytest.mark.parametrize("factors", [Factors(totp=None), Factors(hotp=None)], ids=["totp", "hotp"])
def test_promise_2_factor_switched_off_proves_nothing(patient: World, factors: Factors) -> None:
    """A token of a kind that is switched off lets nobody in, single or in pairs."""
    patient.factors = factors
    patient.reload()
    is_totp = factors.totp is None
    alice = patient.person() if is_totp else patient.hotp()
    codes = (
        [alice.code(patient.now), alice.code(patient.now, 1)]
        if is_totp
        else [alice.counted(0), alice.counted(1)]
    )
    nas = patient.nas(STEP_UP)

    assert [nas.decide("alice", typed) for typed in (*codes, b"".join(codes))] == [REJECT] * 3


def test_recovery_code_switched_off_proves_nothing(patient: World) -> None:
    """Where recovery codes are off, none lets anybody in."""
    patient.factors = Factors(recovery=None)
    patient.reload()
    (code, _) = patient.recovery(patient.person())

    assert patient.nas(STEP_UP).decide("alice", code) == REJECT


@pytest.mark.parametrize("address", [STEP_UP, APPEND, ASKING, AUTO])
def test_promise_1_recovery_code_opens_once(patient: World, address: str) -> None:
    """A recovery code gets in instead of a passcode, once, however it is typed."""
    alice = patient.person()
    code, _ = patient.recovery(alice)
    nas = patient.nas(address)

    def log_in(typed: bytes) -> int:
        if address == ASKING:
            return nas.decide("alice", typed, nas.challenged("alice", alice.password))
        return nas.decide("alice", typed if address == STEP_UP else alice.password + typed)

    assert log_in(code) == ACCEPT
    assert patient.lines()[-1]["factor"] == "recovery"
    for typed in (code, code.replace(b"-", b""), code.upper(), code.replace(b"-", b" ")):
        assert log_in(typed) == REJECT


@pytest.mark.parametrize("change", [bytes.upper, lambda code: code.replace(b"-", b"")])
def test_recovery_code_is_read_as_people_type_it(patient: World, change: object) -> None:
    """Case and the dash do not matter."""
    code, _ = patient.recovery(patient.person())
    assert callable(change)

    assert patient.nas(STEP_UP).decide("alice", change(code)) == ACCEPT


def test_promise_1_recovery_code_is_used_after_a_restart(patient: World) -> None:
    """A used recovery code is used on disk."""
    code, other = patient.recovery(patient.person())
    assert patient.nas(STEP_UP).decide("alice", code) == ACCEPT
    patient.restart()

    assert patient.nas(STEP_UP).decide("alice", code) == REJECT
    assert patient.nas(STEP_UP).decide("alice", other) == ACCEPT


def test_recovery_code_of_somebody_else_is_rejected(patient: World) -> None:
    """A recovery code is good for the person it was printed for."""
    patient.person("alice")
    code, _ = patient.recovery(patient.person("bob"))

    assert patient.nas(STEP_UP).decide("alice", code) == REJECT
    assert patient.nas(STEP_UP).decide("bob", code) == ACCEPT


def test_recovery_codes_replaced_while_the_server_runs_are_void(patient: World) -> None:
    """New codes void the old ones for the next login."""
    alice = patient.person()
    old, _ = patient.recovery(alice)
    new, _ = patient.recovery(alice)

    assert patient.nas(STEP_UP).decide("alice", old) == REJECT
    assert patient.nas(STEP_UP).decide("alice", new) == ACCEPT


def test_recovery_code_used_during_the_password_check_is_rejected(patient: World) -> None:
    """Two logins with one recovery code, both waiting for their password check: one gets in."""
    alice = patient.person()
    code, _ = patient.recovery(alice)
    one, two = patient.nas(APPEND, 40001), patient.nas(APPEND, 40002)
    requests = [nas.request("alice", alice.password + code) for nas in (one, two)]
    one.put(requests[0])
    two.put(requests[1])

    patient.work()

    replies = [one.take(requests[0]), two.take(requests[1])]
    assert [reply.code for reply in replies if reply] == [ACCEPT, REJECT]


def test_one_of_several_tokens_is_enough(patient: World) -> None:
    """Any of a person's tokens gets in, and each has its own used steps."""
    alice = patient.person()
    seed = alice.seed[::-1]
    second = tokens.NewToken(
        serial="second", kind="totp", seed=Secret(seed), digits=8, user="alice"
    )
    tokens.enroll(patient.admin, patient.actor, second, status="active")
    other = Person("alice", alice.password, seed, "second", {"digits": 8})
    nas = patient.nas(APPEND)

    assert nas.decide("alice", alice.password + alice.code(patient.now)) == ACCEPT
    assert nas.decide("alice", alice.password + other.code(patient.now)) == ACCEPT
    assert nas.decide("alice", alice.password + other.code(patient.now)) == REJECT
    assert [line.get("token") for line in patient.lines()[:2]] == [alice.serial, "second"]


def test_token_of_somebody_else_is_rejected(patient: World) -> None:
    """A passcode is good for the person whose token made it."""
    patient.person("alice")
    bob = patient.person("bob")

    assert patient.nas(STEP_UP).decide("alice", bob.code(patient.now)) == REJECT


def test_token_that_does_not_open_counts_as_none(patient: World) -> None:
    """A seed copied into another row in the store opens nothing."""
    alice, bob = patient.person("alice"), patient.person("bob")
    patient.admin.connection.execute(
        "UPDATE tokens SET seed = (SELECT seed FROM tokens WHERE serial = ?) WHERE serial = ?",
        (bob.serial, alice.serial),
    )

    assert patient.nas(STEP_UP).decide("alice", bob.code(patient.now)) == REJECT
    assert patient.reasons == [("reject", "not-enrolled")]


FULL_WIDTH = "".join(chr(0xFF11 + one) for one in range(6)).encode()


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"0", id="one-digit"),
        pytest.param(b"12345", id="short"),
        pytest.param(b"1234567", id="long"),
        pytest.param(b"0" * 128, id="longest"),
        pytest.param(FULL_WIDTH, id="full-width"),
        pytest.param(b"12345a", id="letter"),
        pytest.param(b"+12345", id="plus"),
        pytest.param(b"-00001", id="minus"),
        pytest.param(b" 12345", id="blank"),
        pytest.param(b"1_2345", id="underscore"),
        pytest.param(b"1e5000", id="power"),
        pytest.param(b"\xff" * 6, id="not-ascii"),
    ],
)
@pytest.mark.parametrize("address", [STEP_UP, APPEND, ASKING, AUTO])
def test_anything_else_that_is_typed_is_rejected(
    patient: World, typed: bytes, address: str
) -> None:
    """Whatever is no passcode is rejected, and breaks nothing."""
    alice = patient.person()
    patient.recovery(alice)
    nas = patient.nas(address)
    state = nas.challenged("alice", alice.password) if address == ASKING else None

    assert nas.decide("alice", typed, state) == REJECT
    assert patient.reasons[-1][1] in {"bad-passcode", "bad-password"}


def test_reused_code_is_named_so_in_a_dialogue(patient: World) -> None:
    """A reused code may be followed by a right one where the client has attempts left."""
    patient.clients = (client(ASKING, Mode.CHALLENGE, attempts=3), client(STEP_UP, Mode.STEP_UP))
    patient.reload()
    alice = patient.person()
    used = alice.code(patient.now)
    assert patient.nas(STEP_UP).decide("alice", used) == ACCEPT
    nas = patient.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    reply = nas.ask("alice", used, state)

    assert reply is not None
    assert reply.code == CHALLENGE
    assert nas.decide("alice", alice.code(patient.now, 1), reply.state) == ACCEPT


def test_password_in_the_place_of_the_passcode_is_rejected(patient: World) -> None:
    """The password proves nothing twice."""
    alice = patient.person()
    nas = patient.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    assert nas.decide("alice", alice.password, state) == REJECT
    assert people.failures(patient.admin, "alice")[0].factor == "recovery"


def test_promise_1_two_spellings_of_one_name_are_one_person_in_one_burst(patient: World) -> None:
    """Codes sent twice in one burst, as `ALICE` and as `alice`, each open once."""
    alice = patient.person()
    code, _ = patient.recovery(alice)
    nas = patient.nas(STEP_UP)
    spellings = ("ALICE", "alice", "Alice", "alicE")
    for typed in (code, alice.code(patient.now)):
        patient.port.sent.clear()

        nas.put(*(nas.request(name, typed) for name in spellings))

        assert sorted(octets[0] for octets, _ in patient.port.sent) == [ACCEPT] + [REJECT] * 3
