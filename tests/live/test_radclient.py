"""FreeRADIUS's radtest and radclient as clients."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.live.clients import APPEND, AUTO, CHALLENGE, STEP_UP, need
from tests.live.refusals import Proof, Refusal, good, refused
from tests.live.world import SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.world import World

_OPTIONS: Final = ("-x", "-r", "1", "-t", "2")
_STATE: Final = re.compile(r"State = (0x[0-9a-f]+)")
_REFUSED_WORDS: Final = [
    pytest.param(why, id=why.value) for why in Refusal if why is not Refusal.WRONG_PASSWORD
]


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("radtest", "radclient")


class Radclient:
    """Calls radclient; the secret comes from a file, the attributes on standard input."""

    def __init__(self, world: World, folder: Path, source: str = CHALLENGE) -> None:
        """Write the file; packets will come from *source*."""
        self.world = world
        self.source = source
        self.file = folder / "radclient-secret"
        self.file.write_bytes(SECRET)

    def send(self, *lines: str, kind: str = "auth", port: int = 0) -> str:
        """Send one packet with the attributes in *lines*; return all that radclient says."""
        place = f"127.0.0.1:{port or self.world.port}"
        done = subprocess.run(
            ["radclient", *_OPTIONS, "-S", str(self.file), place, kind],
            input="\n".join([*lines, f"Packet-Src-IP-Address = {self.source}"]) + "\n",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout + done.stderr

    def login(self, user: str, proof: str, *more: str) -> str:
        """Send an Access-Request with a Message-Authenticator."""
        lines = (f'User-Name = "{user}"', f'User-Password = "{proof}"', *more)
        return self.send(*lines, "Message-Authenticator = 0x00")

    def dialogue(self, proof: Proof) -> str:
        """Log in by password, then answer the challenge with its State."""
        first = self.login(proof.user, proof.password)
        state = _STATE.search(first)
        return first if state is None else self.login(proof.user, proof.code, state[0])


@pytest.fixture
def radclient(world: World, tmp_path: Path) -> Radclient:
    """Return radclient at the client in mode `challenge`."""
    return Radclient(world, tmp_path)


def radtest(world: World, user: str, proof: str, secret: bytes = SECRET) -> str:
    """Call radtest as an administrator does first of all."""
    place = f"127.0.0.1:{world.port}"
    done = subprocess.run(
        ["radtest", user, proof, place, "0", secret.decode()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_radtest_password_gets_a_challenge(world: World) -> None:
    """The right password alone asks for the passcode: State, one Reply-Message, Prompt No-Echo."""
    said = radtest(world, world.person().name, "correct horse")

    assert "Received Access-Challenge" in said
    assert said.count("Reply-Message") == 1
    assert 'Reply-Message = "Passcode: "' in said
    assert "Prompt = No-Echo" in said
    assert _STATE.search(said)


def test_radtest_wrong_password_is_rejected(world: World) -> None:
    """A wrong password is rejected, and the reject says nothing."""
    said = radtest(world, world.person().name, "correct mule")

    assert "Received Access-Reject" in said
    assert "Reply-Message" not in said


def test_radclient_challenge_is_answered_with_state(world: World, radclient: Radclient) -> None:
    """Password, then passcode with the State, is an Access-Accept with a Class."""
    said = radclient.dialogue(good(world))

    assert "Received Access-Accept" in said
    assert "Class = 0x" in said


@pytest.mark.parametrize("why", [pytest.param(why, id=why.value) for why in Refusal])
def test_radclient_challenge_is_refused(world: World, radclient: Radclient, why: Refusal) -> None:
    """Whatever is wrong with password, passcode or person, the end is an Access-Reject."""
    said = radclient.dialogue(refused(world, why, CHALLENGE))

    assert "Received Access-Reject" in said
    assert "Received Access-Accept" not in said


def test_radclient_state_is_good_once(world: World, radclient: Radclient) -> None:
    """A State that was answered opens nothing, not even for a fresh code."""
    person = world.person()
    first = radclient.login(person.name, person.password)
    state = _STATE.search(first)
    assert state
    assert "Received Access-Accept" in radclient.login(person.name, person.code(), state[0])

    again = radclient.login(person.name, person.code(), state[0])

    assert "Received Access-Reject" in again


def test_radclient_state_of_another_person_is_refused(world: World, radclient: Radclient) -> None:
    """A right password of one and a right code of another are no login."""
    one, other = world.person(), world.person()
    state = _STATE.search(radclient.login(one.name, one.password))
    assert state

    assert "Received Access-Reject" in radclient.login(other.name, other.code(), state[0])


def test_radclient_append_is_accepted(world: World, tmp_path: Path) -> None:
    """Password and passcode in one field are an Access-Accept in mode `append`."""
    proof = good(world)

    said = Radclient(world, tmp_path, APPEND).login(proof.user, proof.password + proof.code)

    assert "Received Access-Accept" in said


@pytest.mark.parametrize("why", [pytest.param(why, id=why.value) for why in Refusal])
def test_radclient_append_is_refused(world: World, tmp_path: Path, why: Refusal) -> None:
    """Whatever is wrong, mode `append` rejects."""
    proof = refused(world, why, APPEND)

    said = Radclient(world, tmp_path, APPEND).login(proof.user, proof.password + proof.code)

    assert "Received Access-Reject" in said


def test_radclient_append_wrong_password_does_not_use_up_the_code(
    world: World, tmp_path: Path
) -> None:
    """A mistyped password leaves the passcode good for the next attempt."""
    proof = good(world)
    client = Radclient(world, tmp_path, APPEND)
    assert "Received Access-Reject" in client.login(proof.user, "correct mule" + proof.code)

    assert "Received Access-Accept" in client.login(proof.user, proof.password + proof.code)


def test_radclient_step_up_is_accepted(world: World, tmp_path: Path) -> None:
    """The passcode alone is an Access-Accept in mode `step-up`."""
    proof = good(world)

    said = Radclient(world, tmp_path, STEP_UP).login(proof.user, proof.code)

    assert "Received Access-Accept" in said


@pytest.mark.parametrize("why", _REFUSED_WORDS)
def test_radclient_step_up_is_refused(world: World, tmp_path: Path, why: Refusal) -> None:
    """Whatever is wrong with passcode or person, mode `step-up` rejects."""
    proof = refused(world, why, STEP_UP)

    said = Radclient(world, tmp_path, STEP_UP).login(proof.user, proof.code)

    assert "Received Access-Reject" in said


def test_radclient_step_up_password_is_no_passcode(world: World, tmp_path: Path) -> None:
    """Where the passcode is wanted, the right password opens nothing."""
    person = world.person()

    said = Radclient(world, tmp_path, STEP_UP).login(person.name, person.password)

    assert "Received Access-Reject" in said


@pytest.mark.parametrize("one_field", [True, False], ids=["append", "challenge"])
def test_radclient_auto_takes_either(world: World, tmp_path: Path, *, one_field: bool) -> None:
    """Mode `auto` takes both in one field, and asks who typed the password alone."""
    proof = good(world)
    client = Radclient(world, tmp_path, AUTO)

    if one_field:
        said = client.login(proof.user, proof.password + proof.code)
    else:
        said = client.dialogue(proof)

    assert "Received Access-Accept" in said


def test_radclient_reject_message_is_the_clients_own(world: World, tmp_path: Path) -> None:
    """A client entry may give its rejects a text."""
    said = Radclient(world, tmp_path, AUTO).login(world.person().name, "correct mule")

    assert "Received Access-Reject" in said
    assert 'Reply-Message = "Sorry."' in said


def test_radclient_status_server_is_answered(radclient: Radclient, world: World) -> None:
    """Status-Server gets Access-Accept on one port, Accounting-Response on the other."""
    said = radclient.send("Message-Authenticator = 0x00", kind="status")
    assert "Received Access-Accept" in said

    said = radclient.send("Message-Authenticator = 0x00", kind="status", port=world.accounting_port)
    assert "Received Accounting-Response" in said


def test_radclient_unsigned_status_server_is_ignored(world: World, radclient: Radclient) -> None:
    """Without Message-Authenticator a Status-Server gets no answer (RFC 5997 section 3)."""
    assert "Received" not in radclient.send("NAS-Identifier = x", kind="status")
    assert world.is_running()


def test_radclient_unsigned_login_is_ignored(world: World, radclient: Radclient) -> None:
    """Without Message-Authenticator the right password gets no answer by default."""
    person = world.person()

    said = radclient.send(f"User-Name = {person.name}", f'User-Password = "{person.password}"')

    assert "Received" not in said
    assert "No reply" in said


def test_radtest_wrong_secret_gets_silence(world: World, tmp_path: Path) -> None:
    """Another shared secret makes another signature: no answer at all."""
    client = Radclient(world, tmp_path)
    client.file.write_bytes(b"some-other-secret-of-length")
    person = world.person()

    said = client.login(person.name, person.password)

    assert "Received" not in said
    assert "No reply" in said


def test_wrong_message_authenticator_gets_silence(world: World) -> None:
    """One bit of the signature changed: no answer, and the next packet is served."""
    person = world.person()
    with world.nas() as nas:
        octets = bytearray(nas.request(person.name, person.password))
        octets[25] ^= 1
        nas.send(bytes(octets))

        assert nas.before_status() == []


def test_stranger_gets_silence(world: World) -> None:
    """An address that no client entry names gets no answer, whatever it sends."""
    person = world.person()
    with world.nas("127.0.0.99") as nas, world.nas() as known:
        nas.send(nas.request(person.name, person.password))

        assert known.status()
        assert nas.waiting() == []
