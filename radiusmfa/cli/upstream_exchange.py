"""
One inquiry over the servers of its upstream, blocking: what `try --ask-upstreams` asks with.

As `server.exchange`, without its memory: nobody knows beforehand which server is dead.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from radiusmfa.cli import examine_upstream, upstreams
from radiusmfa.cli.exchange import Channel
from radiusmfa.cli.exchange import Server as Asked
from radiusmfa.config.upstream_model import AliveCheck
from radiusmfa.outcome import Reason
from radiusmfa.upstream import inquiry
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.cli.exchange import Answer
    from radiusmfa.config.model import Configuration
    from radiusmfa.config.upstream_model import Server, Upstream

_PROXY_STATE_OCTETS: Final = 8
_MOST_TRIES: Final = 5  # of `probe`, at even intervals
# As `upstream.health`: so many looks without an answer, of so many seconds, are death.
_LOOKS: Final = 2
_LOOK: Final = 1.0


def address(upstream: Upstream, server: Server) -> Asked:
    """Return where *server* is, what it shares with us, and how patiently it is asked."""
    interval = max(float(upstream.retransmit), upstream.patience / _MOST_TRIES)
    return Asked(
        host=server.host,
        port=server.port,
        key=codec.SigningKey(server.secret),
        timeout=interval,
        tries=max(1, round(upstream.patience / interval)),
        require_signature=server.require_message_authenticator,
    )


def packet(inquired: Inquiry, asked: Asked) -> bytes:
    """
    Return *inquired* as it goes to one server: fresh identifier, authenticator, Proxy-State.

    Raises:
        MalformedPacketError: It would pass 4096 octets.
        PasswordError: The password has more than 128 octets.
    """
    authenticator = secrets.token_bytes(numbers.AUTHENTICATOR_OCTETS)
    proxy_state = secrets.token_bytes(_PROXY_STATE_OCTETS)
    return inquiry.build(inquired, secrets.randbelow(256), authenticator, proxy_state, asked.key)


@final
class Exchange:
    """Asks the upstreams of a configuration, one inquiry at a time."""

    def __init__(self, config: Configuration, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Keep the upstreams.

        Args:
            config: Checked.
            clock: What deadlines are counted by.
        """
        self._upstreams = {upstream.name: upstream for upstream in config.upstreams}
        self._clock = clock

    def __call__(self, asked: Inquiry) -> Response:
        """Ask, and wait for the answer until the deadline at most."""
        upstream = self._upstreams[asked.upstream]
        left = [
            server for server in upstream.servers if asked.server in ("", upstreams.place(server))
        ]
        course = _Course(asked, upstream, self._clock())
        if not left:
            course.reason = Reason.DIALOGUE_LOST
        while left and self._clock() < asked.deadline and not course.has_ended:
            server = left.pop(0)
            self._ask(course, server, 1 + len(left))
        return course.response(self._clock())

    def _ask(self, course: _Course, server: Server, shares: int) -> None:
        asked, upstream = course.asked, course.upstream
        course.server, course.servers = server, course.servers + 1
        course.to = address(upstream, server)
        try:
            course.octets = packet(asked, course.to)
        except (codec.MalformedPacketError, password.PasswordError):
            course.end(Reason.TEXT_NOT_WRITABLE)
            return
        share = min(float(upstream.patience), (asked.deadline - self._clock()) / shares)
        try:
            with Channel(course.to, course.octets) as channel:
                try:
                    course.answer = self._hear(course, channel, server, share)
                finally:
                    course.sent += channel.sent
                    course.ignored.update(channel.ignored)
        except OSError:  # its name has no address, or nothing listens there
            course.fail(Reason.UPSTREAM_UNREACHABLE)

    def _hear(
        self, course: _Course, channel: Channel, server: Server, share: float
    ) -> Answer | None:
        upstream = course.upstream
        can_look = server.alive_check is not AliveCheck.NONE
        doubt = min(float(upstream.retransmit), share / 3) if can_look else share
        answer = self._wait(channel, upstream, self._clock() + doubt)
        if answer is not None:
            return answer
        left = course.asked.deadline - self._clock()
        if not (_is_alive(upstream, server, left) if can_look else upstream.dialogue.waits):
            course.fail(Reason.UPSTREAM_SILENT)
            return None
        # It is there, and a person may be slow: it gets all the time that is left.
        answer = self._wait(channel, upstream, course.asked.deadline)
        if answer is None:
            course.end(Reason.UNANSWERED)
        return answer

    def _wait(self, channel: Channel, upstream: Upstream, until: float) -> Answer | None:
        interval = float(upstream.retransmit)
        while (left := until - self._clock()) > 0:
            channel.send()
            answer = channel.wait(min(left, interval))
            if answer is not None:
                return answer
            interval *= 2  # RFC 5080 section 2.2.1
        return None


def _is_alive(upstream: Upstream, server: Server, left: float) -> bool:
    patience = max(0.0, min(_LOOK, left / _LOOKS))
    return any(examine_upstream.is_alive(upstream, server, patience) for _ in range(_LOOKS))


@final
@dataclass(slots=True)
class _Course:
    """How an inquiry goes."""

    asked: Inquiry
    upstream: Upstream
    started: float
    server: Server | None = None
    servers: int = 0
    sent: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    to: Asked | None = None
    octets: bytes = b""
    answer: Answer | None = None
    reason: Reason = Reason.UPSTREAM_UNREACHABLE
    is_over: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether no further server is asked."""
        return self.is_over or self.answer is not None

    def end(self, reason: Reason) -> None:
        """Ask nobody else."""
        self.reason, self.is_over = reason, True

    def fail(self, reason: Reason) -> None:
        """Note that this server has not answered; a dialogue with it is lost then."""
        self.reason = Reason.DIALOGUE_LOST if self.asked.server else reason

    def response(self, now: float) -> Response:
        """Return what came of it."""
        return Response(
            upstream=self.upstream.name,
            server="" if self.server is None else upstreams.place(self.server),
            packet=None if self.answer is None else self.answer.packet,
            reason=self.reason,
            secret=b"" if self.to is None else self.to.key.secret,
            authenticator=self.octets[4 : numbers.HEADER_OCTETS],
            sent=self.sent,
            servers=self.servers,
            seconds=now - self.started,
            ignored=dict(self.ignored),
        )
