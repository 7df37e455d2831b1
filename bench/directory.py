"""
Logins that ask a directory: ours and FreeRADIUS's `rlm_ldap` with the same slapd, in turns.

`ldap-groups`: a broker's login, a code of ours; the groups that a policy asks for come from
the directory: one search. `ldap-append`, `ldap-challenge`: the directory also checks the
password: a search and a bind. StartTLS on both sides.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bench import freeradius, ours, pairs, people, processes, runs, slapd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench import table
    from bench.people import Person
    from bench.wish import Wish

_SECRET: Final = "bench-secret-of-32-octets-or-so."
_PASSWORD: Final = b"correct horse battery"
_MOST_LOGINS: Final = 1000  # of one run: each takes milliseconds
_PER_SECOND: Final = 100
_FLOWS: Final = {
    "ldap-groups": "step-up", "ldap-append": "append", "ldap-challenge": "challenge",
}  # fmt: skip

_CONFIGURATION: Final = """\
listen: [{{udp: "127.0.0.1:{port}"}}]
store: {{sqlite: radiusmfa.db}}
keys: {{file: keys}}
primaries:
  corp:
    ldap:
      servers: ["ldap://127.0.0.1:{ldap}"]
      ca_file: {ca_file}
      base: "ou=people,{base}"
      bind_dn: "{service}"
      bind_password: {{file: ldap}}
      user_attributes: [uid]
      groups: member-of
      threads: {threads}
      timeout: {timeout}
clients:
  - {{name: bench, networks: [127.0.0.1/32], secret: {{file: secret}}}}
  - {{name: step-up, networks: [127.0.0.2/32], secret: {{file: secret}}, mode: step-up}}
  - {{name: append, networks: [127.0.0.3/32], secret: {{file: secret}}, mode: append,
      primary: corp}}
  - {{name: challenge, networks: [127.0.0.4/32], secret: {{file: secret}}, mode: challenge,
      primary: corp}}
  - {{name: own, networks: [127.0.0.5/32], secret: {{file: secret}}, mode: step-up}}
  - {{name: waiting, networks: [127.0.0.8/30], secret: {{file: secret}}, mode: step-up,
      time_budget: 30}}
policies:
  - {{name: broker, when: {{client: [step-up, waiting], group: owners}}}}
  - {{name: password, when: {{client: [append, challenge]}}}}
  - {{name: own, when: {{client: own}}}}
log: {{level: critical}}
passwords: {{upgrade: no}}
"""
OWN: Final = "127.0.0.5"
"""Where logins come from that no directory is asked about."""


def rows(wish: Wish, modes: list[str], folder: Path) -> Iterator[table.Row]:
    """Measure each of *modes*; files go below *folder*."""
    if slapd.find() is None:
        pairs.say("slapd is not installed (apt-get install slapd): no directory is measured")
        return
    folder.mkdir()
    wish = replace(wish, logins=min(wish.logins, _MOST_LOGINS))
    everybody = people.make(max(4 * wish.logins, pairs.WARM_LOGINS), _PASSWORD)
    pairs.say(f"directory: {len(everybody)} people in a slapd")
    with ExitStack() as stack:
        asked = slapd.start(folder / "slapd", everybody)
        stack.callback(asked.stop)
        mine = start(folder / "ours", asked, everybody)
        stack.callback(mine.stop)
        for mode in modes:
            yield _row(wish, mode, mine, asked, everybody, folder)


def start(
    here: Path,
    asked: slapd.Directory,
    everybody: list[Person],
    *,
    threads: int = 20,
    timeout: int = 5,
) -> processes.Server:
    """
    Start our server with *asked* as a directory and *everybody*'s tokens in the store.

    Args:
        here: A directory that does not exist.
        asked: The directory.
        everybody: Who has a token.
        threads: Logins that ask at the same time.
        timeout: Seconds for each answer.
    """
    port = processes.free_port()
    text = _CONFIGURATION.format(
        port=port, ldap=asked.server.port, ca_file=asked.ca_file, base=slapd.BASE,
        service=slapd.SERVICE, threads=threads, timeout=timeout,
    )  # fmt: skip
    config = ours.prepare_with(here, text, secret=_SECRET)
    (here / "ldap").write_text(slapd.SERVICE_PASSWORD)
    (here / "ldap").chmod(0o600)
    ours.add(config, everybody, has_tokens=True)
    return ours.start(config, port=port, secret=_SECRET)


def _row(  # noqa: PLR0913 - who is asked what by whom
    wish: Wish,
    mode: str,
    mine: processes.Server,
    asked: slapd.Directory,
    everybody: list[Person],
    folder: Path,
) -> table.Row:
    flow = _FLOWS[mode]
    own = runs.People(
        server=mine,
        mode=flow,
        source=ours.SOURCES[flow],
        everybody=everybody,
        wish=wish,
        per_second=_PER_SECOND,
        behind=asked.server,
    )
    if not freeradius.has_ldap():
        pairs.say("rlm_ldap is not installed (apt-get install freeradius-ldap): ours alone")
        return pairs.compare(mode, own.side(), None, wish)
    theirs = freeradius.start_ldap(
        folder / f"freeradius-{mode}",
        flow,
        everybody,
        asked,
        secret=_SECRET,
        threads=wish.threads,
    )
    try:
        other = replace(own, server=theirs, source=pairs.LOOPBACK, reuses=True)
        return pairs.compare(mode, own.side(), other.side(), wish)
    finally:
        theirs.stop()
