"""YubiKeys at the real server: checked here, and by two validation servers, over TLS."""

from __future__ import annotations

import base64
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import pytest
from twisted.internet.defer import Deferred

from radiusmfa.config.service_model import Service, Yubico
from radiusmfa.login.errands import AskService
from radiusmfa.secret import Secret
from radiusmfa.server.clock import SystemClock
from radiusmfa.server.performing import Performer, Round
from radiusmfa.server.ringing import Ringing
from radiusmfa.service import yubico
from radiusmfa.service.dialogue import Memory, Tools
from radiusmfa.stores import database, tokens, yubikeys
from radiusmfa.stores.calls import Calls
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault
from radiusmfa.wire import numbers
from tests.live.clients import (
    APPEND,
    AUTO,
    CHALLENGE,
    CLIENTS,
    FAST,
    PAM_APPEND,
    PAM_CHALLENGE,
    STEP_UP,
    need,
)
from tests.live.nas import Nas
from tests.live.refusals import Proof
from tests.live.test_pam import append, challenge
from tests.live.test_pam import pam as pam  # noqa: PLC0414 - a fixture
from tests.live.test_promise_1 import LostError, log_in
from tests.live.test_radclient import Radclient
from tests.live.world import SECRET, World
from tests.yubico import CLIENT_ID, CLIENT_SECRET, Fault, Key, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import trustme

    from tests.live.world import Person
    from tests.loop import Loop

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "services" / "yubikey.md"
HOSTS: Final = [
    pytest.param(STEP_UP, id="step-up"),
    pytest.param(APPEND, id="append"),
    pytest.param(CHALLENGE, id="challenge"),
    pytest.param(AUTO, id="auto"),
]
ACCEPTED, REFUSED = "Received Access-Accept", "Received Access-Reject"
NO_YES: Final = [
    pytest.param(fault, reason, id=fault.name.lower())
    for fault, reason in {
        Fault.WRONG_H: "bad-upstream-reply",
        Fault.NO_H: "bad-upstream-reply",
        Fault.WRONG_OTP: "bad-upstream-reply",
        Fault.WRONG_NONCE: "bad-upstream-reply",
        Fault.NO_STATUS: "bad-upstream-reply",
        Fault.TWICE: "bad-upstream-reply",
        Fault.HTML: "bad-upstream-reply",
        Fault.BACKEND_ERROR: "upstream-busy",
        Fault.BUSY: "upstream-busy",
        Fault.OPERATION_NOT_ALLOWED: "upstream-misconfigured",
        Fault.NOT_FOUND: "upstream-misconfigured",
        Fault.HTTP_500: "upstream-unreachable",
        Fault.LARGE: "upstream-silent",
        Fault.SILENT: "upstream-silent",
        Fault.HANG_UP: "upstream-silent",
    }.items()
]


@final
class Site:
    """
    A running server, two validation servers, and people with keys.

    Attributes:
        world: The server.
        one: The first validation server.
        two: The second.
    """

    def __init__(self, world: World, one: Running, two: Running) -> None:
        """Let each of the validation servers tell the other."""
        self.world = world
        self.one, self.two = one, two
        one.simulator.peers, two.simulator.peers = [two.simulator], [one.simulator]
        self._passwords = 0

    def holder(self, *, is_ours: bool) -> tuple[Person, Key]:
        """Return somebody with a key that is checked here, or by the others."""
        person, key = self.world.person(), Key()
        self.give(key, person, is_ours=is_ours)
        return person, key

    def give(self, key: Key, person: Person, *, is_ours: bool) -> None:
        """Enroll *key* by the command line, proved by its first password."""
        folder, words = self.world.folder, ["--remote"]
        if is_ours:
            lines = (key.public_id, key.private_id.hex(), key.aes_key.hex())
            (folder / "key").write_text("\n".join(lines) + "\n")
            words = ["--key-file", str(folder / "key")]
        else:
            for running in (self.one, self.two):
                running.simulator.add(key)
        command = ("token", "enroll", person.name, "--type", "yubikey", *words)
        self.world.run(*command, "--code-file", "-", typed=f"{key.touch()}\n")

    def line(self, person: Person) -> dict[str, Any]:
        """Return the audit's last line of somebody's login."""
        return self.world.audit(kind="login", user=person.name)[-1]

    def behave(self, fault: Fault = Fault.NONE) -> None:
        """Let both validation servers have *fault*."""
        for running in (self.one, self.two):
            running.simulator.fault = fault


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ca: trustme.CA, ca_file: Path) -> Iterator[Site]:
    """Return a running server whose service trusts our authority."""
    need("oathtool", "radclient")
    world = World(tmp_path_factory.mktemp("yubikey"))
    (world.folder / "yubico").write_bytes(base64.b64encode(CLIENT_SECRET))
    (world.folder / "yubico").chmod(0o600)
    with Running(ca) as one, Running(ca) as two:
        world.configure(
            CLIENTS,
            passwords=FAST,
            lockout={"threshold": 100},
            services={
                "keys": {
                    "yubico": {
                        "urls": [one.url, two.url],
                        "client_id": int(CLIENT_ID),
                        "secret": {"file": "yubico"},
                    },
                    "ca_file": str(ca_file),
                    "timeout": 1,
                }
            },
            factors={"yubikey": {}, "keys": {"service": "keys"}, "totp": {}},
        )
        world.populate(60)
        world.start()
        yield Site(world, one, two)
        assert world.stop() == 0
        assert world.faults() == []
        world.run("audit", "verify")
        said = world.log()
        assert base64.b64encode(CLIENT_SECRET).decode() not in said
        for asked in (*one.simulator.asked, *two.simulator.asked):
            assert asked["otp"] not in said
            assert asked["h"] not in said


