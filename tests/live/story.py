"""
The shared account of docs/story.md: the page's own configuration, with everybody around it.

Our server, a directory, three token servers, people who have one kind of token each, and
administrators who are told apart by whom sudo says they are.
"""

from __future__ import annotations

import copy
import json
import os
import re
import secrets
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGHUP
from typing import TYPE_CHECKING, Any, Final, final

import trustme
import yaml

from tests.live.clients import FAST
from tests.live.slapd import LOOPBACK, SERVICE_PASSWORD, Slapd, group, person
from tests.live.token_clients import ACCEPT, Radclient
from tests.live.token_server import UPSTREAM_SECRET, TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE
from tests.live.upstreams import Place, told
from tests.live.world import SECRET, Person, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.live.token_clients import Said

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "story.md"
BROKER: Final = "127.0.12.1"
BRANCH: Final = "127.0.12.2"
"""A client whose word on where people are does not count."""
OFFICE: Final = "10.1.2.3"
OWNERS: Final = "aws-root-owners"
APPROVAL: Final = "aws-root"
_YAML: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PLAYED: Final = {"rsa": "securid", "onespan": "onespan", "vip": "vip"}
_HOUR: Final = timedelta(hours=1)
_LATEST: Final = 60.0  # seconds that a short approval may have at most, on a busy machine


