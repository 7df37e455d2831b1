"""
What policies cost: a login that one decides, next to the same login without any.

Twenty policies name the client; the last one fits, by everything that can be asked for
without going outside. Another asks for an approval that the store keeps, a third remembers
the factor.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from bench import load, ours, pairs, people, processes, runs
from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench import table
    from bench.people import Person
    from bench.wish import Wish

WITHOUT: Final = "ours, no policies"
_SECRET: Final = "bench-secret-of-32-octets-or-so."
_PASSWORD: Final = b"correct horse battery"
_POLICIES: Final = 20
_HOURS: Final = 3600.0
_RETRY_SECONDS: Final = 5.5  # `retry_window` is 5
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SOURCES: Final = {
    "policies": "127.0.0.2", "approval": "127.0.0.3", "remembered": "127.0.0.4",
}  # fmt: skip
# The same login of the other server, which is `ours.prepare`'s.
_FLOWS: Final = {"policies": "step-up", "approval": "step-up", "remembered": "challenge"}

_CONFIGURATION: Final = """\
listen: [{{udp: "127.0.0.1:{port}"}}]
store: {{sqlite: radiusmfa.db}}
keys: {{file: keys}}
clients:
  - {{name: bench, networks: [127.0.0.1/32], secret: {{file: secret}}}}
  - {{name: policies, networks: [127.0.0.2/32], secret: {{file: secret}}, mode: step-up,
      trust_address: yes}}
  - {{name: approval, networks: [127.0.0.3/32], secret: {{file: secret}}, mode: step-up}}
  - {{name: remembered, networks: [127.0.0.4/32], secret: {{file: secret}}, mode: challenge}}
approvals: {{root: {{}}}}
networks: {{office: 192.0.2.0/24, elsewhere: [10.0.0.0/8, 198.51.100.0/24]}}
schedules:
  always: {{days: daily, zone: UTC}}
  never: {{days: {other_day}, zone: UTC}}
policies:
{policies}
  - name: fits
    when: {{client: policies, user: "bench*", from: office, during: always, group: benchers,
            attributes: {{NAS-IP-Address: 127.0.0.1}}}}
  - {{name: approval, when: {{client: approval, approval: root}}}}
  - name: remembered
    when: {{client: remembered}}
    remember: {{for: 8h, by: [user, client, station]}}
log: {{level: warn}}
passwords: {{upgrade: no}}
"""
_MISSES: Final = (
    'user: "ext-*"',
    "realm: [partner.example, supplier.example]",
    "from: elsewhere",
    "during: never",
    "attributes: {NAS-Port-Type: Virtual}",
    "group: [admins, operators]",
)


def rows(wish: Wish, modes: list[str], folder: Path) -> Iterator[table.Row]:
    """Measure each of *modes*; files go below *folder*."""
    folder.mkdir()
    pairs.say(f"policies: {wish.users} people, twice")
    with ExitStack() as stack:
        ruled, free = (people.make(wish.users, _PASSWORD) for _ in range(2))
        port = processes.free_port()
        config = _prepare(folder / "ours", ruled, port)
        mine = ours.start(config, port=port, secret=_SECRET)
        stack.callback(mine.stop)
        port = processes.free_port()
        config = ours.prepare(folder / "without", free, secret=_SECRET, port=port, fast=True)
        other = ours.start(config, port=port, secret=_SECRET)
        stack.callback(other.stop)
        for mode in modes:
            flow = _FLOWS[mode]
            one = _people(wish, mine, mode, ruled)
            two = runs.People(
                server=other, mode=flow, source=ours.SOURCES[flow], everybody=free, wish=wish
            )
            yield pairs.compare(mode, one, two.side(), wish, WITHOUT)


def _people(wish: Wish, server: processes.Server, mode: str, everybody: list[Person]) -> pairs.Side:
    made = runs.People(
        server=server, mode=_FLOWS[mode], source=_SOURCES[mode], everybody=everybody, wish=wish
    )
    side = made.side()
    if mode != "remembered":
        return side
    # Everybody of a run proves both once, with a code that the flows before have not used;
    # from then on the password is enough.
    time.sleep(people.left(time.time()) + 0.1)
    made.measure(everybody[: max(wish.logins, pairs.WARM_LOGINS)])
    wrong = load.Login(everybody[0].name.encode(), b"wrong")
    runs.refused(server, [wrong], _SOURCES[mode])

    def run(logins: int) -> table.Measure:
        # The same name and password again would be a retry, and get the answer of before.
        time.sleep(_RETRY_SECONDS)
        some = [load.Login(one.name.encode(), one.password) for one in everybody[:logins]]
        flow = load.prepare(some, _SECRET)
        return pairs.measure(server, flow, _SOURCES[mode], wish)

    return pairs.Side(server, run)


def _prepare(here: Path, everybody: list[Person], port: int) -> Path:
    misses = "\n".join(
        f"  - {{name: miss-{at}, when: {{client: policies, {_MISSES[at % len(_MISSES)]}}}}}"
        for at in range(_POLICIES - 1)
    )
    other_day = _DAYS[(time.gmtime().tm_wday + 3) % len(_DAYS)]
    text = _CONFIGURATION.format(port=port, policies=misses, other_day=other_day)
    config = ours.prepare_with(here, text, secret=_SECRET)
    ours.add(config, everybody, has_tokens=True)
    _assign(here)
    return config


def _assign(here: Path) -> None:
    # At once: a command for each of them would take an hour.
    store = database.connect(here / "radiusmfa.db", Vault.read(here / "keys"))
    now = time.time()
    try:
        with store.transaction() as connection:
            connection.execute("INSERT INTO user_groups SELECT id, 'benchers' FROM users")
            connection.execute(
                "INSERT INTO approvals (approval, user, why, granted_by, created, until)"
                " SELECT 'root', name, 'the bench', 'somebody', ?, ? FROM users",
                (int(now), int(now + _HOURS)),
            )
    finally:
        store.close()
