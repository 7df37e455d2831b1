"""Our server with clients whose passwords an Active Directory domain checks."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.live.clients import FAST, need
from tests.live.samba import BASE, PASSWORD, REALM
from tests.live.world import Person, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.nas import Nas
    from tests.live.samba import Account, DomainController

CHALLENGE: Final = "127.0.6.1"
APPEND: Final = "127.0.6.2"
RETRYING: Final = "127.0.6.3"
CODE_FIRST: Final = "127.0.6.4"
BY_NAME: Final = "127.0.6.5"
BUDGET: Final = 4  # seconds that the clients wait
LOCKOUT: Final = 3  # wrong passwords; below the domain's own threshold
WRONG: Final = "correct mule"
RECOVERY: Final = 30.0


def running(folder: Path, domain: DomainController, *servers: str) -> Iterator[World]:
    """Return a running server that asks *servers*, hosts, for *domain*; look at it in the end."""
    need("oathtool")
    world = World(folder)
    file = world.folder / "searcher"
    file.write_text(domain.searcher.password)
    file.chmod(0o600)
    shared = {
        "servers": [f"ldaps://{host}" for host in servers],
        "kind": "active-directory",
        "base": BASE,
        "ca_file": str(domain.ca_file),
        "strip": ["domain"],
        "lockout": LOCKOUT,
    }
    searcher = {"bind_dn": domain.searcher.dn, "bind_password": {"file": file.name}}
    primaries = {
        "corp": {"ldap": {**shared, **searcher}},
        "by-name": {"ldap": {**shared, "bind_as": f"{{user}}@{REALM}"}},
    }
    usual = {"primary": "corp", "factors": ["totp"], "time_budget": BUDGET, "retry_window": 0}
    clients = [
        {"name": "challenge", "networks": [CHALLENGE], **usual},
        {"name": "append", "networks": [APPEND], **usual, "mode": "append"},
        {"name": "retrying", "networks": [RETRYING], **usual, "retry_window": 5},
        {"name": "code-first", "networks": [CODE_FIRST], **usual, "order": "factor-first"},
        {"name": "by-name", "networks": [BY_NAME], **usual, "primary": "by-name"},
    ]
    world.configure(clients, passwords=FAST, primaries=primaries)
    world.start(source=CHALLENGE)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")
    said = world.log() + world.run("audit", "export").stdout
    assert PASSWORD not in said
    assert WRONG not in said


def enrolled(world: World, account: Account) -> Person:
    """Give *account* a token, by its account name; we keep no password of it."""
    person = Person(
        name=account.name,
        seed=secrets.token_bytes(20),
        password=account.password,
        serial=secrets.token_hex(6),
    )
    file = world.folder / "holders.csv"
    row = f"{person.name},{person.seed.hex()},{person.serial}"
    file.write_text(f"name,seed_hex,serial\n{row}\n")
    world.run("user", "import", str(file))
    file.unlink()
    return person


class End(NamedTuple):
    """What the audit says of a request."""

    decision: str
    reason: str


def last(world: World) -> End:
    """Return what the audit's newest line about a login says."""
    line = logins(world)[-1]
    return End(line["decision"], line["reason"])


def logins(world: World) -> list[dict[str, Any]]:
    """Return the audit's lines about logins, oldest first, as they lie in the store."""
    path = world.folder / "radiusmfa.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT line FROM audit ORDER BY seq").fetchall()
    return [line for line in (json.loads(row[0]) for row in rows) if line["kind"] == "login"]


def until(nas: Nas, user: str, word: str, code: int) -> None:
    """Log in again and again, until the reply is *code*."""
    end = time.monotonic() + RECOVERY
    while nas.login(user, word) != code:
        assert time.monotonic() < end, f"no reply {code} in {RECOVERY} seconds"
