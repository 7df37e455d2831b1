"""One server of an upstream: its address, its source ports, its health."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol, final

from twisted.logger import Logger

from radiusmfa.config.upstream_model import AliveCheck
from radiusmfa.server.channel import Channel
from radiusmfa.server.probe import Probe
from radiusmfa.upstream import inquiry
from radiusmfa.upstream.health import PROBE_TIMEOUT, Health
from radiusmfa.wire import codec, numbers
from radiusmfa.wire.codec import Fault, Packet, PacketError, SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from radiusmfa.config.upstream_model import Server, Upstream
    from radiusmfa.interfaces import Clock
    from radiusmfa.ops.logs import Discards
    from radiusmfa.ops.upstream_counters import UpstreamCounters
    from radiusmfa.server.channel import Reactor
    from radiusmfa.upstream.wheel import Wheel

log = Logger()

_IDLE: Final = 60.0  # seconds after which a further source port is closed
_LOOK_UP_INTERVAL: Final = 30.0  # seconds between two look-ups of a server's name
_NO_ADDRESS_INTERVAL: Final = 3.0  # seconds, while it has none: a boot before the name server's
_COMPLAINT_INTERVAL: Final = 10.0  # seconds between two log lines about sockets that we do not get
_ALIVE: Final = inquiry.REPLIES | {numbers.ACCOUNTING_RESPONSE}


class Waiting(Protocol):
    """
    Whoever waits for a reply, and for a time.

    Attributes:
        authenticator: Of the request.
        ignored: Replies that were none, by fault; None: none so far.
        due: When the wheel is to tell it, monotonic; -1: it waits no more.
    """

    authenticator: bytes
    ignored: Counter[str] | None
    due: float

    def check(self, packet: Packet) -> None:
        """Raise PacketError unless *packet* is the reply."""

    def reply(self, packet: Packet, now: float) -> None:
        """Take the genuine reply."""

    def tick(self, now: float) -> None:
        """Do what is due at *now*."""

    def lose(self, now: float) -> None:
        """Go elsewhere: the server is gone."""


class Shared(Protocol):
    """
    What the servers of all upstreams share.

    Attributes:
        reactor: Twisted's.
        clock: Both clocks.
        wheel: Of all timers.
        discards: Told of each dropped reply.
        marker: What our Proxy-States begin with.
    """

    reactor: Reactor
    clock: Clock
    wheel: Wheel[Waiting]
    discards: Discards
    marker: bytes

    def look_up(self, host: str, tell: Callable[[Sequence[str]], None]) -> None:
        """Have the addresses of *host* looked up; *tell* gets them, none if there are none."""

    def flush(self) -> None:
        """Set the timer for whoever waits now, and hand on what was answered."""


@final
class Home:
    """
    One server.

    Attributes:
        name: `host:port`, as audit and log call it.
        settings: From the configuration.
        key: The secret, ready to sign.
        health: What is known of it.
        counters: Of its upstream.
        moved: When its name was last found at another address, -inf: never.
    """

    def __init__(
        self, shared: Shared, upstream: Upstream, settings: Server, counters: UpstreamCounters
    ) -> None:
        """Look up its address; open no socket yet."""
        self.name = place(settings)
        self.settings = settings
        self.key = SigningKey(settings.secret)
        self.counters = counters
        self._shared = shared
        self._upstream = upstream
        self._title = f"{upstream.name} ({self.name})"
        interval = float(upstream.probe_interval)
        can_probe = settings.alive_check is not AliveCheck.NONE
        # Where only logins find out whether it is back, there is nothing to look at sooner.
        self.health = Health(min(1.0, interval) if can_probe else interval, interval)
        self._channels: list[Channel] = []
        self._retired: list[Channel] = []
        self._looks: list[Channel] = []
        self._probe: Probe | None = None
        self._is_looking_up = self._is_said = self._is_closed = False
        self._looked_up = self.moved = self._complained = float("-inf")
        self._address = _numeric(settings)
        self._is_named = self._address is None
        if self._is_named:
            self._look_up(shared.clock.monotonic())

    @property
    def can_probe(self) -> bool:
        """Whether it can be looked at without a login."""
        return self.settings.alive_check is not AliveCheck.NONE

    @property
    def is_known(self) -> bool:
        """Whether its address is known."""
        return self._address is not None

    @property
    def is_being_found(self) -> bool:
        """Whether another address than the one that is known, if any, may be known in a moment."""
        return self._is_looking_up and (self._address is None or not self.health.is_alive)

    @property
    def pending(self) -> int:
        """How many replies are awaited."""
        return sum(len(channel.slots) for channel in self._all)

    @property
    def _all(self) -> tuple[Channel, ...]:
        return (*self._channels, *self._retired, *self._looks)

    def take(self, waiting: Waiting, now: float) -> tuple[Channel, int] | None:
        """Return a source port and an identifier for *waiting*; None: all are taken."""
        for at, channel in enumerate(self._channels):
            identifier = channel.slots.take(waiting)
            if identifier is not None:
                channel.used = now
                if at:  # when thousands wait, most are full: one with room is looked at first
                    self._channels.insert(0, self._channels.pop(at))
                return channel, identifier
        if len(self._channels) >= self._upstream.ports:
            return None
        found = self._take_of_new(waiting, now)
        if found is not None:
            self._channels.insert(0, found[0])
        return found

    def received(self, channel: Channel, arrived: list[tuple[bytes, bool]]) -> None:
        """Take what has arrived at *channel*: octets, and whether from the server's address."""
        now = self._shared.clock.monotonic()
        for datagram, is_from_there in arrived:
            self._receive(channel, datagram, is_from_there=is_from_there, now=now)
        self._shared.flush()

    def refused(self, channel: Channel) -> None:
        """Learn from the network that nothing listens where *channel* sends to."""
        now = self._shared.clock.monotonic()
        if channel in self._retired:  # where it was; where it is now, it may well listen
            for waiting in channel.slots:
                waiting.lose(now)
        else:
            self.lose(now, "nothing listens there")
        self._shared.flush()

    def lose(self, now: float, why: str) -> None:
        """Believe it dead, and send everybody who waits for it elsewhere."""
        if self.health.lose(now):
            self.say_lost(why)
        self._end_probe()
        if self._is_named:
            self._look_up(now)
        for channel in self._all:
            for waiting in channel.slots:
                waiting.lose(now)

    def say_lost(self, why: str) -> None:
        """Tell the log that it is gone."""
        log.warn("upstream {title} is gone: {why}", title=self._title, why=why)

    def doubt(self, now: float) -> None:
        """Look whether it is alive, unless somebody looks already."""
        if self.can_probe and self._probe is None and self.is_known:
            self._send_probe(now)

    def tidy(self, now: float) -> None:
        """Look at it if it is dead; look up its name; close what is idle."""
        if self.can_probe and self._probe is None and self.is_known and self.health.is_due(now):
            self._send_probe(now)
        interval = _LOOK_UP_INTERVAL if self.is_known else _NO_ADDRESS_INTERVAL
        if self._is_named and now - self._looked_up >= interval:
            self._look_up(now)
        for channel in self._channels[1:]:
            if not channel.slots and now - channel.used >= _IDLE:
                self._channels.remove(channel)
                channel.close()
        for closing in (self._retired, self._looks):
            for channel in [channel for channel in closing if not channel.slots]:
                closing.remove(channel)
                channel.close()

    def close(self) -> None:
        """Close every socket; whoever waits is left alone."""
        for channel in self._all:
            channel.close()
        self._channels, self._retired, self._looks = [], [], []
        self._is_closed = True

    def probe_ended(self, *, was_answered: bool, now: float) -> None:
        """Learn what a look has shown."""
        self._end_probe()
        if was_answered:
            return
        if self.health.probe_failed(now):
            self.say_lost("no sign of life")
            self.lose(now, "")
        elif self.health.is_alive:
            self._send_probe(now)

    def _receive(
        self, channel: Channel, datagram: bytes, *, is_from_there: bool, now: float
    ) -> None:
        if not is_from_there:
            self._drop(Fault.WRONG_SOURCE, None)
            return
        waiting = None
        try:
            packet = codec.decode(datagram, _ALIVE)
            waiting = channel.slots.find(packet.identifier)
            if waiting is None:
                self._drop(Fault.UNEXPECTED_REPLY, None)
                return
            waiting.check(packet)
        except PacketError as error:
            self._drop(error.fault, waiting)
            return
        channel.slots.free(packet.identifier)
        if self.health.hear(now):
            log.info("upstream {title} is alive again", title=self._title)
        waiting.reply(packet, now)

    def _drop(self, fault: Fault, waiting: Waiting | None) -> None:
        # As if nothing had arrived: no timer changes (RFC 5080 section 2.2.1).
        self.counters.dropped(fault)
        self._shared.discards.discarded(
            fault.value, f"upstream {self._title}", self._shared.clock.monotonic()
        )
        if waiting is not None:
            if waiting.ignored is None:
                waiting.ignored = Counter()
            waiting.ignored[fault.value] += 1

    def _take_of_new(self, waiting: Waiting, now: float) -> tuple[Channel, int] | None:
        if self._address is None or self._is_closed:
            return None
        try:
            channel = Channel(self._shared.reactor, self, self._address)
        except OSError as error:
            if now - self._complained >= _COMPLAINT_INTERVAL:
                self._complained = now
                log.critical(
                    "no socket for upstream {title}: {why}", title=self._title, why=error.strerror
                )
            return None
        channel.used = now
        identifier = channel.slots.take(waiting)
        return None if identifier is None else (channel, identifier)

    def _send_probe(self, now: float) -> None:
        self._probe = probe = Probe(self, self._upstream.probe_user.encode())
        found = self.take(probe, now)
        if found is None:
            # A server for which as many logins wait as may has to be told from a dead one
            # all the same. No login gets this port; it closes with the look.
            found = self._take_of_new(probe, now)
            if found is None:
                self._probe = None
                return
            self._looks.append(found[0])
        probe.channel, probe.identifier = found
        self.counters.probes += 1
        probe.due = now + PROBE_TIMEOUT
        self._shared.wheel.add(probe.due, probe)
        if not probe.channel.send(probe.octets()):
            self.probe_ended(was_answered=False, now=now)

    def _end_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.end()

    def _look_up(self, now: float) -> None:
        if not self._is_looking_up:
            self._is_looking_up = True
            self._looked_up = now
            self._shared.look_up(self.settings.host, self._looked)

    def _looked(self, addresses: Sequence[str]) -> None:
        self._is_looking_up = False
        if not addresses:
            if self._address is None and not self._is_said:
                self._is_said = True
                log.warn("upstream {title}: its name has no address", title=self._title)
            return  # where it was, it may still be
        address = self._chosen(addresses)
        if self._address is not None and address == self._address[0]:
            return
        log.info("upstream {title} is at {address}", title=self._title, address=address)
        self._address = (address, self.settings.port)
        self.moved = self._shared.clock.monotonic()
        # Replies to what was sent to the old address may still come.
        self._retired += (*self._channels, *self._looks)
        self._channels, self._looks = [], []
        self._end_probe()
        if not self.health.is_alive:
            self.health.next_try = self.health.next_trial = self.moved

    def _chosen(self, addresses: Sequence[str]) -> str:
        known = None if self._address is None else self._address[0]
        if known not in addresses:
            return addresses[0]
        # One that does not answer gives way to the next: a name often has one of each family.
        at = addresses.index(known) + (not self.health.is_alive)
        return addresses[at % len(addresses)]


def place(settings: Server) -> str:
    """Return `host:port`, with brackets around an IPv6 address."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _numeric(settings: Server) -> tuple[str, int] | None:
    try:
        return str(ipaddress.ip_address(settings.host)), settings.port
    except ValueError:
        return None
