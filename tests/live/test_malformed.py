"""Every case of `malformed.json` over real UDP, between two logins that must succeed."""

from __future__ import annotations

import base64
import functools
import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests.live.clients import FAST, need
from tests.live.nas import PATIENCE, Nas
from tests.live.world import SECRET, Person, World

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE: Final = Path(__file__).parents[1] / "vectors" / "malformed.json"
_SECRET: Final = b"testing123"
_STRANGER: Final = "127.0.9.9"
_OURS: Final = "127.0.0.200"
_TWO_CLIENTS: Final = ("127.0.0.1", "127.0.0.3")  # scenarios name these
_DUPLICATE_SECONDS: Final = 5  # the least that a configuration may ask for
_CODES: Final = {
    "accept": numbers.ACCESS_ACCEPT,
    "reject": numbers.ACCESS_REJECT,
    "challenge": numbers.ACCESS_CHALLENGE,
    "status_accept": numbers.ACCESS_ACCEPT,
    "acct_response": numbers.ACCOUNTING_RESPONSE,
}


@functools.cache
def document() -> dict[str, Any]:
    """Return the file."""
    read: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return read


def named(key: str) -> list[Any]:
    """Return the cases or scenarios under *key* as parameters with their ids."""
    return [pytest.param(case, id=case["id"]) for case in document()[key]]


def settings_of(case: dict[str, Any]) -> tuple[str, str]:
    """Return what the case's client requires."""
    client = case["client"]
    return client["require_message_authenticator"], client["limit_proxy_state"]


def address_of(settings: tuple[str, str]) -> str:
    """Return the loopback address of the client entry with *settings*."""
    at = ("no", "yes", "auto").index(settings[0]) * 3 + ("no", "yes", "auto").index(settings[1])
    return f"127.0.1.{at + 1}"


@pytest.fixture(scope="module")
def fixture_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a running server with the users and clients that the file asks for."""
    need("oathtool")
    world = World(tmp_path_factory.mktemp("malformed"))
    world.configure(
        clients(),
        passwords=FAST,
        # Sixty cases have a wrong password of alice: they shall not lock her out.
        lockout={"threshold": 100},
        duplicates={"lifetime": _DUPLICATE_SECONDS},
    )
    (world.folder / "weak").write_bytes(_SECRET)
    people = world.folder / "people.csv"
    people.write_text("\n".join(rows()) + "\n", encoding="utf-8")
    world.run("user", "import", str(people))
    world.start(source=_OURS)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


def clients() -> list[dict[str, object]]:
    """Return one client entry for each combination of settings, and those the scenarios name."""
    common = {"secret": {"file": "weak"}, "weak_secret": True, "retry_window": 0}
    wanted = {settings_of(case) for key in ("cases", "scenarios") for case in document()[key]}
    entries: list[dict[str, object]] = [
        {
            "name": f"{required}-{limited}",
            "networks": [f"{address_of((required, limited))}/32"],
            "require_message_authenticator": required,
            "limit_proxy_state": limited,
            **common,
        }
        for required, limited in sorted(wanted)
    ]
    for address in _TWO_CLIENTS:
        relaxed = {"require_message_authenticator": "no", "limit_proxy_state": "no"}
        entries.append(
            {"name": f"at-{address}", "networks": [f"{address}/32"], **relaxed, **common}
        )
    # Each `auto` scenario needs a client that nothing is known of.
    for at, case in enumerate(auto_scenarios()):
        required, limited = settings_of(case)
        learning = {"require_message_authenticator": required, "limit_proxy_state": limited}
        entries.append(
            {"name": case["id"], "networks": [f"127.0.2.{at + 1}/32"], **learning, **common}
        )
    # The tests' own questions come from here.
    return [*entries, {"name": "ours", "networks": [f"{_OURS}/32"], "retry_window": 0}]


def auto_scenarios() -> list[dict[str, Any]]:
    """Return the scenarios in which the server learns."""
    return [case for case in document()["scenarios"] if "auto" in settings_of(case)]


def rows() -> Iterator[str]:
    """Yield the users of the file as a list for `user import`."""
    yield "name,password,seed_base32,serial,password_only"
    for user in document()["fixture"]["users"]:
        seed = user.get("totp_secret_b32", "")
        exempt = "no" if seed else "yes"
        serial = f"S-{user['name']}" if seed else ""
        yield f"{user['name']},{user['password']},{seed},{serial},{exempt}"
    for case in document()["scenarios"]:
        one = twin(case["id"])
        yield f"{one.name},{one.password},{base64.b32encode(one.seed).decode()},,no"


class Dialogue:
    """Plays the steps of a scenario."""

    def __init__(self, world: World, case: dict[str, Any]) -> None:
        self.world = world
        self.case = case
        self.sent: dict[int, bytes] = {}
        self.replies: dict[int, codec.Packet] = {}
        self.octets: dict[int, bytes] = {}
        self.typed: dict[int, str] = {}
        source = _TWO_CLIENTS[0]
        if case in auto_scenarios():
            source = f"127.0.2.{auto_scenarios().index(case) + 1}"
        self.nas = Nas(world.port, _SECRET, source)
        self.bob = twin(case["id"])

    def play(self) -> None:
        """Play every step; each must end as it says."""
        steps = self.case["steps"]
        with self.nas:
            for number, step in enumerate(steps, 1):
                if "wait" in step:
                    continue
                self._step(number, step, late="wait" in steps[number - 2])

    def _step(self, number: int, step: dict[str, Any], *, late: bool) -> None:
        if "resend" in step:
            octets = self.sent[step["resend"]]
        else:
            octets = self.sent[number] = self._build(number, step["build"])
        nas, other = self.nas, None
        if "source_ip" in step:
            nas = other = Nas(self.world.port, _SECRET, step["source_ip"])
        try:
            if late:
                self._resend_until_new(number, step)
            else:
                nas.send(octets)
                if not step.get("no_wait"):
                    self._expect(nas, number, step, octets)
        finally:
            if other is not None:
                with other:
                    pass

    def _expect(self, nas: Nas, number: int, step: dict[str, Any], octets: bytes) -> None:
        expected = step["expect"]
        if expected == "discard":
            assert_alive(self.world)
            assert nas.waiting() == []
            return
        reply = nas.receive()
        assert reply is not None, f"step {number}: no reply"
        packet = nas.check(octets, reply).packet
        if expected == "same_bytes_as_1":
            assert reply == self.octets[1]
            return
        wanted = [expected] if isinstance(expected, str) else expected
        assert packet.code in {_CODES[word] for word in wanted}, f"step {number}"
        self.replies[number], self.octets[number] = packet, reply
        # Whatever else came is the same answer once more (RFC 5080 section 2.2.2).
        assert all(more == reply for more in nas.waiting())

    def _resend_until_new(self, number: int, step: dict[str, Any]) -> None:
        octets = self.sent[step["resend"]]
        until = time.monotonic() + _DUPLICATE_SECONDS + PATIENCE
        while True:
            self.nas.send(octets)
            reply = self.nas.receive()
            assert reply is not None
            if reply != self.octets[step["resend"]]:
                break
            assert time.monotonic() < until, "the reply stayed in the cache"
            time.sleep(0.2)
        assert self.nas.check(octets, reply).code == _CODES[step["expect"]], f"step {number}"

    def _build(self, number: int, build: dict[str, Any]) -> bytes:
        user, proof, state = "", "", b""
        for name, value in build["attributes"]:
            match name:
                case "User-Name":
                    user = self.bob.name if value == "bob" else value
                case "User-Password":
                    proof = self.typed[number] = self._proof(value)
                case "State":
                    state = codec.attribute(numbers.STATE, self._state(value))
                case _:
                    pytest.fail(f"a scenario has an attribute {name}, unknown to this test")
        kind = build["message_authenticator"]
        octets = self.nas.request(user, proof, state, identifier=build["id"], signed=kind != "none")
        if kind == "bad":
            octets = octets[:22] + bytes([octets[22] ^ 1]) + octets[23:]
        return octets

    def _proof(self, text: str) -> str:
        if text in ("$totp", "$totp_next"):
            return self.bob.code()
        if text == "$step2.totp":
            return self.typed[2]
        assert not text.startswith("$")
        return text

    def _state(self, text: str) -> bytes:
        which, _, field = text.partition(".")
        known = [at for at, reply in self.replies.items() if numbers.STATE in reply]
        at = known[-1] if which == "$last" else int(which[1:])
        state = self.replies[at].value(numbers.STATE)
        assert state
        match field:
            case "State":
                return state
            case "State^bit0":
                return bytes([state[0] ^ 1]) + state[1:]
            case "State[:-1]":
                return state[:-1]
            case _:
                pytest.fail(f"a scenario has a State {text}, unknown to this test")


@functools.cache
def twin(case: str) -> Person:
    """Return bob's twin for one scenario, whose codes nobody else uses up."""
    return Person(name=f"bob of {case}", seed=secrets.token_bytes(20), password="hunter2")


