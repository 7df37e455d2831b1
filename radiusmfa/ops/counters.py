"""Counters with the names of RFC 4669 (authentication) and RFC 4671 (accounting), and by reason."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields
from typing import Final, final

from radiusmfa.outcome import Reason
from radiusmfa.wire.codec import Fault

_BAD_AUTHENTICATORS: Final = frozenset({
    Fault.BAD_MESSAGE_AUTHENTICATOR,
    Fault.BAD_REQUEST_AUTHENTICATOR,
    Fault.BAD_RESPONSE_AUTHENTICATOR,
    Fault.MISSING_MESSAGE_AUTHENTICATOR,
    Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR,
})  # fmt: skip
_UNKNOWN_TYPES: Final = frozenset({Fault.UNKNOWN_CODE, Fault.UNEXPECTED_CODE, Fault.WRONG_PORT})


@final
@dataclass(slots=True)
class Counters:
    """
    What the server has seen since it started; plain numbers, added to in place.

    Attributes:
        total_access_accepts: Access-Accepts sent.
        total_access_challenges: Access-Challenges sent.
        total_access_rejects: Access-Rejects sent.
        total_access_requests: Access-Requests that were verified.
        total_accounting_requests: Accounting-Requests that were verified.
        total_accounting_responses: Accounting-Responses sent.
        total_bad_authenticators: Packets whose signature was wrong or missing.
        total_dup_requests: Retransmissions of requests, answered or not.
        total_invalid_requests: Packets from addresses that are no client's.
        total_malformed_requests: Packets that are not RADIUS, or not whole.
        total_packets_dropped: Verified requests that got no answer.
        total_status_requests: Status-Server requests that were verified.
        total_unknown_types: Packets of a code that has no business here.
        reasons: Decisions by their reason, each as its audit line has it.
    """

    total_access_accepts: int = 0
    total_access_challenges: int = 0
    total_access_rejects: int = 0
    total_access_requests: int = 0
    total_accounting_requests: int = 0
    total_accounting_responses: int = 0
    total_bad_authenticators: int = 0
    total_dup_requests: int = 0
    total_invalid_requests: int = 0
    total_malformed_requests: int = 0
    total_packets_dropped: int = 0
    total_status_requests: int = 0
    total_unknown_types: int = 0
    reasons: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def discarded(self, fault: Fault) -> None:
        """Count a packet that was discarded for *fault*."""
        if fault is Fault.UNKNOWN_CLIENT:
            self.total_invalid_requests += 1
        elif fault in _UNKNOWN_TYPES:
            self.total_unknown_types += 1
        elif fault in _BAD_AUTHENTICATORS:
            self.total_bad_authenticators += 1
        else:
            self.total_malformed_requests += 1

    def read(self) -> dict[str, int]:
        """Return the counters of the RFCs by name."""
        numbers = (one.name for one in fields(self) if one.name != "reasons")
        return {name: getattr(self, name) for name in numbers}

    def read_reasons(self) -> dict[str, int]:
        """Return how many decisions each reason had, in the order of the list; no zeros."""
        return {reason.value: count for reason in Reason if (count := self.reasons.get(reason, 0))}