@pytest.fixture
def world(site: Site) -> World:
    """The server, for fixtures that want it by this name."""
    return site.world


@pytest.fixture(autouse=True)
def _well(site: Site) -> None:
    site.behave()


@pytest.fixture
def door(site: Site, tmp_path: Path) -> Callable[[str, Person, str], str]:
    """Return a function that logs somebody in by radclient, and returns what it says."""

    def enter(source: str, person: Person, otp: str) -> str:
        radclient = Radclient(site.world, tmp_path, source)
        if source == CHALLENGE:
            return radclient.dialogue(Proof(person.name, person.password, otp))
        typed = otp if source == STEP_UP else person.password + otp
        return radclient.login(person.name, typed)

    return enter


# Refused


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "theirs"])
@pytest.mark.parametrize("source", HOSTS)
def test_wrong_and_used_passwords_are_refused(
    site: Site, door: Callable[[str, Person, str], str], source: str, *, is_ours: bool
) -> None:
    """Another's key, one that only says it is this one, a used password, and one before it."""
    person, key = site.holder(is_ours=is_ours)
    old, new = key.touch(), key.touch()
    assert ACCEPTED in door(source, person, new)
    for otp in (Key().touch(), Key(public_id=key.public_id).touch()):
        assert REFUSED in door(source, person, otp)
    for otp in (new, old):
        assert REFUSED in door(source, person, otp)
        assert site.line(person)["reason"] == "replayed-passcode"
    assert ACCEPTED in door(source, person, key.touch())


@pytest.mark.parametrize(("fault", "reason"), NO_YES)
def test_no_answer_but_a_genuine_ok_lets_in(
    site: Site, door: Callable[[str, Person, str], str], fault: Fault, reason: str
) -> None:
    """Whatever both servers do, nobody gets in, and the audit says why."""
    person, key = site.holder(is_ours=False)
    site.behave(fault)
    assert REFUSED in door(STEP_UP, person, key.touch())
    line = site.line(person)
    assert (line["reason"], line["upstreams"][-1]["answer"]) == (reason, reason)
    site.behave()
    # Three logins in a row that found nobody would make the service one that is gone.
    assert ACCEPTED in door(STEP_UP, person, key.touch())


def test_server_that_nobody_vouches_for_is_not_asked(
    tmp_path: Path, ca: trustme.CA, ca_file: Path
) -> None:
    """A certificate of another name, or of somebody whom we do not trust, is no server."""
    need("oathtool")
    with Running(ca, name="127.0.0.9") as elsewhere:
        world = World(tmp_path)
        world.configure(
            CLIENTS,
            passwords=FAST,
            services={
                "keys": {
                    "yubico": {"urls": [elsewhere.url], "client_id": 87},
                    "ca_file": str(ca_file),
                }
            },
            factors={"keys": {"service": "keys"}},
        )
        world.populate(1)
        person, key = world.person(), elsewhere.simulator.add(Key())
        enroll(world, person, key, is_ours=False)
        world.start()
        with world.nas(STEP_UP) as nas:
            assert nas.login(person.name, key.touch()) == numbers.ACCESS_REJECT
        assert world.stop() == 0
        (line,) = world.audit(kind="login")
        assert line["reason"] == "upstream-unreachable"
        assert "certificate is not trusted" in world.log()
        assert elsewhere.simulator.asked == []


