"""A login on a copy: decided as it would be, and nothing is touched."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Final

import pyotp
import pytest

from radiusmfa.cli.exchange import login_request
from radiusmfa.config import read
from radiusmfa.login.errands import LookUp
from radiusmfa.login.errands import Told as ErrandTold
from radiusmfa.login.flow import Step
from radiusmfa.login.person import Person
from radiusmfa.login.username import UserNameError
from radiusmfa.outcome import Failed, Passed, Reason
from radiusmfa.primary import hashing
from radiusmfa.secret import Secret
from radiusmfa.server.trial import Ruled, Trial
from radiusmfa.stores import database, people, tokens, trail
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault
from radiusmfa.upstream import inquiry
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from radiusmfa.login.errands import Answer, Errand
    from radiusmfa.outcome import Outcome
    from radiusmfa.stores.database import Database

SECRET: Final = b"a shared secret of 30 octets.."
SEED: Final = b"twenty octets of seed"
PASSWORD: Final = b"correct horse"
LIGHT: Final = hashing.Parameters(memory_kib=512, passes=1, lanes=1)
HOST: Final = "192.0.2.1"
CONFIGURATION: Final = f"""
listen: [{{udp: "127.0.0.1:1812"}}]
store: {{sqlite: radiusmfa.db}}
keys: {{file: keys}}
passwords: {{memory_kib: 512, passes: 1}}
clients: [{{name: nas, networks: [{HOST}], secret: {{file: secret}}, mode: auto}}]
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    """A store with one person."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "radiusmfa.yaml").write_text(CONFIGURATION)
    vault = Vault.create(tmp_path / "keys")
    database.create(tmp_path / "radiusmfa.db", vault)
    with database.connect(tmp_path / "radiusmfa.db", vault) as made:
        actor = Actor("root", time.time())
        people.add(made, actor, "alice", password=hashing.hash_password(PASSWORD, LIGHT))
        new = tokens.NewToken(serial="T-1", kind="totp", seed=Secret(SEED), user="alice")
        tokens.enroll(made, actor, new, status="active")
        yield made


class Told:
    """Keeps the steps."""

    def __init__(self, store: Database) -> None:
        """Try on *store*."""
        self.steps: list[tuple[Step, Outcome]] = []
        configuration = read.load(store.path.with_name("radiusmfa.yaml"))
        self.trial = Trial(configuration, store, lambda *told: self.steps.append(told))

    def ask(self, name: bytes, typed: bytes, state: bytes | None = None) -> codec.Packet:
        """Return the verified reply."""
        key = codec.SigningKey(Secret(SECRET))
        octets = login_request(key, name, Secret(typed), state)
        packet = codec.decode(self.trial.ask(octets, HOST))
        codec.verify_reply(packet, octets[4:20], key, require_signature=True)
        return packet


@pytest.fixture
def told(store: Database) -> Iterator[Told]:
    """A trial."""
    made = Told(store)
    yield made
    made.trial.close()


def code() -> bytes:
    """Return a passcode that is valid now."""
    return pyotp.TOTP(base64.b32encode(SEED).decode()).now().encode()


def test_wrong_password_is_rejected_step_by_step(told: Told) -> None:
    """Each step says what came of it, and the reply is the one that would be sent."""
    assert told.ask(b"alice", b"wrong").code == numbers.ACCESS_REJECT
    assert told.steps == [
        (Step.TAIL, Failed(Reason.BAD_PASSCODE)),
        (Step.PASSWORD, Failed(Reason.BAD_PASSWORD)),
    ]
    assert told.trial.audited()["reason"] == "bad-password"


def test_stranger_gets_no_reply(told: Told) -> None:
    """A request from an address of no client would get silence, and the reason is told."""
    octets = login_request(codec.SigningKey(Secret(SECRET)), b"alice", Secret(PASSWORD))
    assert told.trial.ask(octets, "198.51.100.1") == b""
    assert told.trial.discarded == "unknown-client"


def test_dialogue_ends_in_an_accept(told: Told) -> None:
    """Password, challenge, code: all rounds are decided on one copy."""
    challenge = told.ask(b"alice", PASSWORD)
    assert challenge.code == numbers.ACCESS_CHALLENGE
    reply = told.ask(b"alice", code(), challenge.value(numbers.STATE))
    assert reply.code == numbers.ACCESS_ACCEPT
    assert told.steps[-1] == (Step.PASSCODE, Passed())


def test_nothing_is_touched(store: Database, told: Told) -> None:
    """Wrong and right logins leave no octet of the store changed, and use up no code."""
    before = _rows(store)
    typed = PASSWORD + code()
    assert told.ask(b"alice", PASSWORD + b"000000").code == numbers.ACCESS_REJECT
    assert told.ask(b"alice", typed).code == numbers.ACCESS_ACCEPT
    assert told.ask(b"alice", typed).code == numbers.ACCESS_REJECT
    assert _rows(store) == before
    again = Told(store)
    assert again.ask(b"alice", typed).code == numbers.ACCESS_ACCEPT
    again.trial.close()
    assert trail.verify(store).fault is None


def test_user_is_found_or_not(told: Told) -> None:
    """Who is known is told, and a name that nobody can have is an error."""

    def ruled(name: bytes) -> Ruled:
        request = login_request(codec.SigningKey(Secret(SECRET)), name, Secret(b""))
        found = told.trial.ruled(request, HOST)
        assert isinstance(found, Ruled)
        return found

    found = ruled(b"ALICE")
    assert found.user is not None
    assert (found.user.name, found.rule.name, found.reason, found.person) == (
        "alice",
        "",
        None,
        None,
    )
    assert ruled(b"nobody").user is None
    with pytest.raises(UserNameError):
        ruled(b"")


POLICIES = """
primaries: {corp: {ldap: {servers: ["ldaps://127.0.0.1"], base: "dc=x", bind_dn: anonymous}}}
policies:
  - {name: staff, when: {group: staff}, reply: {Filter-Id: staff}}
  - {name: no, when: {user: bob}, deny: yes}
