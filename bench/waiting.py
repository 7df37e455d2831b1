"""
Waiting: thousands of logins at once for a token server that is alive, and silent.

It answers Status-Server, and lets nine logins in ten wait until it is told to accept them; the
tenth never gets an answer, and is to be refused before its client gives up. Meanwhile others
log in with tokens of ours.
"""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from bench import home, load, ours, pairs, people, processes
from bench.load import Login
from bench.processes import BenchError
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from bench.people import Person

_SECRET: Final = "bench-secret-of-32-octets-or-so."
_HOME_SECRET: Final = "another-secret-of-the-home-server"
_STEP_UP: Final = ours.SOURCES["step-up"]
_IDENTIFIERS: Final = 256  # of one source port
_BUFFER_OCTETS: Final = 1 << 20
_PER_SECOND: Final = 4_000  # logins that begin to wait
_AT_ONCE: Final = 40
_QUIET_SECONDS: Final = 15.0
_TOKEN_SECONDS: Final = 15.0
_TOKEN_INTERVAL: Final = 0.01
_TOKEN_LOGINS: Final = int(_TOKEN_SECONDS / _TOKEN_INTERVAL)
_LIMIT: Final = 62.0  # seconds; the client's time budget is 60
_EVERY_TENTH: Final = 10


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """
    What it costs that logins wait.

    Attributes:
        logins: How many waited at once.
        octets: Memory for each.
        threads: Of the process, before and while they waited.
        ports: Source ports towards the token server.
        idle_cpu: CPU seconds a second, while nothing but their timers happened.
        again: Packets that were sent again in a second meanwhile.
        token_p50_ms: Of logins with our own tokens, one after the other, while they waited.
        token_p99_ms: The same.
        alone_p50_ms: Of the same logins, while nobody waited.
        alone_p99_ms: The same.
        accepted: Whom the token server let in at last.
        accept_seconds: How long that took for all of them.
        refused: Who never got its answer, and was told so in time.
        refuse_seconds: When the last of them was, after it had asked.
        lost: Who got no answer at all.
    """

    logins: int
    octets: float
    threads: int
    ports: int
    idle_cpu: float
    again: float
    token_p50_ms: float
    token_p99_ms: float
    alone_p50_ms: float
    alone_p99_ms: float
    accepted: int
    accept_seconds: float
    refused: int
    refuse_seconds: float
    lost: int


def wait(logins: int, folder: Path) -> Waited:
    """
    Let *logins* wait at once, then answer them; files go below *folder*.

    Raises:
        BenchError: One of them got no answer, or the wrong one.
    """
    folder.mkdir()
    pairs.say(f"waiting: {logins} logins at once for a silent token server, a minute")
    with ExitStack() as stack:
        asked = home.start(folder / "home", secret=_HOME_SECRET)
        stack.callback(asked.stop)
        port = processes.free_port()
        config = ours.prepare_proxy(folder / "ours", asked, secret=_SECRET, port=port)
        everybody = people.make(2 * _TOKEN_LOGINS + pairs.WARM_LOGINS, b"not asked for")
        ours.add(config, everybody, has_tokens=True)
        mine = ours.start(config, port=port, secret=_SECRET)
        stack.callback(mine.stop)
        crowd = _Crowd(logins, mine.port)
        stack.callback(crowd.close)
        return _measured(mine, asked, crowd, everybody)


def render(waited: Waited) -> str:
    """Return the figures as text."""
    octets, timers = waited.octets / 1024, waited.idle_cpu * 1e3
    own, alone = waited.token_p99_ms, waited.alone_p99_ms
    return f"""\
{waited.logins} logins waited at once for a token server that was alive and silent:
  {octets:.1f} KiB of memory each; {waited.ports} source ports; {waited.threads} threads, as before
  {timers:.1f} ms CPU a second for their timers, with {waited.again:.0f} retransmissions a second
  a login with a token of ours: p50 {waited.token_p50_ms:.2f} ms, p99 {own:.2f} ms
  the same with nobody waiting: p50 {waited.alone_p50_ms:.2f} ms, p99 {alone:.2f} ms
  then {waited.accepted} were accepted within {waited.accept_seconds:.2f} s of its answers
  {waited.refused}, never answered, were refused {waited.refuse_seconds:.1f} s after they had asked
  lost: {waited.lost}"""


def _measured(
    mine: processes.Server, asked: processes.Server, crowd: _Crowd, everybody: list[Person]
) -> Waited:
    tokens(mine, everybody[-pairs.WARM_LOGINS :])
    alone = tokens(mine, everybody[:_TOKEN_LOGINS])
    memory, threads_before = status(mine, "VmRSS"), status(mine, "Threads")
    crowd.ask()
    counted = home.count(asked)
    if counted["waiting"] != crowd.size:
        message = f"only {counted['waiting']} of {crowd.size} logins reached the token server"
        raise BenchError(message)
    octets = (status(mine, "VmRSS") - memory) * 1024 / crowd.size
    before, since = mine.cpu_seconds(), time.monotonic()
    time.sleep(_QUIET_SECONDS)
    seconds = time.monotonic() - since
    idle = (mine.cpu_seconds() - before) / seconds
    again = (home.count(asked)["again"] - counted["again"]) / seconds
    meanwhile = tokens(mine, everybody[_TOKEN_LOGINS : 2 * _TOKEN_LOGINS])
    threads, ports = status(mine, "Threads"), home.count(asked)["ports"]
    if threads > threads_before:
        raise BenchError(f"waiting logins made {threads_before} threads {threads}")
    released = time.monotonic()
    home.release(asked)
    crowd.listen(crowd.held, released + _LIMIT)
    accepted = max(crowd.came_at) - released
    crowd.listen(crowd.size, crowd.last_asked + _LIMIT)
    accepts, refusals = crowd.verify()
    return Waited(
        logins=crowd.size,
        octets=octets,
        threads=threads,
        ports=ports,
        idle_cpu=idle,
        again=again,
        token_p50_ms=percentile(meanwhile, 0.5),
        token_p99_ms=percentile(meanwhile, 0.99),
        alone_p50_ms=percentile(alone, 0.5),
        alone_p99_ms=percentile(alone, 0.99),
        accepted=accepts,
        accept_seconds=accepted,
        refused=refusals,
        refuse_seconds=crowd.longest(),
        lost=crowd.size - accepts - refusals,
    )


