"""
Being a client of other RADIUS servers: which upstreams there are, and whom of each is asked.

A login that waits for a server is an exchange: an object, and a place in the wheel. It
has no thread and no timer of its own, so that ten thousand of them can wait at once.
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Final, final

from twisted.logger import Logger

from radiusmfa.config.upstream_model import Use
from radiusmfa.ops.upstream_counters import UpstreamCounters
from radiusmfa.outcome import Reason
from radiusmfa.server.exchange import Exchange
from radiusmfa.server.home import Home
from radiusmfa.upstream.inquiry import Response
from radiusmfa.upstream.wheel import TICK, Wheel
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from radiusmfa.config.upstream_model import Event, Upstream
    from radiusmfa.interfaces import Clock
    from radiusmfa.ops.logs import Discards
    from radiusmfa.server.channel import Reactor
    from radiusmfa.server.home import Waiting
    from radiusmfa.server.received import Received
    from radiusmfa.upstream.inquiry import Inquiry

log = Logger()

_MARKER_OCTETS: Final = 8
_DRAWN_AT_ONCE: Final = 64
_NEVER: Final = float("inf")


@final
class Relays:
    """
    Every upstream, by name.

    Attributes:
        marker: What our Proxy-States begin with; a request that brings it has been here.
    """

    def __init__(  # noqa: PLR0913 - the composition root passes each part once
        self,
        reactor: Reactor,
        clock: Clock,
        discards: Discards,
        *,
        call_later: Callable[[float, Callable[[], None]], object],
        look_up: Callable[[str, Callable[[Sequence[str]], None]], None],
        answered: Callable[[list[tuple[Received, Response]]], None],
    ) -> None:
        """
        Know none yet.

        Args:
            reactor: Twisted's.
            clock: Both clocks.
            discards: Told of each dropped reply.
            call_later: Runs something after some seconds.
            look_up: See `home.Shared`.
            answered: Gets what came of inquiries.
        """
        self.reactor = reactor
        self.clock = clock
        self.discards = discards
        self.wheel: Wheel[Waiting] = Wheel()
        self.marker = secrets.token_bytes(_MARKER_OCTETS)
        self.look_up = look_up
        self._call_later = call_later
        self._answered = answered
        self._relays: dict[str, Relay] = {}
        self._leaving: list[Relay] = []
        self._done: list[tuple[Received, Response]] = []
        self._armed = _NEVER
        self._number = 0
        self._drawn: list[bytes] = []

    def configure(self, upstreams: Iterable[Upstream]) -> None:
        """Serve *upstreams* from now on; what has not changed goes on as it is."""
        known, self._relays = self._relays, {}
        for upstream in upstreams:
            relay = known.get(upstream.name)
            if relay is not None and relay.settings == upstream:
                del known[upstream.name]
            else:
                relay = Relay(self, upstream)
            self._relays[upstream.name] = relay
        # Whoever waits for those that are gone is still answered.
        self._leaving += known.values()

    def ask(self, batch: list[tuple[Received, Inquiry]]) -> None:
        """Send every inquiry of *batch*; what came of it is told later, or at once."""
        now = self.clock.monotonic()
        for received, one in batch:
            relay = self._relays.get(one.upstream)
            if relay is None:  # a reload has taken it away since
                self.done(received, Response(upstream=one.upstream, reason=Reason.DIALOGUE_LOST))
            else:
                relay.start(received, one, now)
        self.flush()

    def is_dead(self, upstream: str) -> bool:
        """Say whether none of its servers is known to be alive, and none is due to be tried."""
        relay = self._relays.get(upstream)
        return relay is None or relay.is_dead(self.clock.monotonic())

    def heard(self, upstream: str, event: Event) -> None:
        """Count what a reply of *upstream* meant."""
        relay = self._relays.get(upstream)
        if relay is not None:
            relay.counters.heard(event)

    def done(self, received: Received, response: Response) -> None:
        """Keep what came of an inquiry until `flush`."""
        self._done.append((received, response))

    def flush(self) -> None:
        """Set the timer for whoever waits now, and hand on what was answered, in one turn."""
        self._arm()
        if not self._done:
            return
        done, self._done = self._done, []
        try:
            self._answered(done)
        except Exception:  # noqa: BLE001 - the other edge: no login may stop sockets and timers
            log.failure("a turn of upstream replies broke")

    def tidy(self) -> None:
        """Look at dead servers, look up names, close what is idle."""
        now = self.clock.monotonic()
        for relay in self._relays.values():
            relay.tidy(now)
        for relay in [relay for relay in self._leaving if relay.is_idle]:
            self._leaving.remove(relay)
            relay.close()
        self.flush()

    def close(self) -> None:
        """Close every socket."""
        for relay in (*self._relays.values(), *self._leaving):
            relay.close()

    def read(self) -> dict[str, dict[str, int]]:
        """Return the counters of each upstream."""
        return {name: relay.read() for name, relay in self._relays.items()}

    def next_proxy_state(self) -> bytes:
        """Return a Proxy-State that was never used before."""
        self._number += 1
        return self.marker + self._number.to_bytes(8, "big")

    def draw(self) -> bytes:
        """Return a Request Authenticator: random octets, drawn from the system many at a time."""
        if not self._drawn:
            octets = secrets.token_bytes(numbers.AUTHENTICATOR_OCTETS * _DRAWN_AT_ONCE)
            starts = range(0, len(octets), numbers.AUTHENTICATOR_OCTETS)
            self._drawn = [octets[at : at + numbers.AUTHENTICATOR_OCTETS] for at in starts]
        return self._drawn.pop()

    def _arm(self) -> None:
        due = self.wheel.next
        if due is not None and due < self._armed:
            self._armed = due
            self._call_later(max(TICK, due - self.clock.monotonic()), partial(self._tick, due))

    def _tick(self, armed: float) -> None:
        if armed != self._armed:
            return  # an earlier timer took its place, and has armed the next
        self._armed = _NEVER
        now = self.clock.monotonic()
        for waiting in self.wheel.due(now):
            # Whoever has moved on waits elsewhere in the wheel, or not at all.
            if 0 <= waiting.due <= now:
                waiting.tick(now)
        self.flush()


@final
class Relay:
    """
    One upstream.

    Attributes:
        settings: From the configuration.
        shared: What all upstreams share.
        counters: What passed.
    """

    def __init__(self, shared: Relays, settings: Upstream) -> None:
        """Know its servers; believe them alive."""
        self.settings = settings
        self.shared = shared
        self.counters = UpstreamCounters()
        self._homes = [Home(shared, settings, one, self.counters) for one in settings.servers]
        self._turn = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits."""
        return not any(home.pending for home in self._homes)

    def start(self, received: Received, asked: Inquiry, now: float) -> None:
        """Send *asked* to the first server that it may be sent to."""
        Exchange(self, received, asked, now).go_on(now)

    def choose(self, server: str, tried: Mapping[Home, float], now: float) -> Home | None:
        """
        Return whom a login asks next, or None.

        Args:
            server: The one whose dialogue it continues: no other can; empty: any.
            tried: Those that it has left, and when. One that has shown life since may be
                asked again; inf: in no case.
            now: Monotonic time.
        """
        if server:
            named = (home for home in self._homes if home.name == server)
            return next((one for one in named if one.health.is_alive and one not in tried), None)
        left = self.left(tried)
        # Nobody else finds out whether such a server is back; one login in a while does. Where
        # all are dead, one may try too: our looks may be wrong.
        for home in self._homes:
            is_blind = not home.can_probe or not left
            is_new = home not in tried or home.moved >= tried[home]
            if is_blind and home.is_known and is_new and home.health.may_try(now):
                return home
        if not left:
            return None
        if tried or self.settings.use is not Use.SPREAD:
            return left[0]
        self._turn += 1
        return left[self._turn % len(left)]

    def has(self, server: str) -> bool:
        """Say whether *server* is still one of its own."""
        return any(home.name == server for home in self._homes)

    def left(self, tried: Mapping[Home, float]) -> list[Home]:
        """Return the servers that are alive and may still be asked."""
        return [
            home
            for home in self._homes
            if home.is_known
            and home.health.is_alive
            and (home not in tried or home.health.heard > tried[home])
        ]

    def is_dead(self, now: float) -> bool:
        """Say whether there is nobody to ask."""
        return not self.may_know_more and not any(
            home.is_known and (home.health.is_alive or now >= home.health.next_trial)
            for home in self._homes
        )

    @property
    def may_know_more(self) -> bool:
        """Whether the address of a server may be known in a moment, as after the start."""
        return any(home.is_being_found for home in self._homes)

    def tidy(self, now: float) -> None:
        """See `Relays.tidy`."""
        for home in self._homes:
            home.tidy(now)

    def close(self) -> None:
        """Close every socket."""
        for home in self._homes:
            home.close()

    def read(self) -> dict[str, int]:
        """Return the counters."""
        self.counters.pending_requests = sum(home.pending for home in self._homes)
        return self.counters.read()
