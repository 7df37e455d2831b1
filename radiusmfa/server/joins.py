"""
One login, however often a client asks for it (promise 5).

A retransmission has the same octets and is known by `duplicates`. Here are the clients
that ask anew: from another port, or with another identifier while the first request
waits for an upstream. They get the answer of the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.duplicates import Answer
from radiusmfa.server import teaching
from radiusmfa.server.received import Received
from radiusmfa.wire import numbers

_DEVICE: Final = (numbers.NAS_IDENTIFIER, numbers.NAS_IP_ADDRESS, numbers.NAS_IPV6_ADDRESS)

if TYPE_CHECKING:
    from radiusmfa.request import Credentials


def find(received: Received, asked: Credentials, monotonic: float) -> Answer | None:
    """Return the login that *received* repeats; None: it is new, and known from now on."""
    site, packet = received.site, received.packet
    retries = site.retries
    if retries is None and not site.waits:
        return None
    # The address too: two devices of one entry are two clients. And where the person is:
    # whoever saw a passcode and types it elsewhere is somebody else.
    place: object = packet.value(numbers.CALLING_STATION_ID)
    if site.rules is not None:
        place = place, site.told_apart(packet)
    login = hash((received.peer.address, asked, place))
    if site.waits:
        # Behind a proxy there may be several devices.
        device = [packet.value(kind) for kind in _DEVICE]
        received.login_key = hash((login, *device))
        known = site.waiting.get(received.login_key)
        if known is not None:
            return known  # an upstream is being asked for this very login
    if retries is None:
        return None
    received.retry = login ^ packet.identifier
    known = retries.find(received.retry, received.address, monotonic)
    if known is None:
        received.answer = Answer(received.address, monotonic)
        retries.put(received.retry, received.answer)
    return known


def wait(received: Received) -> Answer | None:
    """Return the login for which an upstream is asked already; None: it is to be asked now."""
    waiting = received.site.waiting
    if received.answer is None:
        received.answer = Answer(received.address, received.arrived)
    # Two may have come before either had asked.
    known = waiting.setdefault(received.login_key, received.answer)
    if known is received.answer:
        return None
    # Whoever repeats this one waits for that one now.
    known.waiting += received.answer.waiting
    received.answer.waiting = []
    if received.site.retries is not None:
        received.site.retries.put(received.retry, known)
    return known


def end(received: Received) -> None:
    """Learn that *received* waits for no upstream any more."""
    waiting = received.site.waiting
    if waiting and waiting.get(received.login_key) is received.answer:
        del waiting[received.login_key]


def forget(received: Received) -> None:
    """Treat *received*, and whoever joined it, as never seen: nothing was decided."""
    received.port.duplicates.forget(received.key, received.packet.octets)
    if received.site.retries is not None:
        received.site.retries.forget(received.retry)
    if received.answer is None:
        return
    end(received)
    teaching.forgotten(received)
    for other in received.answer.waiting:
        if isinstance(other, Received):
            other.port.duplicates.forget(other.key, other.packet.octets)
            if other.site.retries is not None:
                other.site.retries.forget(other.retry)
