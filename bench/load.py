"""The load: packets made before the clock starts, sent 32 at a time, verified after it stopped."""

from __future__ import annotations

import dataclasses
import secrets
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, final

from bench.processes import BenchError
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.people import Person

_IDENTIFIERS: Final = 256  # of one socket
_PATIENCE: Final = 1.0  # seconds until what is outstanding is sent again
_MOST_RESENDS: Final = 5
_NAS: Final = codec.attribute(numbers.NAS_IP_ADDRESS, bytes((127, 0, 0, 1)))
_STATION: Final = codec.attribute(numbers.CALLING_STATION_ID, b"192.0.2.17")

Follow: TypeAlias = Callable[[int, bytes], bytes]


class Login(NamedTuple):
    """
    Who logs in, and with what.

    Attributes:
        name: User-Name.
        typed: The first User-Password.
        answer: To the challenge; None: there is none.
    """

    name: bytes
    typed: bytes
    answer: bytes | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """
    Prepared logins.

    Attributes:
        first: The first packet of each login.
        second: Makes the answer to a challenge from its number and the challenge;
            None where one packet is a login.
        key: The shared secret.
    """

    first: list[bytes]
    second: Follow | None
    key: codec.SigningKey


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    What the clock says.

    Attributes:
        logins: How many.
        seconds: From the first packet to the last reply.
        latencies: Seconds from each packet to its reply, sorted.
        resent: Packets that had to be sent again.
        refused: Logins whose last reply had another code than it should.
    """

    logins: int
    seconds: float
    latencies: list[float]
    resent: int
    refused: int = 0

    def percentile(self, part: float) -> float:
        """Return the latency that *part* (0 to 1) of the replies did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(part * len(self.latencies)))]


def of_people(people: Sequence[Person], mode: str, step: int) -> list[Login]:
    """Return one login of each of *people* with the code of *step*."""
    match mode:
        case "step-up":
            return [Login(one.name.encode(), one.passcode(step)) for one in people]
        case "append":
            return [Login(one.name.encode(), one.password + one.passcode(step)) for one in people]
        case _:
            return [Login(one.name.encode(), one.password, one.passcode(step)) for one in people]


def prepare(logins: Sequence[Login], secret: str) -> Flow:
    """Make every packet of *logins*; all of them have an answer, or none."""
    key = codec.SigningKey(Secret(secret.encode()))
    first = [request(number, one, key) for number, one in enumerate(logins)]
    if logins[0].answer is None:
        return Flow(first=first, second=None, key=key)
    parts = [_second_parts(one, key) for one in logins]

    def second(number: int, challenge: bytes) -> bytes:
        authenticator, attributes = parts[number]
        state = codec.decode(challenge).value(numbers.STATE)
        if challenge[0] != numbers.ACCESS_CHALLENGE or state is None:
            message = f"login {number}: code {challenge[0]} instead of a challenge with State"
            raise BenchError(message)
        attributes += codec.attribute(numbers.STATE, state)
        identifier = number % _IDENTIFIERS
        return codec.request(numbers.ACCESS_REQUEST, identifier, authenticator, attributes, key)

    return Flow(first=first, second=second, key=key)


def request(number: int, login: Login, key: codec.SigningKey) -> bytes:
    """Return the first packet of *login*, which is the one of that number."""
    authenticator = secrets.token_bytes(16)
    attributes = _attributes(login.name, login.typed, authenticator, key)
    identifier = number % _IDENTIFIERS
    return codec.request(numbers.ACCESS_REQUEST, identifier, authenticator, attributes, key)


def drive(  # noqa: PLR0913 - how, from where, and to what end
    flow: Flow,
    port: int,
    *,
    source: str,
    outstanding: int,
    spin: bool,
    expected: int = numbers.ACCESS_ACCEPT,
    tolerated: int = 0,
) -> Run:
    """
    Send *flow* to 127.0.0.1:*port* and verify every reply.

    Args:
        flow: From `prepare`; usable once.
        port: The server's.
        source: Loopback address to send from.
        outstanding: Packets on their way at any time.
        spin: Never sleep: the server's sends then need not wake us.
        expected: The code of every login's last reply.
        tolerated: How many logins may end with another code.

    Raises:
        BenchError: A reply is missing, not genuine, or has another code.
    """
    client = _Client(flow, port, source)
    try:
        run = client.run(outstanding, spin=spin)
    finally:
        client.close()
    refused = client.verify(expected)
    if len(refused) > tolerated:
        raise BenchError(refused[0])
    return dataclasses.replace(run, refused=len(refused))