@final
class _Crowd:
    """Those who wait: 256 a socket, on several addresses."""

    def __init__(self, size: int, port: int) -> None:
        key = codec.SigningKey(Secret(_SECRET.encode()))
        self.size = size
        self.never = {at for at in range(size) if at % _EVERY_TENTH == _EVERY_TENTH - 1}
        self.held = size - len(self.never)
        self.last_asked = 0.0
        self._key = key
        self._sent = [load.request(at, self._login(at), key) for at in range(size)]
        self._replies = [b""] * size
        self._asked_at = [0.0] * size
        self.came_at = [0.0] * size
        self._sockets = [socket_of(port, at) for at in range(-(-size // _IDENTIFIERS))]

    def close(self) -> None:
        """Close its sockets."""
        for channel in self._sockets:
            channel.close()

    def ask(self) -> None:
        """Send every request, evenly; whoever is answered is not to be."""
        for at, octets in enumerate(self._sent):
            self._asked_at[at] = self.last_asked = time.monotonic()
            self._sockets[at // _IDENTIFIERS].send(octets)
            if not at % _AT_ONCE:
                time.sleep(_AT_ONCE / _PER_SECOND)
        time.sleep(0.5)
        if self._receive():
            raise BenchError("somebody was answered who has to wait")

    def listen(self, wanted: int, until: float) -> None:
        """Take answers until there are *wanted*, or it is *until*, monotonic."""
        have = sum(map(bool, self._replies))
        while have < wanted and time.monotonic() < until:
            have += self._receive()
            time.sleep(0.001)

    def verify(self) -> tuple[int, int]:
        """Return how many were accepted and refused, all of them as it should be."""
        codes = {numbers.ACCESS_ACCEPT: 0, numbers.ACCESS_REJECT: 0}
        for at, reply in enumerate(self._replies):
            if not reply:
                raise BenchError(f"waiting login {at} was lost")
            answer = codec.decode(reply)
            codec.verify_reply(answer, self._sent[at][4:20], self._key)
            wanted = numbers.ACCESS_REJECT if at in self.never else numbers.ACCESS_ACCEPT
            if answer.code != wanted:
                raise BenchError(f"waiting login {at} got code {answer.code}, not {wanted}")
            codes[wanted] += 1
        return codes[numbers.ACCESS_ACCEPT], codes[numbers.ACCESS_REJECT]

    def longest(self) -> float:
        """Return the seconds that the last of those who are never answered waited."""
        return max((self.came_at[at] - self._asked_at[at] for at in self.never), default=0.0)

    def _login(self, at: int) -> Login:
        name = home.NEVER if at in self.never else home.HELD
        return Login(name + b"%06d" % at, home.PIN + b"%08d" % at)

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
                self.came_at[at] = time.monotonic()
        return count


def tokens(server: processes.Server, some: list[Person], source: str = _STEP_UP) -> list[float]:
    """Return how long logins with tokens of ours took, one every hundredth of a second."""
    key = codec.SigningKey(Secret(_SECRET.encode()))
    latencies = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind((source, 0))
        channel.connect(("127.0.0.1", server.port))
        channel.settimeout(5)
        for number, person in enumerate(some):
            time.sleep(_TOKEN_INTERVAL)
            code = person.passcode(people.step(time.time()))
            asked = load.request(number, Login(person.name.encode(), code), key)
            began = time.perf_counter()
            channel.send(asked)
            answer = codec.decode(channel.recv(4096))
            latencies.append(time.perf_counter() - began)
            codec.verify_reply(answer, asked[4:20], key)
            if answer.code != numbers.ACCESS_ACCEPT:
                raise BenchError(f"a login with a token of ours got code {answer.code}")
    return sorted(latencies)


def socket_of(port: int, number: int) -> socket.socket:
    """Return the socket of that number of those who wait."""
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
    channel.bind((ours.WAITING[number % len(ours.WAITING)], 0))
    channel.connect(("127.0.0.1", port))
    channel.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return channel


def status(server: processes.Server, name: str) -> int:
    """Return what the kernel says of the process: `Threads`, or `VmRSS` in KiB."""
    lines = Path(f"/proc/{server.child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def percentile(latencies: list[float], part: float) -> float:
    """Return milliseconds of *latencies*, sorted seconds."""
    return latencies[int(part * len(latencies))] * 1e3
