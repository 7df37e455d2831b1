"""A whole server but for its sockets and threads, people with tokens, and a NAS of its own kind."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import itertools
import json
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self, final

import pyotp

from radiusmfa.config.model import LOCAL, NONE, Client, Configuration, Factors, Lockout, Mode
from radiusmfa.factors import recovery
from radiusmfa.login.challenges import Challenges
from radiusmfa.ops.audit import Lines
from radiusmfa.ops.counters import Counters
from radiusmfa.ops.logs import Discards
from radiusmfa.primary import hashing, local
from radiusmfa.secret import Secret
from radiusmfa.server.parts import Parts, assemble
from radiusmfa.server.pipeline import Pipeline
from radiusmfa.stores import database, people, tokens, trail
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.vault import Vault
from radiusmfa.wire.codec import ACCOUNTING_PORT
from tests.fakes import FakeClock, FakePort, HeldThreads, HeldUpstreams

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.policy_model import Policy
    from radiusmfa.config.service_model import Service
    from radiusmfa.config.upstream_model import Upstream
    from radiusmfa.server.run import Watch
    from radiusmfa.stores.database import Database

SECRET: Final = b"a shared secret of 30 octets.."
LIGHT: Final = hashing.Parameters(memory_kib=8, passes=1, lanes=1)
MARKER: Final = b"our mark"
ACCEPT, REJECT, CHALLENGE, ACCOUNTED = 2, 3, 11, 5
USER_NAME, USER_PASSWORD, REPLY_MESSAGE, STATE, CLASS = 1, 2, 18, 24, 25
PROXY_STATE, ACCT_STATUS_TYPE, PROMPT, MESSAGE_AUTHENTICATOR = 33, 40, 76, 80
STEP_UP, APPEND, ASKING, AUTO = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"
_ADDRESSES: Final = {
    STEP_UP: Mode.STEP_UP,
    APPEND: Mode.APPEND,
    ASKING: Mode.CHALLENGE,
    AUTO: Mode.AUTO,
}
ADDRESSES: Final = {mode: address for address, mode in _ADDRESSES.items()}
"""Each mode has a client of its own."""
LOCKOUT: Final = Lockout(threshold=3, delay=30, longest=900, forget=86400)


def client(address: str, mode: Mode, **settings: Any) -> Client:  # noqa: ANN401 - settings of any type
    """Return the entry of a client at *address*, called as its mode unless said otherwise."""
    usual: dict[str, Any] = {
        "name": mode.value,
        "networks": (ipaddress.ip_network(address),),
        "secret": Secret(SECRET),
        "mode": mode,
        "primary": NONE if mode is Mode.STEP_UP else LOCAL,
        "shows_challenges": mode is not Mode.APPEND,
    }
    return Client(**(usual | settings))


@dataclass(slots=True)
class Person:
    """
    Somebody with a password and, mostly, a token of their own.

    Attributes:
        name: User-Name.
        password: In clear.
        seed: Of the token.
        serial: Of the token; empty: none.
        settings: How the token makes its passcodes.
        codes: Recovery codes as they were shown.
    """

    name: str
    password: bytes
    seed: bytes
    serial: str
    settings: dict[str, Any] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)

    def code(self, now: float, steps: int = 0) -> bytes:
        """Return the passcode at *now*, or that of *steps* later, made by another library."""
        base32 = base64.b32encode(self.seed).decode()
        return pyotp.TOTP(base32, **self.settings).at(int(now), counter_offset=steps).encode()

    def counted(self, counter: int) -> bytes:
        """Return the passcode of *counter*."""
        return pyotp.HOTP(base64.b32encode(self.seed).decode()).at(counter).encode()

    def wrong(self, now: float) -> bytes:
        """Return a passcode that is none for many steps around *now*."""
        near = {self.code(now, steps) for steps in range(-60, 61)}
        return next(f"{n:06d}".encode() for n in range(1000) if f"{n:06d}".encode() not in near)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    A reply whose every signature was right.

    Attributes:
        code: Packet code.
        attributes: Types and values in order.
        octets: As it was sent.
    """

    code: int
    attributes: tuple[tuple[int, bytes], ...]
    octets: bytes

    def values(self, kind: int) -> list[bytes]:
        """Return the values of type *kind* in order."""
        return [value for found, value in self.attributes if found == kind]

    @property
    def state(self) -> bytes:
        """Return its only State."""
        (state,) = self.values(STATE)
        return state


