"""What the live tests of upstreams share: our server before them, its clients, its words."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from signal import SIGUSR1
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.wire import codec, numbers
from tests.live.clients import FAST
from tests.live.token_clients import OurNas, Radclient
from tests.live.token_server import UPSTREAM_SECRET
from tests.live.world import SECRET, Person, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.live.nas import Nas
    from tests.live.token_clients import Said

SECRET_FILE: Final = "upstream-secret"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a client finds a server, and what it shares with it."""

    host: str
    port: int
    secret: bytes


@final
class Front:
    """One of our server's clients: a NAS of ours, or radclient in its place."""

    def __init__(self, world: World, source: str, nas: Nas, *, by_radclient: bool = False) -> None:
        """
        Ask from *source*.

        Args:
            world: Whom.
            source: Address of the client.
            nas: At that address.
            by_radclient: Let radclient ask. What it cannot send, an empty User-Password,
                is sent by *nas* all the same.
        """
        self._source = source
        self._ours = OurNas(nas)
        self._is_radclient = by_radclient
        self._radclient = Radclient(Place(host="127.0.0.1", port=world.port, secret=SECRET))

    def ask(self, user: str, typed: str, state: bytes | None = None) -> Said | None:
        """Send User-Name, User-Password and State; return the reply."""
        if not self._is_radclient or not typed:
            return self._ours.ask(user, typed, state)
        lines = [f'User-Name = "{_quoted(user)}"', f'User-Password = "{_quoted(typed)}"']
        lines += [] if state is None else [f"State = 0x{state.hex()}"]
        return self.send(*lines)

    def send(self, *lines: str) -> Said | None:
        """Let radclient send the attributes in *lines*."""
        return self._radclient.send(*lines, f"Packet-Src-IP-Address = {self._source}")


def entry(port: int, host: str = "127.0.0.1", **more: object) -> dict[str, object]:
    """Return the configuration of a server with the usual secret."""
    return {"host": host, "port": port, "secret": {"file": SECRET_FILE}, **more}


def configure(
    world: World,
    clients: Iterable[Mapping[str, object]],
    upstreams: Mapping[str, object],
    factors: Mapping[str, object] | None = None,
    **sections: object,
) -> None:
    """Write a configuration with *upstreams* and the factors of `factors`, or ours alone."""
    file = world.folder / SECRET_FILE
    file.write_bytes(UPSTREAM_SECRET)
    file.chmod(0o600)
    world.configure(
        # radclient chooses identifiers by chance: the same one again is no retry here.
        [{"retry_window": 0, **one} for one in clients],
        "",
        upstreams=upstreams,
        factors={"totp": {}} if factors is None else factors,
        passwords=FAST,
        **sections,
    )


def people(world: World, *users: str, exactly: bool = False) -> list[Person]:
    """Make a namesake of each of *users* with a password and a token of ours, or just them."""
    made = [
        Person(
            name=user if exactly else unique(user),
            seed=secrets.token_bytes(20),
            serial=secrets.token_hex(6),
        )
        for user in users
    ]
    rows = [f"{one.name},{one.password},{one.seed.hex()},{one.serial}" for one in made]
    _import(world, ["name,password,seed_hex,serial", *rows])
    return made


def import_users(world: World, names: Iterable[str], password: str) -> None:
    """Make users with a password and without a token."""
    _import(world, ["name,password", *(f'"{name}",{password}' for name in names)])


def told(world: World, user: str) -> list[dict[str, Any]]:
    """Return the audit's lines about *user*, oldest first, as they lie in the store."""
    path = world.folder / "radiusmfa.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT line FROM audit ORDER BY seq").fetchall()
    lines = [json.loads(line) for (line,) in rows]
    return [line for line in lines if line.get("user") == user and line["kind"] == "login"]


def ends(world: World, user: str) -> list[tuple[str, str]]:
    """Return decision and reason of each line about *user*."""
    return [(line["decision"], line["reason"]) for line in told(world, user)]


def counters(world: World, upstream: str) -> dict[str, int]:
    """Return the counters of *upstream*, which the running server writes to its log."""
    seen = len(world.log())
    world.signal(SIGUSR1)
    found = world.until_logged(rf"upstream {re.escape(upstream)}: (access_requests=.*)\n", seen)
    pairs = (pair.partition("=") for pair in found[1].split())
    return {name: int(count) for name, _, count in pairs}


def name_of(request: bytes) -> str:
    """Return the User-Name of *request*."""
    (name,) = codec.decode(request).values(numbers.USER_NAME)
    return name.decode()


def unique(user: str) -> str:
    """Return a name that has the dialogues of *user* and that no other test uses."""
    return f"{user}.{secrets.token_hex(5)}"


def answer(nas: Nas, user: str, typed: str | bytes, state: bytes) -> bytes:
    """Return a request that answers the challenge with *state*."""
    return nas.request(user, typed, codec.attribute(numbers.STATE, state))


def _import(world: World, rows: list[str]) -> None:
    file = world.folder / "users.csv"
    file.write_text("\n".join(rows) + "\n")
    world.run("user", "import", str(file))
    file.unlink()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