def configuration() -> dict[str, Any]:
    """Return the configuration that stands on the page."""
    (text,) = _YAML.findall(PAGE.read_text(encoding="utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@final
@dataclass(slots=True, kw_only=True)
class Owner:
    """
    Somebody who has a token.

    Attributes:
        name: What the directory calls them; tokens and approvals belong to it.
        mail: What the broker calls them.
        factor: Of the page.
        there: What the token server calls them; empty: the token is ours.
        token: Of ours, by time; its seed is also that of one by counter.
        counter: Of the next code, by counter: one more whenever one has let them in.
    """

    name: str
    mail: str
    factor: str
    there: str = ""
    token: Person = field(repr=False)
    counter: int = 0

    def typed(self) -> list[str]:
        """Return what is typed to get in, round after round; a code by time never comes again."""
        if self.factor == "securid":
            return [PASSCODE, NEXT_CODE]
        if self.there:
            return [CODE]
        if self.factor == "totp":
            return [self.token.code()]
        return [_by_counter(self.token.seed, self.counter)]


def _owner(name: str, family: str, factor: str, there: str = "") -> Owner:
    token = Person(name=name, seed=secrets.token_bytes(20))
    mail = f"{name}.{family}@corp.example"
    return Owner(name=name, mail=mail, factor=factor, there=there, token=token)


@final
class Story:
    """
    Everything that runs.

    Attributes:
        world: Our server.
        slapd: The directory.
        owners: By the factor of the page that they have.
        late: An owner, too, with SecurID, whose approvals have ended.
        stranger: Has a token and is in no group.
        typed: Every passcode, right or wrong.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        """Start everybody around our server, and make what it needs; it does not run yet."""
        self.owners = {
            one.factor: one
            for one in (
                _owner("tina", "berg", "totp"),
                _owner("hugo", "wolf", "hotp"),
                _owner("rosa", "lind", "securid", "next.rlind"),
                _owner("otto", "kern", "onespan", "otp.okern"),
                _owner("vera", "may", "vip", "uo.vmay"),
            )
        }
        self.late = _owner("lars", "holm", "securid", "next.lholm")
        self.stranger = _owner("nora", "gast", "totp")
        self.typed: set[str] = set()
        self.world = World(folder)
        self.slapd = _directory(folder / "slapd", self.everybody)
        stack.callback(self.slapd.kill)
        self._servers = {
            name: stack.enter_context(TokenServer(folder / name, plays))
            for name, plays in _PLAYED.items()
        }
        self._write("broker", SECRET)
        self._write("ldap", SERVICE_PASSWORD)
        for name in _PLAYED:
            self._write(name, UPSTREAM_SECRET)
        self.configure()
        for one in self.everybody:
            self._enroll(one)

    @property
    def everybody(self) -> list[Owner]:
        """Return who has a token; all but the last are owners."""
        return [*self.owners.values(), self.late, self.stranger]

    # -- the configuration --

    def settings(self) -> dict[str, Any]:
        """
        Return the page's configuration as it runs here.

        Replaced are addresses and ports, the paths of store and certificates, and the hours,
        which begin an hour ago and end in one. The client may not ask the same again:
        radclient chooses identifiers by chance.
        """
        found = configuration()
        found["listen"] = [{"udp": f"127.0.0.1:{self.world.port}"}]
        found["store"] = {"sqlite": "radiusmfa.db"}
        found["passwords"] = FAST
        (broker,) = found["clients"]
        broker |= {"networks": [BROKER], "retry_window": 0}
        found["primaries"]["corp"]["ldap"] |= {
            "servers": [f"ldaps://{LOOPBACK}:{self.slapd.tls_port}"],
            "ca_file": str(self.slapd.ca_file),
        }
        for name, upstream in found["upstreams"].items():
            (server,) = upstream["servers"]
            server |= {"host": self._servers[name].host, "port": self._servers[name].port}
        found["schedules"]["business"] |= hours(-_HOUR, _HOUR)
        return found

    def configure(self, settings: Mapping[str, Any] | None = None) -> None:
        """Write a configuration, by default that of `settings`."""
        self.world.config.write_text(json.dumps(self.settings() if settings is None else settings))

    @contextmanager
    def other(self, settings: Mapping[str, Any]) -> Iterator[None]:
        """Let the running server have another configuration for a while."""
        try:
            self._reload(settings)
            yield
        finally:
            self._reload(self.settings())

    # -- administrators --

    def by(self, who: str, *words: str, expect: int | None = 0) -> str:
        """Let *who*, logged in as themselves, run `sudo radiusmfa words`; return its output."""
        done = subprocess.run(
            self.world.command(*words),
            env=os.environ | {"SUDO_USER": who},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout + done.stderr
        assert expect is None or done.returncode == expect, said
        assert "Traceback" not in said
        return said

    def grant(self, owner: Owner, *how_long: str) -> int:
        """Let alice grant the approval; return its number. It waits for the second person."""
        words = ("approval", "grant", APPROVAL, owner.name, "--why", "CHG0030001", "--json")
        return int(json.loads(self.by("alice", *words, *how_long))["id"])

    @contextmanager
    def approved(self, *owners: Owner, until: float | None = None) -> Iterator[list[int]]:
        """Let two persons approve what *owners* do, for an hour or *until*; return the numbers."""
        end = time.time() + 3600 if until is None else until
        how_long = "--until", datetime.fromtimestamp(end, UTC).isoformat(timespec="seconds")
        numbers = [self.grant(owner, *how_long) for owner in owners]
        try:
            for number in numbers:
                # A short one may be over already: then the login tells.
                self.by("bob", "approval", "confirm", str(number), expect=None)
            yield numbers
        finally:
            for number in numbers:
                self.by("bob", "approval", "revoke", str(number), "--yes", expect=None)

    # -- logins --

    def ask(
        self,
        owner: Owner,
        typed: str,
        state: bytes | None = None,
        *,
        address: str = OFFICE,
        source: str = BROKER,
    ) -> Said:
        """Let radclient ask as the broker does, for *owner* at *address*; empty: it says none."""
        self.typed.add(typed)
        place = Place(host="127.0.0.1", port=self.world.port, secret=SECRET)
        lines = [
            f'User-Name = "{owner.mail}"',
            f'User-Password = "{typed}"',
            f"Packet-Src-IP-Address = {source}",
        ]
        lines += [f'Calling-Station-Id = "{address}"'] if address else []
        lines += [] if state is None else [f"State = 0x{state.hex()}"]
        said = Radclient(place).send(*lines)
        assert said is not None, "no reply"
        return said

    def enter(
        self,
        owner: Owner,
        typed: list[str] | None = None,
        *,
        address: str = OFFICE,
        source: str = BROKER,
    ) -> Said:
        """Let *owner* log in, by default with what is right; return the last reply."""
        first, *more = owner.typed() if typed is None else typed
        said = self.ask(owner, first, address=address, source=source)
        for word in more:
            if said.state is None:
                break
            said = self.ask(owner, word, said.state, address=address, source=source)
        owner.counter += said.code == ACCEPT and owner.factor == "hotp"
        return said

    def lines(self, owner: Owner) -> list[dict[str, Any]]:
        """Return the audit's lines about logins of *owner*, oldest first."""
        return told(self.world, owner.mail)

    def last(self, owner: Owner) -> dict[str, Any]:
        """Return the latest of `lines`."""
        return self.lines(owner)[-1]

    def _reload(self, settings: Mapping[str, Any]) -> None:
        self.configure(settings)
        seen = len(self.world.log())
        self.world.signal(SIGHUP)
        self.world.until_logged("the configuration was loaded", seen)

    def _enroll(self, one: Owner) -> None:
        world = self.world
        world.run("user", "add", one.name, "--no-password")
        if one.there:
            (name,) = (
                factor["upstream"]
                for kind, factor in configuration()["factors"].items()
                if kind == one.factor
            )
            world.run("user", "upstream", one.name, name, "--as", one.there)
            return
        words = ("token", "enroll", one.name, "--kind", one.factor, "--seed-file", "-")
        world.run(*words, "--no-confirm", typed=f"{one.token.seed.hex()}\n")

    def _write(self, name: str, octets: bytes) -> None:
        file = self.world.folder / "secrets" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(octets)
        file.chmod(0o600)


def hours(begin: timedelta, end: timedelta) -> dict[str, Any]:
    """Return hours of every day that lie so around now, by the clock of UTC."""
    now = datetime.now(UTC)
    return {
        "days": "daily",
        "zone": "UTC",
        "from": f"{now + begin:%H:%M}",
        "to": f"{now + end:%H:%M}",
    }


def branch(settings: dict[str, Any]) -> dict[str, Any]:
    """Return *settings* with a second broker, which is not trusted with addresses."""
    made = copy.deepcopy(settings)
    second = made["clients"][0] | {"name": "branch", "networks": [BRANCH], "trust_address": False}
    made["clients"].append(second)
    return made


def shortly(seconds: float) -> Iterator[float]:
    """
    Yield ends of an approval, each further away, for a machine that is busy.

    Whatever has to happen before the end may come too late; then it is tried again with
    more time.
    """
    while seconds < _LATEST:
        yield float(int(time.time() + seconds) + 1)
        seconds *= 2


def until(moment: float) -> None:
    """Wait until the wall clock has passed *moment*: it is what an approval ends by."""
    while (left := moment - time.time()) > 0:
        time.sleep(left)


def _directory(folder: Path, people: list[Owner]) -> Slapd:
    """Return a running directory that knows *people*; all but the last are owners."""
    made = Slapd(folder, trustme.CA(), LOOPBACK)
    made.kill()
    entries = [person(one.name, f"mail: {one.mail}") for one in people]
    entries.append(group(OWNERS, *(one.name for one in people[:-1])))
    (folder / "story.ldif").write_text("\n".join(entries))
    subprocess.run(
        [folder / "slapd", "-T", "add", "-f", "slapd.conf", "-l", "story.ldif"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    made.start()
    return made


def _by_counter(seed: bytes, counter: int) -> str:
    done = subprocess.run(
        ["oathtool", "--hotp", f"--counter={counter}", "-"],
        input=seed.hex(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
