"""Counters of what is sent to upstreams, with the names of RFC 4668, one set an upstream."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final, final

from radiusmfa.wire.codec import Fault

if TYPE_CHECKING:
    from radiusmfa.config.upstream_model import Event

_BAD_AUTHENTICATORS: Final = frozenset({
    Fault.BAD_MESSAGE_AUTHENTICATOR,
    Fault.BAD_RESPONSE_AUTHENTICATOR,
    Fault.MISSING_MESSAGE_AUTHENTICATOR,
    Fault.DUPLICATE_MESSAGE_AUTHENTICATOR,
})  # fmt: skip
_UNKNOWN_TYPES: Final = frozenset({Fault.UNKNOWN_CODE, Fault.UNEXPECTED_CODE, Fault.WRONG_PORT})
_DROPPED: Final = frozenset({
    Fault.UNEXPECTED_REPLY, Fault.WRONG_SOURCE, Fault.BAD_PROXY_STATE,
})  # fmt: skip


@final
@dataclass(slots=True)
class UpstreamCounters:
    """
    What passed between us and one upstream since the start; added to in place.

    Attributes:
        access_requests: Access-Requests sent, retransmissions left aside.
        access_retransmissions: The same octets sent again.
        access_accepts: Genuine Access-Accepts.
        access_rejects: Genuine Access-Rejects.
        access_challenges: Genuine Access-Challenges.
        malformed_access_responses: Replies that are no packets.
        bad_authenticators: Replies whose signature was wrong or missing.
        pending_requests: Waiting for a reply now.
        timeouts: Logins that a server left without an answer.
        unknown_types: Packets that are no replies.
        packets_dropped: Replies that nobody waited for, from a wrong source, or with
            another's Proxy-State.
        fail_overs: Logins that went on to the next server.
        probes: Looks at a server whether it is alive.
        events: What its replies meant (`conf/dialogues/`), by name.
    """

    access_requests: int = 0
    access_retransmissions: int = 0
    access_accepts: int = 0
    access_rejects: int = 0
    access_challenges: int = 0
    malformed_access_responses: int = 0
    bad_authenticators: int = 0
    pending_requests: int = 0
    timeouts: int = 0
    unknown_types: int = 0
    packets_dropped: int = 0
    fail_overs: int = 0
    probes: int = 0
    events: Counter[str] = field(default_factory=Counter)

    def dropped(self, fault: Fault) -> None:
        """Count a packet that was dropped for *fault*."""
        if fault in _BAD_AUTHENTICATORS:
            self.bad_authenticators += 1
        elif fault in _DROPPED:
            self.packets_dropped += 1
        elif fault in _UNKNOWN_TYPES:
            self.unknown_types += 1
        else:
            self.malformed_access_responses += 1

    def heard(self, event: Event) -> None:
        """Count what a reply meant."""
        self.events[event.value] += 1

    def read(self) -> dict[str, int]:
        """Return all counters by name, events as `event:NAME`."""
        counted: dict[str, int] = {
            one.name: getattr(self, one.name) for one in fields(self) if one.name != "events"
        }
        return counted | {f"event:{name}": count for name, count in sorted(self.events.items())}
