"""
Pushes: thousands of logins at once that wait for a person, each with a push of its own.

A simulator of Duo's Auth API in a process of its own lets every phone ring, and nobody answers
until it says so. Each login holds one TLS connection meanwhile, for that is how Duo is asked.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

import trustme

from bench import load, ours, pairs, people, processes, waiting
from bench.load import Login
from bench.processes import BenchError
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests import duo, duo_server

if TYPE_CHECKING:
    from pathlib import Path

_SECRET: Final = "bench-secret-of-32-octets-or-so."
_IDENTIFIERS: Final = 256  # of one source port
_PER_SECOND: Final = 250  # logins that begin; each costs two handshakes' worth of both processes
_RESOLVERS: Final = 10
"""Threads that look names up, however many ask: Twisted's own."""
_QUIET_SECONDS: Final = 5.0
_TOKEN_SECONDS: Final = 6.0
_TOKEN_LOGINS: Final = 600
_CONFIGURATION: Final = """\
listen: [{{udp: "127.0.0.1:{port}"}}]
store: {{sqlite: radiusmfa.db}}
keys: {{file: keys}}
services:
  push:
    duo: {{host: "{host}", integration_key: {key}, secret_key: {{file: duo}}}}
    ca_file: ca.pem
    limits: {{site_per_hour: 1000000}}
factors: {{totp: {{}}, push: {{service: push}}}}
clients:
  - {{name: bench, networks: [127.0.0.1/32], secret: {{file: secret}}}}
  - {{name: step-up, networks: [127.0.0.2/32], secret: {{file: secret}}, mode: step-up,
      factors: [totp]}}
  - {{name: waiting, networks: [127.0.0.8/30], secret: {{file: secret}}, mode: step-up,
      factors: [push], time_budget: 60, shows_challenges: no}}
log: {{level: warn}}
"""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """
    What it costs that logins wait for people.

    Attributes:
        logins: How many were begun.
        waiting: How many waited at once.
        begin_us: CPU microseconds of each until it waits: three exchanges, one handshake.
        octets: Memory for each.
        threads: Of the process while they waited, those that look names up among them.
        idle_cpu: CPU seconds a second, while nothing happened.
        token_p50_ms: Of logins with our own tokens, one after the other, while they waited.
        token_p99_ms: The same.
        alone_p50_ms: Of the same logins, while nobody waited.
        alone_p99_ms: The same.
        accepted: Whose phone was answered with yes.
        accept_seconds: How long it took until all of them were told so.
        rings: How often a phone rang.
        lost: Who got no answer, or the wrong one.
    """

    logins: int
    waiting: int
    begin_us: float
    octets: float
    threads: int
    idle_cpu: float
    token_p50_ms: float
    token_p99_ms: float
    alone_p50_ms: float
    alone_p99_ms: float
    accepted: int
    accept_seconds: float
    rings: int
    lost: int


def wait(logins: int, folder: Path) -> Waited:
    """
    Let *logins* wait for a push each, then answer every phone; files go below *folder*.

    Raises:
        BenchError: One of them got no answer, or a phone rang twice.
    """
    folder.mkdir()
    pairs.say(f"pushes: {logins} logins at once, each waits for a person, a minute and a half")
    with ExitStack() as stack:
        authority = trustme.CA()
        simulator = stack.enter_context(duo_server.Process(authority, folder))
        simulator.tell("everybody", {"does": "timeout", "after": 3600})
        simulator.tell("set", {"push_seconds": 3600.0, "longest_poll": 3600.0})
        everybody = people.make(2 * _TOKEN_LOGINS + pairs.WARM_LOGINS, b"not asked for")
        mine = _start(folder / "ours", simulator.host, authority)
        stack.callback(mine.stop)
        ours.add(folder / "ours" / "radiusmfa.yaml", everybody, has_tokens=True)
        crowd = _Crowd(logins, mine.port)
        stack.callback(crowd.close)
        return _measured(mine, simulator, crowd, everybody)


def render(waited: Waited) -> str:
    """Return the figures as text."""
    return f"""\
{waited.waiting} of {waited.logins} logins waited at once for a push that nobody answered:
  {waited.begin_us:.0f} us CPU each until they waited; {waited.octets / 1024:.1f} KiB of memory each
  {waited.threads} threads in all; {waited.idle_cpu * 1e3:.1f} ms CPU a second while they waited
  a login with a token of ours: p50 {waited.token_p50_ms:.2f} ms, p99 {waited.token_p99_ms:.2f} ms
  the same with nobody waiting: p50 {waited.alone_p50_ms:.2f} ms, p99 {waited.alone_p99_ms:.2f} ms
  then {waited.accepted} were accepted within {waited.accept_seconds:.2f} s; lost: {waited.lost}
  {waited.rings} phones rang"""


