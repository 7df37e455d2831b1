"""Counters with the names of RFC 4669 (authentication) and RFC 4671 (accounting)."""

from __future__ import annotations

from typing import Final, final

from radiusmfa.wire.codec import Fault

_BAD_AUTHENTICATORS: Final = frozenset({
    Fault.BAD_MESSAGE_AUTHENTICATOR,
    Fault.BAD_REQUEST_AUTHENTICATOR,
    Fault.MISSING_MESSAGE_AUTHENTICATOR,
    Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR,
})  # fmt: skip
_UNKNOWN_TYPES: Final = frozenset({Fault.UNKNOWN_CODE, Fault.UNEXPECTED_CODE, Fault.WRONG_PORT})


@final
class Counters:
    """What the server has seen since it started; plain numbers, added to in place."""

    __slots__ = (
        "total_access_accepts",
        "total_access_challenges",
        "total_access_rejects",
        "total_access_requests",
        "total_accounting_requests",
        "total_accounting_responses",
        "total_bad_authenticators",
        "total_dup_requests",
        "total_invalid_requests",
        "total_malformed_requests",
        "total_packets_dropped",
        "total_status_requests",
        "total_unknown_types",
    )

    def __init__(self) -> None:
        """Start at zero."""
        for name in self.__slots__:
            setattr(self, name, 0)

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
        """Return all counters by name."""
        return {name: getattr(self, name) for name in self.__slots__}