def test_service_is_looked_at(loop: Loop, ca: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    """What `doctor` asks: nothing is wrong with one server, and with the other our secret is."""
    with Running(ca) as one, Running(ca) as two:
        two.simulator.clients = {CLIENT_ID: b"another secret"}
        settings = Yubico(
            urls=(one.url, two.url), client_id=int(CLIENT_ID), secret=Secret(CLIENT_SECRET)
        )
        service = Service(name="keys", settings=settings, ca_file=ca_file)
        clock, calls = SystemClock(), Calls(Vault.create(tmp_path / "keys"))
        ringing = Ringing(
            loop.reactor, clock, service, calls,
            pepper=b"", entropy=bytes, flush=lambda: None, alarm=lambda *_: "",
        )  # fmt: skip
        performer = Performer(loop.reactor, clock, service, ringing, lambda *_: Deferred())
        tools = Tools(now=0.0, seconds=5.0, entropy=bytes, pepper=b"", memory=Memory())
        turn = Round(AskService(service="keys", user=""), lambda: 5.0)
        said = loop.run(performer.examine(yubico.examine(settings, tools), turn))
        performer.close()
    place = two.url.split("/")[2]
    assert said == (f"{place}: BAD_SIGNATURE: secret is not that of client_id",)


# Let in


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "theirs"])
@pytest.mark.parametrize("source", HOSTS)
def test_radclient_is_let_in(
    site: Site, door: Callable[[str, Person, str], str], source: str, *, is_ours: bool
) -> None:
    """In every mode; the audit says which factor, which key, and who said yes."""
    person, key = site.holder(is_ours=is_ours)
    assert ACCEPTED in door(source, person, key.touch())
    line = site.line(person)
    assert (line["factor"], line["token"]) == ("yubikey" if is_ours else "keys", key.public_id)
    if not is_ours:
        (told,) = line["upstreams"]
        assert (told["name"], told["answer"], told["way"]) == ("keys", "accept", "passcode")
        assert told["server"] in site.one.url + site.two.url


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "theirs"])
@pytest.mark.parametrize("source", [PAM_APPEND, PAM_CHALLENGE], ids=["append", "challenge"])
def test_pam_radius_is_let_in(
    site: Site, pam: Callable[[str, str], str], source: str, *, is_ours: bool
) -> None:
    """Whoever logs in by PAM touches the key, behind the password or when asked; once."""
    person, key = site.holder(is_ours=is_ours)
    enter = append if source == PAM_APPEND else challenge
    proof = Proof(person.name, person.password, key.touch())
    assert enter(pam(source, ""), proof)
    assert not enter(pam(source, ""), proof)
    assert not enter(pam(source, ""), proof._replace(code=Key().touch()))


def test_one_server_is_enough(site: Site, door: Callable[[str, Person, str], str]) -> None:
    """While one is silent, broken or forged, the other one's OK lets in at once."""
    person, key = site.holder(is_ours=False)
    # Else the other one may hear of the password from it, before it is asked itself.
    site.one.simulator.peers = []
    for fault in (Fault.SILENT, Fault.HTTP_500, Fault.WRONG_H, Fault.REPLAYED_REQUEST):
        site.one.simulator.fault = fault
        assert ACCEPTED in door(STEP_UP, person, key.touch())
        assert site.line(person)["upstreams"][0]["server"] in site.two.url
    site.one.simulator.peers = [site.two.simulator]


def test_error_that_passes_is_not_seen(site: Site, door: Callable[[str, Person, str], str]) -> None:
    """Servers in trouble are asked again."""
    person, key = site.holder(is_ours=False)
    for running in (site.one, site.two):
        running.simulator.fault, running.simulator.spells = Fault.HTTP_500, 1
    assert ACCEPTED in door(AUTO, person, key.touch())
    for running in (site.one, site.two):
        running.simulator.spells = -1


def test_page_has_a_configuration_that_logs_in(
    tmp_path: Path, ca: trustme.CA, ca_file: Path
) -> None:
    """What docs/services/yubikey.md shows can be copied: both kinds of keys let in with it."""
    need("oathtool")
    text = PAGE.read_text(encoding="utf-8")
    (block,) = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    with Running(ca) as one, Running(ca) as two:
        world = World(tmp_path)
        urls = f'["{one.url}", "{two.url}"]'
        for name, value in (
            ('["https://val1.example.com", "https://val2.example.com"]', urls),
            ("certificates/val.pem", str(ca_file)),
            ("client_id: 12345", f"client_id: {CLIENT_ID}"),
            ("192.0.2.10/32", f"{APPEND}/32"),
            ('"0.0.0.0:1812"', f'"127.0.0.1:{world.port}"'),
        ):
            assert name in block
            block = block.replace(name, value)
        (world.folder / "secrets").mkdir(mode=0o700, exist_ok=True)
        for name, octets in (("vpn", SECRET), ("yubico", base64.b64encode(CLIENT_SECRET))):
            (world.folder / "secrets" / name).write_bytes(octets)
            (world.folder / "secrets" / name).chmod(0o600)
        world.config.write_text(block)
        world.populate(2)
        own, elsewhere = Key(), one.simulator.add(two.simulator.add(Key()))
        people = {key.public_id: world.person() for key in (own, elsewhere)}
        enroll(world, people[own.public_id], own)
        enroll(world, people[elsewhere.public_id], elsewhere, is_ours=False)
        world.start(source=APPEND)
        with world.nas(APPEND) as nas:
            for key in (own, elsewhere):
                person = people[key.public_id]
                typed = person.password + key.touch()
                assert nas.login(person.name, typed) == numbers.ACCESS_ACCEPT
                assert nas.login(person.name, typed) == numbers.ACCESS_REJECT
        assert world.stop() == 0


