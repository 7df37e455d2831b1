"""Accounting-Requests: written to the audit, and acknowledged once that is on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from radiusmfa.ops.audit import Lines
    from radiusmfa.server.received import Received
    from radiusmfa.stores.logins import Logins


def record(received: Received, lines: Lines, logins: Logins, now: float) -> bytes | None:
    """
    Have the report in *received* written; return its acknowledgement, empty: there is no room.

    None: it is not recorded, so it is not acknowledged (RFC 2866 section 4.2).

    Args:
        received: The request.
        lines: Makes audit lines.
        logins: The store.
        now: Wall time.
    """
    packet, peer = received.packet, received.peer
    line = lines.accounting(now, received.site.client.name, peer.address, packet)
    if line is None:
        return None
    logins.audit(line)
    reply = codec.reply(numbers.ACCOUNTING_RESPONSE, packet, peer.key, signed=False)
    return reply or b""