def _start(here: Path, host: str, authority: trustme.CA) -> processes.Server:
    port = processes.free_port()
    text = _CONFIGURATION.format(port=port, host=host, key=duo.IKEY)
    config = ours.prepare_with(here, text, secret=_SECRET)
    (here / "duo").write_text(duo.SKEY)
    (here / "duo").chmod(0o600)
    authority.cert_pem.write_to_path(str(here / "ca.pem"))
    return ours.start(config, port=port, secret=_SECRET)


def _measured(
    mine: processes.Server,
    simulator: duo_server.Process,
    crowd: _Crowd,
    everybody: list[people.Person],
) -> Waited:
    waiting.tokens(mine, everybody[-pairs.WARM_LOGINS :])
    alone = waiting.tokens(mine, everybody[:_TOKEN_LOGINS])
    memory = waiting.status(mine, "VmRSS")
    threads_before, cpu_before = waiting.status(mine, "Threads"), mine.cpu_seconds()
    crowd.ask()
    state = _settled(simulator, crowd.size)
    begin = (mine.cpu_seconds() - cpu_before) * 1e6 / crowd.size
    octets = (waiting.status(mine, "VmRSS") - memory) * 1024 / max(1, state["waiting"])
    before, since = mine.cpu_seconds(), time.monotonic()
    time.sleep(_QUIET_SECONDS)
    idle = (mine.cpu_seconds() - before) / (time.monotonic() - since)
    meanwhile = waiting.tokens(mine, everybody[_TOKEN_LOGINS : 2 * _TOKEN_LOGINS])
    threads = waiting.status(mine, "Threads")
    if threads > threads_before + _RESOLVERS:
        raise BenchError(f"waiting logins made {threads_before} threads {threads}")
    still = simulator.tell("state")["waiting"]
    released = time.monotonic()
    simulator.tell("everyone", {"result": "approve"})
    accepted = crowd.listen(released + 60)
    rings = simulator.tell("state")["rings"]
    if rings > crowd.size:
        raise BenchError(f"{rings} phones rang for {crowd.size} logins")
    return Waited(
        logins=crowd.size,
        waiting=still,
        begin_us=begin,
        octets=octets,
        threads=threads,
        idle_cpu=idle,
        token_p50_ms=waiting.percentile(meanwhile, 0.5),
        token_p99_ms=waiting.percentile(meanwhile, 0.99),
        alone_p50_ms=waiting.percentile(alone, 0.5),
        alone_p99_ms=waiting.percentile(alone, 0.99),
        accepted=accepted,
        accept_seconds=crowd.last_came - released,
        rings=rings,
        lost=crowd.size - accepted,
    )


def _settled(simulator: duo_server.Process, wanted: int) -> dict[str, Any]:
    """Return the simulator's state once everybody waits, or no more come."""
    until = time.monotonic() + 20
    state: dict[str, Any] = simulator.tell("state")
    while state["waiting"] < wanted and time.monotonic() < until:
        time.sleep(0.2)
        state = simulator.tell("state")
    return state


@final
class _Crowd:
    """Those who wait: 256 a socket, on several addresses."""

    def __init__(self, size: int, port: int) -> None:
        self.size = size
        self.last_came = 0.0
        self._key = codec.SigningKey(Secret(_SECRET.encode()))
        logins = (Login(b"w%06d" % at, b"push") for at in range(size))
        self._sent = [load.request(at, login, self._key) for at, login in enumerate(logins)]
        self._replies = [b""] * size
        self._sockets = [waiting.socket_of(port, at) for at in range(-(-size // _IDENTIFIERS))]

    def close(self) -> None:
        """Close its sockets."""
        for channel in self._sockets:
            channel.close()

    def ask(self) -> None:
        """Send every request, evenly."""
        began = time.monotonic()
        for at, octets in enumerate(self._sent):
            time.sleep(max(0.0, began + at / _PER_SECOND - time.monotonic()))
            self._sockets[at // _IDENTIFIERS].send(octets)

    def listen(self, until: float) -> int:
        """Take answers until all are there, or it is *until*; return how many were accepted."""
        have = 0
        while have < self.size and time.monotonic() < until:
            have += self._receive()
            time.sleep(0.001)
        return sum(map(self._is_accept, range(self.size)))

    def _is_accept(self, at: int) -> bool:
        reply = self._replies[at]
        if not reply:
            return False
        answer = codec.decode(reply)
        codec.verify_reply(answer, self._sent[at][4:20], self._key)
        return answer.code == numbers.ACCESS_ACCEPT

    def _receive(self) -> int:
        count = 0
        for number, channel in enumerate(self._sockets):
            while True:
                try:
                    reply = channel.recv(4096)
                except BlockingIOError:
                    break
                at = number * _IDENTIFIERS + reply[1]
                count += not self._replies[at]
                self._replies[at] = reply
                self.last_came = time.monotonic()
        return count