# Promise 1

_KILLS: Final = 4
_PEOPLE: Final = 60  # a life of the server
_SOURCES: Final = (STEP_UP, STEP_UP, APPEND, CHALLENGE)


def enroll(world: World, person: Person, key: Key, *, is_ours: bool = True) -> None:
    """Enroll *key* as a command does; many of them in no time."""
    store = database.connect(world.folder / "radiusmfa.db", Vault.read(world.folder / "keys"))
    seed = Secret(key.private_id + key.aes_key) if is_ours else None
    new = yubikeys.new(key.public_id, seed, user=person.name)
    tokens.enroll(store, Actor("test", time.time()), new, status="active")
    store.close()


@dataclass(slots=True)
class Witness:
    """
    What the NASes know.

    Attributes:
        accepted: Who was let in with which password of a key.
        lost: Who sent one and got no answer.
    """

    accepted: list[tuple[Person, str]] = field(default_factory=list)
    lost: list[tuple[Person, str]] = field(default_factory=list)

    def log_in_all(self, world: World, source: str, people: list[tuple[Person, str]]) -> None:
        """Log people in one after another until the server is dead or all are in."""
        with Nas(world.port, SECRET, source) as nas:
            while people:
                person, otp = people.pop()
                try:
                    log_in(nas, source, person, otp)
                except LostError:
                    self.lost.append((person, otp))
                    return
                self.accepted.append((person, otp))


def test_promise_1_password_of_a_key_is_never_accepted_again(tmp_path: Path) -> None:
    """
    Under load the server is killed at random moments, again and again.

    After each restart no password of a YubiKey that was accepted is accepted once more, and
    one whose answer was lost counted once.
    """
    need("oathtool")
    world, witness = World(tmp_path), Witness()
    world.configure(CLIENTS, passwords=FAST, factors={"yubikey": {}}, lockout={"threshold": 100})
    world.populate(_KILLS * _PEOPLE)
    try:
        for _ in range(_KILLS):
            people = [world.person() for _ in range(_PEOPLE)]
            keys = [Key() for _ in people]
            for person, key in zip(people, keys, strict=True):
                enroll(world, person, key)
            world.start()
            proofs = [(one, key.touch()) for one, key in zip(people, keys, strict=True)]
            load_until_killed(world, witness, proofs)
            world.start()
            replay(world, witness)
            world.kill()
    finally:
        world.kill()
    world.run("audit", "verify")
    accepts = [line["user"] for line in world.audit(kind="login", decision="accept")]
    assert len(accepts) == len(set(accepts))
    assert {person.name for person, _ in witness.accepted} <= set(accepts)


def load_until_killed(world: World, witness: Witness, people: list[tuple[Person, str]]) -> None:
    """Log in from several NASes and kill the server at a random moment meanwhile."""
    before = len(witness.accepted)
    threads = [
        threading.Thread(target=witness.log_in_all, args=(world, source, people))
        for source in _SOURCES
    ]
    for thread in threads:
        thread.start()
    wanted = before + random.randrange(1, _PEOPLE // 2)
    until = time.monotonic() + 10
    while len(witness.accepted) < wanted:
        assert time.monotonic() < until, f"the load was no load:\n{world.log()}"
        time.sleep(random.uniform(0, 0.002))
    world.kill()
    for thread in threads:
        thread.join()


def replay(world: World, witness: Witness) -> None:
    """Send every accepted password of this life and the ones before once more."""
    with world.nas(STEP_UP) as nas:
        for person, otp in witness.accepted:
            assert nas.login(person.name, otp) == numbers.ACCESS_REJECT
        for person, otp in witness.lost:
            # Whether it was accepted before the kill or is now: not both.
            nas.login(person.name, otp)
            assert nas.login(person.name, otp) == numbers.ACCESS_REJECT