"""


def ruling(
    store: Database, name: bytes, errands: Callable[[Errand], Answer | None]
) -> Ruled | Errand:
    """Return what decides a login where policies ask a directory for groups."""
    path = store.path.with_name("radiusmfa.yaml")
    path.write_text(CONFIGURATION + POLICIES)
    trial = Trial(read.load(path), store, lambda *_: None, errands=errands)
    request = login_request(codec.SigningKey(Secret(SECRET)), name, Secret(b""))
    found = trial.ruled(request, HOST)
    trial.close()
    return found


def test_policy_is_told_before_anything_is_typed(store: Database) -> None:
    """The directory is searched, and the policy that fits is named."""
    person = Person(directory="corp", name="alice", dn="cn=alice", groups=("Staff",))
    found = ruling(store, b"alice", lambda _: ErrandTold(directory="corp", person=person))
    assert isinstance(found, Ruled)
    assert (found.rule.name, found.reason, found.person) == ("staff", None, person)


def test_refusal_is_told_before_anything_is_typed(store: Database) -> None:
    """Whom no policy fits learns which came nearest."""
    found = ruling(
        store, b"alice", lambda _: ErrandTold(directory="corp", reason=Reason.UNKNOWN_USER)
    )
    assert isinstance(found, Ruled)
    assert (found.rule.name, found.reason) == ("staff", Reason.NOT_IN_GROUP)


def test_what_is_not_asked_is_told(store: Database) -> None:
    """Where nobody may be asked it ends, and says who would be."""
    found = ruling(store, b"alice", lambda _: None)
    assert isinstance(found, LookUp)
    assert (found.directory, found.name) == ("corp", "alice")


UPSTREAM = """
upstreams: {rsa: {servers: [{host: 192.0.2.101, secret: {file: secret}}]}}
"""


def with_upstream(
    store: Database, exchange: Callable[[Inquiry], Response] | None = None
) -> Iterator[Trial]:
    """Return a trial in which `rsa` checks passwords."""
    path = store.path.with_name("radiusmfa.yaml")
    path.write_text(CONFIGURATION.replace("mode: auto", "mode: challenge, primary: rsa") + UPSTREAM)
    made = Trial(read.load(path), store, lambda *_: None, exchange)
    try:
        yield made
    finally:
        made.close()


def login(typed: bytes) -> bytes:
    """Return a request."""
    return login_request(codec.SigningKey(Secret(SECRET)), b"alice", Secret(typed))


def test_upstream_is_not_asked_unless_somebody_may(store: Database) -> None:
    """Without leave to ask, the login ends where the upstream would be, and says where."""
    for trial in with_upstream(store):
        assert trial.ask(login(b"anything"), HOST) == b""
        assert isinstance(trial.unasked, Inquiry)
        assert trial.unasked.upstream == "rsa"


@pytest.mark.parametrize(
    ("code", "reason"), [(3, "upstream-refused"), (2, "passcode-wanted"), (0, "upstream-silent")]
)
def test_upstream_is_asked_where_somebody_may(store: Database, code: int, reason: str) -> None:
    """What the upstream says counts as in a login, and stands in the line that is shown."""

    def exchange(asked: Inquiry) -> Response:
        assert asked.typed == b"typed"
        key = codec.SigningKey(Secret(SECRET))
        octets = inquiry.build(asked, 1, bytes(16), b"ours", key)
        answer = codec.reply(code, codec.decode(octets), key)
        packet = codec.decode(answer) if code and answer else None
        return Response(upstream="rsa", server="192.0.2.101:1812", packet=packet)

    for trial in with_upstream(store, exchange):
        assert trial.ask(login(b"typed"), HOST)[:1] == (b"\x0b" if code == 2 else b"\x03")
        assert trial.unasked is None
        assert trial.audited()["reason"] == reason


def test_servers_are_never_gone_beforehand(store: Database) -> None:
    """Nothing is known of servers here: a code is asked for as if they were alive."""
    path = store.path.with_name("radiusmfa.yaml")
    factors = "factors: {totp: {}, securid: {upstream: rsa}}\n"
    text = CONFIGURATION.replace("mode: auto", "mode: challenge, factors: [securid]")
    path.write_text(text + UPSTREAM + factors)
    trial = Trial(read.load(path), store, lambda *_: None)

    reply = trial.ask(login(PASSWORD), HOST)

    trial.close()
    assert reply[0] == numbers.ACCESS_CHALLENGE


def _rows(store: Database) -> str:
    return hashlib.sha256("\n".join(store.connection.iterdump()).encode()).hexdigest()
