"""
Services looked at from a command: what is wrong with each, found out by the code that logins use.

The examination of a service is a dialogue, and what performs dialogues needs a reactor. A
command has none, so one is made here, runs until all is known, and is gone.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

from radiusmfa.secret import Secret
from radiusmfa.server.clock import SystemClock
from radiusmfa.server.services import Counterpart, World
from radiusmfa.service import kinds
from radiusmfa.stores.calls import Calls
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted.internet.interfaces import IReactorTime

    from radiusmfa.config.service_model import Service

_TURN: Final = 0.05  # seconds that one turn of the reactor waits at most
_GRACE: Final = 1.0  # seconds beyond its time, for what ends by a timer of its own
_KEY_OCTETS: Final = 32
_STORE_ID: Final = "0" * 16


class Examined(NamedTuple):
    """
    What was found out about a service.

    Attributes:
        wrong: A line each; none: all is well.
        offset: Seconds that its clock is ahead of ours; None: it does not tell.
        seconds: How long that took.
    """

    wrong: tuple[str, ...]
    offset: float | None
    seconds: float


def can_be_examined(service: Service) -> bool:
    """Say whether there is anything to find out about *service*."""
    return type(service.settings) in kinds.EXAMINATIONS


def examine(services: Iterable[Service], seconds: float) -> dict[str, Examined]:
    """
    Return what is wrong with *services*, by name, each looked at in at most *seconds*.

    All of them at the same time. Blocks; nobody is called, nothing is written.

    Raises:
        ConfigError: One cannot be asked.
    """
    reactor = SelectReactor()
    reactor.startRunning(installSignalHandlers=False)
    found: dict[str, Examined] = {}
    try:
        asked = [Counterpart(_world(reactor), one, _nobody) for one in services]
        began = time.monotonic()
        for one in asked:
            one.examine(seconds).addBoth(_note, found, one, began)
        ends = began + seconds + _GRACE
        while len(found) < len(asked) and time.monotonic() < ends:
            reactor.iterate(_TURN)
        for one in asked:
            one.close()
            name = one.service.name
            late = f"it was not found out within {seconds:.0f} s what is wrong"
            found.setdefault(name, Examined((late,), None, seconds))
    finally:
        _stop(reactor)
    return found


def _note(
    result: tuple[str, ...] | Failure, found: dict[str, Examined], one: Counterpart, began: float
) -> None:
    wrong = result
    if isinstance(wrong, Failure):
        # Its own text might hold what was sent.
        wrong = (f"it cannot be examined: {getattr(wrong.type, '__name__', 'a fault')}",)
    found[one.service.name] = Examined(wrong, one.offset, time.monotonic() - began)


def _world(reactor: SelectReactor) -> World:
    # Nobody is called, so that nothing is ever sealed, counted or written.
    keys = {1: Secret(secrets.token_bytes(_KEY_OCTETS))}
    vault = Vault(Path("keys"), _STORE_ID, keys, active=1)
    return World(
        reactor=cast("IReactorTime", reactor),
        clock=SystemClock(),
        calls=Calls(vault),
        pepper=secrets.token_bytes(_KEY_OCTETS),
        entropy=secrets.token_bytes,
        flush=lambda: None,
        agrees=_disagree,
        alarm=lambda *_: "",
    )


def _disagree(stored: str, typed: bytes) -> Deferred[bool]:
    del stored, typed
    return succeed(False)  # noqa: FBT003 - no hash is checked here


def _nobody(*_: object) -> None:
    """Tell no login."""


def _stop(reactor: SelectReactor) -> None:
    # First the threads that look names up: what they tell wakes the reactor up.
    reactor.getThreadPool().stop()
    reactor.disconnectAll()
    reactor.runUntilCurrent()
    for waker in reactor.getReaders():  # type: ignore[no-untyped-call]
        waker.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]
