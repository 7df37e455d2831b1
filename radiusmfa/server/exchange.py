"""
One inquiry over the servers of its upstream, from its first packet to its end.

A server gets its share of the time that is left until our own client gives up. It is
asked again with the same octets, doubted when it stays silent, left for the next one
when it gives no sign of life; the same inquiry is never under way at two servers.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, final

from radiusmfa.outcome import Reason
from radiusmfa.upstream import inquiry
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from collections import Counter

    from radiusmfa.server.channel import Channel
    from radiusmfa.server.home import Home
    from radiusmfa.server.received import Received
    from radiusmfa.server.relays import Relay
    from radiusmfa.wire.codec import Packet

_LONGEST_INTERVAL: Final = 16.0  # RFC 5080 section 2.2.1: MRT
_LOOK_AGAIN: Final = 0.1  # seconds, while the address of a server is being looked up
_NEVER: Final = float("inf")
_LEAST_SILENCE: Final = 0.5  # seconds: less of it says nothing of a server


@final
class Exchange:
    """
    One inquiry, from its first packet to its end.

    Attributes:
        authenticator: Of the packet that is under way.
        ignored: Replies that were none, by fault.
        due: When it wants to be told, monotonic; -1: it has ended.
    """

    __slots__ = (
        "_asked", "_channel", "_doubt", "_first", "_give_up", "_home", "_identifier", "_interval",
        "_next", "_octets", "_proxy_state", "_reason", "_received", "_relay", "_sent",
        "_servers", "_started", "_tried", "authenticator", "due", "ignored",
    )  # fmt: skip

    def __init__(self, relay: Relay, received: Received, asked: Inquiry, now: float) -> None:
        """Begin; nothing is sent yet."""
        self._relay = relay
        self._received = received
        self._asked = asked
        self._started = now
        self._home: Home | None = None
        self._channel: Channel | None = None
        self._identifier = -1
        self._octets = self._proxy_state = self.authenticator = b""
        self._sent = self._servers = 0
        self._first = self._interval = self._next = self._doubt = self._give_up = 0.0
        self.ignored: Counter[str] | None = None
        self.due = -1.0
        # Whom it has left, and when; a server that has shown life since may be asked again.
        self._tried: dict[Home, float] = {}
        # Why it failed, if nothing better is known.
        self._reason = Reason.DIALOGUE_LOST if asked.server else Reason.UPSTREAM_UNREACHABLE

    def go_on(self, now: float) -> None:
        """Ask the next server, or end."""
        if now >= self._asked.deadline and not self._tried:
            # The time was spent here or elsewhere: that says nothing of these servers.
            self._note(Reason.UNANSWERED)
        while now < self._asked.deadline:
            home = self._relay.choose(self._asked.server, self._tried, now)
            if home is None:
                if self._may_wait():
                    self._look_again(now)
                    return
                break
            self._tried[home] = _NEVER
            if self._send(home, now):
                self._relay.counters.fail_overs += self._servers > 1
                return
        self._end(self._reason, now)

    def check(self, packet: Packet) -> None:
        """Raise PacketError unless *packet* is the reply to what is under way."""
        home = self._of_home()
        if packet.code == numbers.ACCOUNTING_RESPONSE:
            raise codec.MalformedPacketError(codec.Fault.UNEXPECTED_CODE)
        inquiry.check(
            packet,
            self.authenticator,
            self._proxy_state,
            home.key,
            require_signature=home.settings.require_message_authenticator,
        )

    def reply(self, packet: Packet, now: float) -> None:
        """Take the genuine reply."""
        counters = self._relay.counters
        if packet.code == numbers.ACCESS_ACCEPT:
            counters.access_accepts += 1
        elif packet.code == numbers.ACCESS_REJECT:
            counters.access_rejects += 1
        else:
            counters.access_challenges += 1
        self._channel = None  # its identifier is free already
        self._end(Reason.UPSTREAM_SILENT, now, packet)

    def tick(self, now: float) -> None:
        """Send again, doubt, fail over or give up, as is due at *now*."""
        if self._channel is None:  # whom to ask was not known yet
            self.go_on(now)
            return
        home = self._of_home()
        if now >= self._asked.deadline:
            self._expire(home, now)
            return
        if now >= self._give_up:
            if not self._is_person_slow(home):
                self._leave(home, now)
                return
            self._give_up = _NEVER
        if now >= self._doubt:
            self._doubt = _NEVER
            if home.health.heard < self._first:
                home.doubt(now)
        if not self._is_at(home):
            return  # that look was the end of it here
        if now >= self._next:
            self._sent += 1
            self._relay.counters.access_retransmissions += 1
            self._channel.send(self._octets)
            self._wait_longer(now)
        self._wait()

    def lose(self, now: float) -> None:
        """Go to the next server: this one is gone."""
        self._free()
        self._tried[self._of_home()] = now
        self._note(Reason.UPSTREAM_UNREACHABLE)
        self.go_on(now)

    def _send(self, home: Home, now: float) -> bool:
        found = home.take(self, now)
        if found is None:
            self._note(Reason.UPSTREAM_BUSY)
            return False
        self._home = home
        self._channel, self._identifier = found
        self.authenticator = self._relay.shared.draw()
        self._proxy_state = self._relay.shared.next_proxy_state()
        try:
            self._octets = inquiry.build(
                self._asked, self._identifier, self.authenticator, self._proxy_state, home.key
            )
        except (codec.MalformedPacketError, password.PasswordError):
            self._free()
            self._reason = Reason.TEXT_NOT_WRITABLE
            return False
        self._servers += 1
        self._sent += 1
        self._relay.counters.access_requests += 1
        self._first = now
        if not self._channel.send(self._octets):
            self._free()
            home.lose(now, "the network does not reach it")
            return False
        self._share(home, now)
        return True

    def _share(self, home: Home, now: float) -> None:
        settings = self._relay.settings
        others = 0 if self._asked.server else len(self._relay.left(self._tried))
        share = (self._asked.deadline - now) / (1 + others)
        share = min(float(settings.patience), share)
        self._give_up = now + share
        self._doubt = now + min(settings.retransmit, share / 3) if home.can_probe else _NEVER
        # RFC 5080 section 2.2.1: RT = IRT + RAND * IRT.
        self._interval = settings.retransmit * random.uniform(0.9, 1.1)  # noqa: S311 - a timer
        self._next = now + self._interval
        self._wait()

    def _may_wait(self) -> bool:
        # A dialogue has nowhere else to go, and nobody has seen yet what was typed: its server
        # may be back in a moment.
        if self._asked.server:
            return not self._tried and self._relay.has(self._asked.server)
        return self._relay.may_know_more

    def _look_again(self, now: float) -> None:
        self.due = min(self._asked.deadline, now + _LOOK_AGAIN)
        self._relay.shared.wheel.add(self.due, self)

    def _wait_longer(self, now: float) -> None:
        self._interval = min(_LONGEST_INTERVAL, 2 * self._interval)
        self._next = now + self._interval

    def _wait(self) -> None:
        self.due = min(self._asked.deadline, self._give_up, self._doubt, self._next)
        self._relay.shared.wheel.add(self.due, self)

    def _is_person_slow(self, home: Home) -> bool:
        # It has answered others, or a look, since we asked: then it is not gone. Where nobody
        # can look, and a person may have to tap a phone, silence says nothing.
        if home.health.heard >= self._first:
            return True
        return self._relay.settings.dialogue.waits and not home.can_probe and home.health.is_alive

    def _leave(self, home: Home, now: float) -> None:
        self._relay.counters.timeouts += 1
        self._miss(home, now)
        self._free()
        self._note(Reason.UPSTREAM_SILENT)
        self.go_on(now)

    def _expire(self, home: Home, now: float) -> None:
        self._relay.counters.timeouts += 1
        is_person_slow = self._is_person_slow(home)
        self._miss(home, now)
        if is_person_slow or (self._servers == 1 and now - self._first < _LEAST_SILENCE):
            self._end(Reason.UNANSWERED, now)
        else:
            self._end(Reason.DIALOGUE_LOST if self._asked.server else Reason.UPSTREAM_SILENT, now)

    def _miss(self, home: Home, now: float) -> None:
        if not home.can_probe and home.health.heard < self._first and home.health.miss(now):
            home.say_lost("logins in a row got no answer")

    def _end(self, reason: Reason, now: float, packet: Packet | None = None) -> None:
        self._free()
        home, received = self._home, self._received
        # The wheel holds this for seconds yet: the login is not to be held with it, for the
        # memory, and for the collector, which would walk over it again and again.
        del self._received, self._octets
        response = Response(
            upstream=self._asked.upstream,
            server="" if home is None else home.name,
            packet=packet,
            reason=reason,
            secret=b"" if home is None else home.key.secret,
            authenticator=self.authenticator,
            sent=self._sent,
            servers=self._servers,
            seconds=now - self._started,
            ignored=inquiry.NOTHING if self.ignored is None else self.ignored,
        )
        self._relay.shared.done(received, response)

    def _note(self, reason: Reason) -> None:
        if not self._asked.server:  # a dialogue is lost, however that came
            self._reason = reason

    def _free(self) -> None:
        self.due = -1.0
        if self._channel is not None:
            self._channel.slots.free(self._identifier)
            self._channel = None

    def _is_at(self, home: Home) -> bool:
        return self._channel is not None and home is self._home

    def _of_home(self) -> Home:
        if self._home is None:
            msg = "nothing was sent yet"
            raise AssertionError(msg)
        return self._home
