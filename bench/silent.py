"""
A silent directory: a thousand logins at once for one that accepts connections and says nothing.

Each that asks has a thread of its own; the others wait for one, and beyond that room they are
refused at once. Meanwhile others log in with tokens of ours, about whom no directory is asked.
"""

from __future__ import annotations

import select
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from bench import directory, load, pairs, people, slapd, waiting
from bench.load import Login
from bench.processes import BenchError
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from bench.people import Person
    from bench.processes import Server

_LOGINS: Final = 1000
_THREADS: Final = (20, 100)  # as by default, and the most
_TIMEOUT: Final = 30
_IDENTIFIERS: Final = 256  # of one source port
_TOKEN_LOGINS: Final = 1000
_QUIET_SECONDS: Final = 4.0
_LIMIT: Final = 34.0  # seconds; the client's time budget is 30
_SOON: Final = 1.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """
    What it costs that logins wait for a directory.

    Attributes:
        setting: `threads` of the directory.
        logins: How many came at once.
        refused_at_once: For whom there was no room.
        threads_before: Of the process, while nobody waited.
        threads: The same meanwhile.
        octets: Memory for each that waits.
        idle_cpu: CPU seconds a second, while nothing happened.
        token_p50_ms: Of logins with our own tokens, one after the other, while they waited.
        token_p99_ms: The same.
        alone_p50_ms: Of the same logins, while nobody waited.
        alone_p99_ms: The same.
        refuse_seconds: When the last of them was refused, after they had asked.
        lost: Who got no answer at all.
    """

    setting: int
    logins: int
    refused_at_once: int
    threads_before: int
    threads: int
    octets: float
    idle_cpu: float
    token_p50_ms: float
    token_p99_ms: float
    alone_p50_ms: float
    alone_p99_ms: float
    refuse_seconds: float
    lost: int


def wait(folder: Path) -> list[Waited]:
    """
    Let logins wait for a directory that is frozen; files go below *folder*.

    Raises:
        BenchError: One of them got no answer, or was let in.
    """
    if slapd.find() is None:
        pairs.say("slapd is not installed (apt-get install slapd): no directory is silent")
        return []
    folder.mkdir()
    return [_wait(folder / str(threads), threads) for threads in _THREADS]


def render(waited: list[Waited]) -> str:
    """Return the figures as text."""
    return "\n".join(map(_text, waited))


def _text(one: Waited) -> str:
    idle_ms = one.idle_cpu * 1e3
    return f"""\
{one.logins} logins came at once for a directory that is silent, with `threads: {one.setting}`:
  {one.refused_at_once} were refused at once; {one.octets / 1024:.1f} KiB of memory for each other
  {one.threads_before} threads before, {one.threads} meanwhile; {idle_ms:.1f} ms CPU a second
  a login with a token of ours: p50 {one.token_p50_ms:.2f} ms, p99 {one.token_p99_ms:.2f} ms
  the same with nobody waiting: p50 {one.alone_p50_ms:.2f} ms, p99 {one.alone_p99_ms:.2f} ms
  all were refused within {one.refuse_seconds:.1f} s; lost: {one.lost}"""


def _wait(folder: Path, threads: int) -> Waited:
    pairs.say(f"silent directory: {_LOGINS} logins at once, {threads} threads, half a minute")
    everybody = people.make(2 * _TOKEN_LOGINS + pairs.WARM_LOGINS, b"not asked for")
    with ExitStack() as stack:
        folder.mkdir()
        asked = slapd.start(folder / "slapd", everybody)
        stack.callback(asked.stop)
        mine = directory.start(folder / "ours", asked, everybody, threads=threads, timeout=_TIMEOUT)
        stack.callback(mine.stop)
        crowd = _Crowd(mine.port, mine.secret)
        stack.callback(crowd.close)
        asked.freeze()
        return _measured(mine, crowd, everybody, threads)


def _measured(mine: Server, crowd: _Crowd, everybody: list[Person], threads: int) -> Waited:
    waiting.tokens(mine, everybody[-pairs.WARM_LOGINS :], directory.OWN)
    alone = waiting.tokens(mine, everybody[:_TOKEN_LOGINS], directory.OWN)
    memory, threads_before = waiting.status(mine, "VmRSS"), waiting.status(mine, "Threads")
    crowd.ask()
    crowd.listen(time.monotonic() + _SOON)
    refused_at_once = len(crowd.replies)
    octets = (waiting.status(mine, "VmRSS") - memory) * 1024 / max(1, _LOGINS - refused_at_once)
    before, since = mine.cpu_seconds(), time.monotonic()
    time.sleep(_QUIET_SECONDS)
    idle = (mine.cpu_seconds() - before) / (time.monotonic() - since)
    some = everybody[_TOKEN_LOGINS : 2 * _TOKEN_LOGINS]
    meanwhile = waiting.tokens(mine, some, directory.OWN)
    threads_meanwhile = waiting.status(mine, "Threads")
    crowd.listen(crowd.asked + _LIMIT)
    return Waited(
        setting=threads,
        logins=_LOGINS,
        refused_at_once=refused_at_once,
        threads_before=threads_before,
        threads=threads_meanwhile,
        octets=octets,
        idle_cpu=idle,
        token_p50_ms=waiting.percentile(meanwhile, 0.5),
        token_p99_ms=waiting.percentile(meanwhile, 0.99),
        alone_p50_ms=waiting.percentile(alone, 0.5),
        alone_p99_ms=waiting.percentile(alone, 0.99),
        refuse_seconds=crowd.last - crowd.asked,
        lost=crowd.verify(),
    )


@final
class _Crowd:
    """Those who wait, and are refused in the end: 256 a socket."""

    def __init__(self, port: int, secret: str) -> None:
        self._key = codec.SigningKey(Secret(secret.encode()))
        logins = (Login(b"bench%06d" % at, b"%06d" % at) for at in range(_LOGINS))
        self._sent = [load.request(at, login, self._key) for at, login in enumerate(logins)]
        self.replies: dict[int, bytes] = {}
        self.asked = self.last = 0.0
        self._sockets = [waiting.socket_of(port, at) for at in range(-(-_LOGINS // _IDENTIFIERS))]

    def close(self) -> None:
        """Close its sockets."""
        for channel in self._sockets:
            channel.close()

    def ask(self) -> None:
        """Send every request."""
        self.asked = time.monotonic()
        for at, octets in enumerate(self._sent):
            self._sockets[at // _IDENTIFIERS].send(octets)
            if not at % 32:
                self.listen(time.monotonic() + 0.001)

    def listen(self, until: float) -> None:
        """Take answers until all are there, or it is *until*, monotonic."""
        while len(self.replies) < _LOGINS:
            left = until - time.monotonic()
            if left <= 0:
                return
            for channel in select.select(self._sockets, (), (), left)[0]:
                self._receive(channel)

    def verify(self) -> int:
        """Return how many got no answer; everybody else was refused."""
        for at, reply in self.replies.items():
            answer = codec.decode(reply)
            codec.verify_reply(answer, self._sent[at][4:20], self._key)
            if answer.code != numbers.ACCESS_REJECT:
                raise BenchError(f"login {at}, that nobody could decide, got code {answer.code}")
        lost = _LOGINS - len(self.replies)
        if lost:
            raise BenchError(f"{lost} logins that waited for a directory were lost")
        return lost

    def _receive(self, channel: socket.socket) -> None:
        reply = channel.recv(4096)
        self.last = time.monotonic()
        self.replies[self._sockets.index(channel) * _IDENTIFIERS + reply[1]] = reply