@final
class Nas:
    """
    A client written from the RFCs with the standard library, and nothing of radiusmfa.

    Attributes:
        world: The server.
        host: Its address.
        port: Its port.
        identifier: Of the next request.
    """

    def __init__(self, world: World, host: str, port: int = 40000, secret: bytes = SECRET) -> None:
        """Talk to *world* from *host* and *port*."""
        self.world = world
        self.host = host
        self.port = port
        self._secret = secret
        self._random = random.Random(f"{host}:{port}")
        self.identifier = next(world.identifiers) % 256
        self.is_signing = True

    def ask(
        self,
        name: str | bytes,
        typed: bytes,
        state: bytes | None = None,
        *extra: tuple[int, bytes],
    ) -> Reply | None:
        """Send a PAP request and return what came back, None for silence."""
        return self.send(self.request(name, typed, state, *extra))

    def decide(
        self,
        name: str | bytes,
        typed: bytes,
        state: bytes | None = None,
        *extra: tuple[int, bytes],
    ) -> int:
        """Return the code of the answer to a PAP request, 0 for silence."""
        reply = self.ask(name, typed, state, *extra)
        return 0 if reply is None else reply.code

    def challenged(self, name: str, password: bytes) -> bytes:
        """Return the State of the challenge that the right password earns."""
        reply = self.ask(name, password)
        assert reply is not None
        assert reply.code == CHALLENGE
        return reply.state

    def request(
        self,
        name: str | bytes,
        typed: bytes,
        state: bytes | None = None,
        *extra: tuple[int, bytes],
    ) -> bytes:
        """Return a signed Access-Request; the identifier moves on."""
        authenticator = self._random.randbytes(16)
        user = name.encode() if isinstance(name, str) else name
        attributes = [(USER_NAME, user), (USER_PASSWORD, self._hidden(typed, authenticator))]
        if state is not None:
            attributes.append((STATE, state))
        return self.packet(1, authenticator, (*attributes, *extra))

    def packet(
        self, code: int, authenticator: bytes, attributes: tuple[tuple[int, bytes], ...]
    ) -> bytes:
        """Return a packet, signed where this NAS signs; the identifier moves on."""
        identifier, self.identifier = self.identifier, (self.identifier + 1) % 256
        body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
        if not self.is_signing:
            return bytes((code, identifier)) + (20 + len(body)).to_bytes(2) + authenticator + body
        head = bytes((code, identifier)) + (38 + len(body)).to_bytes(2) + authenticator
        blank = head + bytes((MESSAGE_AUTHENTICATOR, 18)) + bytes(16) + body
        mac = hmac.digest(self._secret, blank, "md5")
        return head + bytes((MESSAGE_AUTHENTICATOR, 18)) + mac + body

    def accounting(self, *attributes: tuple[int, bytes]) -> bytes:
        """Return an Accounting-Request (RFC 2866 section 3); the identifier moves on."""
        identifier, self.identifier = self.identifier, (self.identifier + 1) % 256
        body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
        head = bytes((4, identifier)) + (20 + len(body)).to_bytes(2)
        digest = hashlib.md5(head + bytes(16) + body + self._secret).digest()  # noqa: S324
        return head + digest + body

    def status(self) -> bytes:
        """Return a Status-Server (RFC 5997); the identifier moves on."""
        return self.packet(12, self._random.randbytes(16), ())

    def send(self, *requests: bytes, port: FakePort | None = None) -> Reply | None:
        """Send *requests* in one burst, let the checks be done, and return the last reply."""
        self.put(*requests, port=port)
        self.world.work()
        return self.take(requests[-1], port=port)

    def put(self, *requests: bytes, port: FakePort | None = None) -> None:
        """Send *requests* in one burst and wait for nothing."""
        address = (self.host, self.port)
        burst: list[tuple[bytes, Any, str]] = [(octets, address, self.host) for octets in requests]
        self.world.pipeline.receive(port or self.world.port, burst)

    def take(self, request: bytes, *, port: FakePort | None = None) -> Reply | None:
        """Return the last reply to *request* after checking it, and forget all before."""
        sent = (port or self.world.port).sent
        ours = [
            octets
            for octets, address in sent
            if address == (self.host, self.port) and octets[1] == request[1]
        ]
        if not ours:
            return None
        sent[:] = [entry for entry in sent if entry[1] != (self.host, self.port)]
        return self.checked(ours[-1], request)

    def checked(self, octets: bytes, request: bytes) -> Reply:
        """Return the reply in *octets*; fail unless everything in it is signed and in place."""
        assert octets[1] == request[1]
        assert int.from_bytes(octets[2:4]) == len(octets) <= 4096
        signed = octets[:4] + request[4:20] + octets[20:]
        assert hashlib.md5(signed + self._secret).digest() == octets[4:20]  # noqa: S324
        attributes = []
        at = 20
        while at < len(octets):
            attributes.append((octets[at], octets[at + 2 : at + octets[at + 1]]))
            at += octets[at + 1]
        assert at == len(octets)
        if octets[0] != ACCOUNTED:
            # First of all (CVE-2024-3596).
            assert attributes[0][0] == MESSAGE_AUTHENTICATOR
            blank = signed[:22] + bytes(16) + signed[38:]
            assert hmac.digest(self._secret, blank, "md5") == attributes[0][1]
        return Reply(code=octets[0], attributes=tuple(attributes), octets=octets)

    def _hidden(self, typed: bytes, authenticator: bytes) -> bytes:
        plain = typed + bytes(-len(typed) % 16) if typed else bytes(16)
        hidden, last = b"", authenticator
        for at in range(0, len(plain), 16):
            mask = hashlib.md5(self._secret + last).digest()  # noqa: S324
            last = bytes(one ^ other for one, other in zip(plain[at : at + 16], mask, strict=True))
            hidden += last
        return hidden