@final
class _Client:
    """One run: slots are packets, 256 a socket; the second round has sockets of its own."""

    def __init__(self, flow: Flow, port: int, source: str) -> None:
        self.flow = flow
        self.logins = len(flow.first)
        # The second round starts at a multiple of 256, so that slot & 255 is the identifier.
        self.offset = -(-self.logins // _IDENTIFIERS) * _IDENTIFIERS
        size = self.offset * (2 if flow.second else 1)
        self.sent: list[bytes] = [b""] * size
        self.sent[: self.logins] = flow.first
        self.replies: list[bytes] = [b""] * size
        self.sent_at = [0.0] * size
        self.came_at = [0.0] * size
        self.sockets = [_socket(port, source) for _ in range(size // _IDENTIFIERS)]
        self.resent = 0

    def close(self) -> None:
        for channel in self.sockets:
            channel.close()

    def run(self, outstanding: int, *, spin: bool) -> Run:
        poll = select.epoll()
        chunks = {channel.fileno(): at for at, channel in enumerate(self.sockets)}
        for number in chunks:
            poll.register(number, select.EPOLLIN)
        wait = 0 if spin else _PATIENCE
        start = last = time.perf_counter()
        following = flying = resends = 0
        wanted = self.logins * (2 if self.flow.second else 1)
        while wanted:
            while flying < outstanding and following < self.logins:
                self._send(following)
                following += 1
                flying += 1
            ready = poll.poll(wait)
            now = time.perf_counter()
            for number, _ in ready:
                finished, went_on = self._receive(chunks[number])
                wanted -= finished + went_on
                flying -= finished
                last = now
            if now - last > _PATIENCE:
                resends += 1
                last = now
                self._resend(resends)
        poll.close()
        return self._result(time.perf_counter() - start)

    def verify(self, last: int) -> list[str]:
        """Return what is wrong with the codes of the replies, all of them genuine."""
        wrong = []
        for slot, reply in enumerate(self.replies):
            if not self.sent[slot]:
                continue
            is_last = self.flow.second is None or slot >= self.offset
            expected = last if is_last else numbers.ACCESS_CHALLENGE
            try:
                answer = codec.decode(reply)
                codec.verify_reply(answer, self.sent[slot][4:20], self.flow.key)
            except codec.PacketError as error:
                message = f"packet {slot}: the reply is not genuine: {error}"
                raise BenchError(message) from None
            if answer.code != expected:
                wrong.append(f"packet {slot}: the reply has code {answer.code}, not {expected}")
        return wrong

    def _send(self, slot: int) -> None:
        self.sent_at[slot] = time.perf_counter()
        self.sockets[slot >> 8].send(self.sent[slot])

    def _receive(self, chunk: int) -> tuple[int, int]:
        # Returns how many logins are finished, and how many went on to their second packet.
        receive = self.sockets[chunk].recv
        finished = went_on = 0
        while True:
            try:
                reply = receive(4096)
            except BlockingIOError:
                return finished, went_on
            slot = chunk << 8 | reply[1]
            if self.replies[slot]:
                continue
            self.came_at[slot] = time.perf_counter()
            self.replies[slot] = reply
            if self.flow.second is not None and slot < self.offset:
                self.sent[slot + self.offset] = self.flow.second(slot, reply)
                self._send(slot + self.offset)
                went_on += 1
            else:
                finished += 1

    def _resend(self, resends: int) -> None:
        missing = [s for s, at in enumerate(self.sent_at) if at and not self.replies[s]]
        if resends > _MOST_RESENDS:
            message = f"{len(missing)} packets got no answer"
            raise BenchError(message)
        self.resent += len(missing)
        for slot in missing:
            self.sockets[slot >> 8].send(self.sent[slot])

    def _result(self, seconds: float) -> Run:
        pairs = zip(self.sent_at, self.came_at, strict=True)
        latencies = sorted(came - sent for sent, came in pairs if sent)
        return Run(logins=self.logins, seconds=seconds, latencies=latencies, resent=self.resent)


def _socket(port: int, source: str) -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.bind((source, 0))
    channel.connect(("127.0.0.1", port))
    channel.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return channel


def _attributes(name: bytes, proof: bytes, authenticator: bytes, key: codec.SigningKey) -> bytes:
    hidden = password.hide(proof, key.secret, authenticator)
    return b"".join(
        (
            codec.attribute(numbers.USER_NAME, name),
            codec.attribute(numbers.USER_PASSWORD, hidden),
            _NAS,
            _STATION,
        )
    )


def _second_parts(login: Login, key: codec.SigningKey) -> tuple[bytes, bytes]:
    authenticator = secrets.token_bytes(16)
    return authenticator, _attributes(login.name, login.answer or b"", authenticator, key)