def assert_alive(world: World) -> None:
    """A valid login from a client of its own must succeed now."""
    with Nas(world.port, SECRET, _OURS) as nas:
        assert nas.login("alice", "correct horse") == numbers.ACCESS_ACCEPT


@pytest.mark.parametrize("case", named("cases"))
def test_packet_behaves_as_its_case_says(fixture_world: World, case: dict[str, Any]) -> None:
    """The packet is answered, or not, as its case says; before and after it the server serves."""
    world, packet = fixture_world, bytes.fromhex(case["packet_hex"])
    source = _STRANGER if case["source"] == "unknown" else address_of(settings_of(case))
    port = world.accounting_port if case["port"] == "acct" else world.port
    expected = {case["expect"]["action"], *case["expect"].get("also_allowed", ())}
    assert_alive(world)

    with Nas(port, _SECRET, source) as nas:
        nas.send(packet)
        # What comes after this login was decided after the packet.
        assert_alive(world)
        replies = nas.waiting()

    assert len(replies) <= 1
    if not replies:
        assert "discard" in expected
        return
    assert replies[0][0] in {_CODES[word] for word in expected if word != "discard"}
    check_reply(packet, replies[0])


def check_reply(request: bytes, octets: bytes) -> None:
    """A reply is genuine, signed first, and returns every Proxy-State in order."""
    key = codec.SigningKey(Secret(_SECRET))
    answer, asked = codec.decode(octets), codec.decode(request)
    is_accounting = answer.code == numbers.ACCOUNTING_RESPONSE
    codec.verify_reply(answer, request[4:20], key, require_signature=not is_accounting)
    if not is_accounting:
        assert octets[20] == numbers.MESSAGE_AUTHENTICATOR
    assert answer.values(numbers.PROXY_STATE) == asked.values(numbers.PROXY_STATE)
    if answer.code == numbers.ACCESS_CHALLENGE:
        assert answer.value(numbers.STATE)
        assert answer.value(numbers.REPLY_MESSAGE)


@pytest.mark.parametrize("case", named("scenarios"))
def test_dialogue_goes_as_its_scenario_says(fixture_world: World, case: dict[str, Any]) -> None:
    """Every step of the dialogue ends as the scenario says."""
    Dialogue(fixture_world, case).play()