@final
class World:
    """
    The server's parts on a real store, with turned clock and held threads.

    Attributes:
        clock: Turned by tests.
        path: The store.
        admin: Another connection to it, as the command line has.
        port: Where Access-Requests arrive.
        accounting: Where Accounting-Requests arrive.
        discards: What was said of discarded packets: reason and source.
        identifiers: Where each NAS begins to count.
    """

    def __init__(self, folder: Path, *clients: Client, lockout: Lockout = LOCKOUT) -> None:
        """Make a store in *folder* and serve *clients*, or one of each mode."""
        self.clock = FakeClock()
        self.path = folder / "radiusmfa.db"
        self.vault = Vault.create(folder / "keys")
        database.create(self.path, self.vault)
        self.admin = database.connect(self.path, self.vault)
        self.port = FakePort()
        self.accounting = FakePort(ACCOUNTING_PORT)
        self.discards: list[tuple[str, str]] = []
        self.clients = clients or tuple(client(at, mode) for at, mode in _ADDRESSES.items())
        self.factors = Factors()
        self.upstreams: tuple[Upstream, ...] = ()
        self.directories: tuple[Directory, ...] = ()
        self.services: tuple[Service, ...] = ()
        self.approvals: tuple[ApprovalSource, ...] = ()
        self.policies: tuple[Policy, ...] | None = None
        self.lockout = lockout
        self.parameters = LIGHT
        self.most_challenges = 1000
        self.identifiers = itertools.count(0, 11)
        self._numbers = itertools.count(1)
        self._random = random.Random(4711)
        self.start()

    def __enter__(self) -> Self:
        """Be closed at the end of a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.store.close()
        self.admin.close()

    # -- the server --

    def start(self) -> None:
        """Put the server together on the store, as `server.service` does."""
        self.store: Database = database.connect(self.path, self.vault)
        self.logins = Logins(self.store)
        self.challenges = Challenges("0", 180, self.most_challenges, self._random.randbytes)
        self.threads = HeldThreads(self.store.pepper, self.parameters)
        self.counters = Counters()
        self.relays = HeldUpstreams()
        self.pipeline = Pipeline(
            parts=self.parts(),
            logins=self.logins,
            challenges=self.challenges,
            lines=Lines(),
            counters=self.counters,
            discards=Discards(lambda reason, source, _: self.discards.append((reason, source))),
            clock=self.clock,
            name_login=lambda: f"login-{next(self._numbers):020d}",
            passwords=self.threads.ask,
            ask=self.relays.ask,
            marker=MARKER,
            entropy=self._random.randbytes,
            call_later=self.clock.timers.callLater,
        )

    def restart(self) -> None:
        """End the server, and start another on what is on disk."""
        self.store.close()
        self.port = FakePort()
        self.start()

    def parts(self, watch: Watch | None = None) -> Parts:
        """Return what comes from the configuration."""
        configuration = Configuration(
            path=self.path.with_name("radiusmfa.yaml"),
            listen=(),
            store_path=self.path,
            keys_path=self.vault.path,
            clients=self.clients,
            upstreams=self.upstreams,
            directories=self.directories,
            services=self.services,
            approvals=self.approvals,
            policies=self.policies,
            factors=self.factors,
            lockout=self.lockout,
        )
        decoy = local.decoy(self.parameters)
        return assemble(
            configuration,
            self.logins,
            pepper=self.store.pepper,
            decoy=decoy,
            is_dead=self.relays.is_dead,
            entropy=self._random.randbytes,
            watch=watch,
        )

    def reload(self) -> None:
        """Swap the configuration in whole."""
        parts = self.parts()
        parts.guard.inherit(self.pipeline.parts.guard)
        self.pipeline.parts = parts

    def work(self) -> None:
        """Let every password check that waits be done."""
        self.threads.work(self.pipeline.checked)

    def nas(self, host: str, port: int = 40000, secret: bytes = SECRET) -> Nas:
        """Return a client at *host*."""
        return Nas(self, host, port, secret)

    @property
    def now(self) -> float:
        """The time of day."""
        return self.clock.wall()

    # -- people --

    def person(
        self,
        name: str = "alice",
        *,
        token: tokens.NewToken | None = None,
        has_token: bool = True,
        status: str = "active",
        **settings: Any,  # noqa: ANN401 - of `people.add`
    ) -> Person:
        """Add somebody with a password and, unless said otherwise, a TOTP token."""
        password = f"the secret of {name[:20]}".encode()
        stored = settings.pop("password", hashing.hash_password(password, LIGHT))
        people.add(self.admin, self.actor, name, password=stored, **settings)
        seed = hashlib.sha1(name.encode()).digest()  # noqa: S324
        if not has_token:
            return Person(name, password, b"", "")
        new = token or tokens.NewToken(serial=f"TOTP-{name}", kind="totp", seed=Secret(seed))
        new = replace(new, user=name)
        tokens.enroll(self.admin, self.actor, new, status=status)
        shape: dict[str, Any] = {}
        if new.kind == "totp":
            shape = {
                "digits": new.digits,
                "interval": new.period,
                "digest": getattr(hashlib, new.algorithm),
            }
        return Person(name, password, new.seed.reveal(), new.serial, shape)

    def hotp(self, name: str = "alice", last: int = -1) -> Person:
        """Add somebody with a HOTP token."""
        seed = Secret(hashlib.sha1(name.encode()).digest())  # noqa: S324
        new = tokens.NewToken(
            serial=f"HOTP-{name}", kind="hotp", seed=seed, period=0, last=last, user=name
        )
        return self.person(name, token=new)

    def recovery(self, person: Person, count: int = 2) -> list[bytes]:
        """Issue recovery codes and return them."""
        codes = recovery.generate(count)
        people.issue_recovery(self.admin, self.actor, person.name, codes)
        person.codes = codes
        return [code.encode() for code in codes]

    @property
    def actor(self) -> trail.Actor:
        """Who changes people in these tests."""
        return trail.Actor("test", self.now)

    # -- what is written --

    def lines(self, kind: str = "login") -> list[dict[str, Any]]:
        """Return the audit's lines of one *kind*, oldest first."""
        every = [json.loads(line) for _, line in trail.read(self.admin)]
        return [line for line in every if line["kind"] == kind]

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Decision and reason of every login, oldest first."""
        return [(line["decision"], line["reason"]) for line in self.lines()]

    def drift(self, person: Person) -> int:
        """Return what the store knows of the drift of somebody's token."""
        return tokens.show(self.admin, person.serial).drift


def raising(message: str) -> Any:  # noqa: ANN401 - stands for any part
    """Return a part that raises whatever it is asked."""

    class Raising:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            raise RuntimeError(message)

    return Raising()
