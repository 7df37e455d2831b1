"""Tell systemd how the service is doing (sd_notify(3)); silent where there is no systemd."""

from __future__ import annotations

import os
import socket
from typing import Final

_MICROSECONDS: Final = 1_000_000


def notify(message: str) -> None:
    """Send *message* (`READY=1`, `RELOADING=1`, `STOPPING=1`, `WATCHDOG=1`) if anyone listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto(message.encode(), address)
        except OSError:
            return  # whoever started us no longer listens; the service itself is well


def watchdog_interval() -> float | None:
    """Return how often to send `WATCHDOG=1`, half of what systemd allows, or None."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    allowed = os.environ.get("WATCHDOG_USEC", "")
    is_number = allowed.isascii() and allowed.isdigit()
    return int(allowed) / _MICROSECONDS / 2 if is_number and int(allowed) else None
