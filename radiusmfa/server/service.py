"""
The composition root: everything that runs is made, joined, started and stopped here.

What is opened once (the store, its lock, the threads) lives as long as the process.
What comes from the configuration is swapped in whole by `reload`, or not at all.
"""

from __future__ import annotations

import gc
import secrets
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast, final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

import radiusmfa
from radiusmfa.config import read
from radiusmfa.duplicates import Duplicates
from radiusmfa.interfaces import ConfigError, RadiusmfaError, StoreBusyError
from radiusmfa.login.challenges import Challenges
from radiusmfa.ops import logs, notify
from radiusmfa.ops.audit import Lines
from radiusmfa.ops.counters import Counters
from radiusmfa.server import directories, look_up, passwords, told, udp
from radiusmfa.server.approvals import Approvals
from radiusmfa.server.clock import SystemClock
from radiusmfa.server.login_names import LoginNames
from radiusmfa.server.metrics import Counted, Metrics
from radiusmfa.server.outside import Outside
from radiusmfa.server.parts import assemble
from radiusmfa.server.pipeline import Pipeline
from radiusmfa.server.relays import Relays
from radiusmfa.server.services import Services, World
from radiusmfa.stores import database
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.vault import Vault
from radiusmfa.wire import codec

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTCP, IReactorTime

    from radiusmfa.config.model import Configuration, Level, Listen
    from radiusmfa.server.outside import Heard
    from radiusmfa.server.parts import Parts
    from radiusmfa.server.received import Received

log = Logger()

_TIDY_INTERVAL: Final = 1.0  # seconds
_COLLECTED: Final = (20_000, 20, 20)  # objects; collections of the young, and of the middle-aged
_STOP_LIMIT: Final = 10.0  # seconds that pending logins get at the end
_NODE: Final = "0"  # one process; more will count up (design: State names the node)


class Reactor(udp.Reactor, passwords.Reactor, look_up.Reactor, directories.Reactor, Protocol):
    """What a server needs of Twisted's reactor."""

    def callLater(  # noqa: N802 - Twisted's name
        self, delay: float, call: Callable[..., object], /, *args: object
    ) -> IDelayedCall:
        """Do *call* after *delay* seconds."""


class Place(NamedTuple):
    """
    One address and what is served there.

    Attributes:
        listen: Where.
        is_accounting: Accounting-Requests; otherwise Access-Requests.
    """

    listen: Listen
    is_accounting: bool

    @property
    def served(self) -> frozenset[int]:
        """The packet codes that are served there."""
        return codec.ACCOUNTING_PORT if self.is_accounting else codec.AUTHENTICATION_PORT


def places(configuration: Configuration) -> list[Place]:
    """Return every place to listen at, without repetitions."""
    access = (Place(listen, is_accounting=False) for listen in configuration.listen)
    accounting = (Place(listen, is_accounting=True) for listen in configuration.accounting)
    return list(dict.fromkeys((*access, *accounting)))


def bind(wanted: Iterable[Place], undo: ExitStack) -> dict[Place, socket.socket]:
    """
    Bind every place; *undo* closes what was bound.

    Raises:
        udp.ListenError: One cannot be bound.
    """
    opened = {}
    for place in wanted:
        opened[place] = udp.bind(place.listen.host, place.listen.port)
        undo.callback(opened[place].close)
    return opened


@final
class Service:
    """
    A running server.

    Attributes:
        configuration: The one in force.
        pipeline: What decides.
    """

    def __init__(
        self,
        reactor: Reactor,
        configuration: Configuration,
        set_level: Callable[[Level], None],
    ) -> None:
        """
        Open everything that *configuration* names; nothing is served before `start`.

        Args:
            reactor: Twisted's, not running yet.
            configuration: Checked.
            set_level: Changes from what urgency on is logged.

        Raises:
            RadiusmfaError: Something cannot be opened; everything is closed again.
        """
        self._reactor = reactor
        self._set_level = set_level
        self._clock = SystemClock()
        self.configuration = configuration
        with ExitStack() as undo:
            sockets = bind(places(configuration), undo)
            undo.enter_context(database.lock_file(configuration.store_path))
            vault = Vault.read(configuration.keys_path)
            store = undo.enter_context(database.connect(configuration.store_path, vault))
            self._logins = Logins(store)
            self._pepper = store.pepper
            settings = configuration.challenges
            self._challenges = Challenges(
                _NODE, settings.lifetime, settings.most, secrets.token_bytes
            )
            _fill(self._logins, self._challenges)
            self._passwords = passwords.PasswordThreads(
                reactor, configuration.passwords, store.pepper, self._clock
            )
            undo.callback(self._passwords.stop)
            self._discards = logs.Discards(logs.write_discard)
            self._relays = Relays(
                reactor,
                self._clock,
                self._discards,
                call_later=reactor.callLater,
                look_up=partial(look_up.look_up, reactor),
                answered=self._answered,
            )
            self._outside = self._others(store.pepper)
            undo.callback(self._outside.close)
            self._outside.answered = self._answered
            self._outside.configure(configuration)
            self.pipeline = self._pipeline()
            self._passwords.answer = self.pipeline.checked
            counted = Counted(self.pipeline.counters, self._outside.read)
            self._metrics = Metrics(cast("IReactorTCP", reactor), counted)
            undo.callback(self._metrics.keep, ())
            self._metrics.open(configuration.metrics, undo)
            self._ports = {place: self._port(place, opened) for place, opened in sockets.items()}
            self._undo = undo.pop_all()
        self._loops: list[LoopingCall] = []

    def start(self) -> None:
        """Begin to serve, and tell whoever started us."""
        for place, port in self._ports.items():
            self._open(place, port)
        self._repeat(_TIDY_INTERVAL, self.pipeline.tidy)
        self._repeat(_TIDY_INTERVAL, self._outside.tidy)
        interval = notify.watchdog_interval()
        if interval is not None:
            self._repeat(interval, partial(notify.notify, "WATCHDOG=1"))
        # What is loaded stays: the collector need not walk over it again and again.
        gc.collect()
        gc.freeze()
        # Logins that wait are many objects that live long: looking for circles less often saves a
        # third of what a push costs, and little memory.
        gc.set_threshold(*_COLLECTED)
        users = self._logins.registered()
        self._announce("radiusmfa {version} is ready; clients: {clients}, users: {users}", users)
        notify.notify("READY=1\nSTATUS=Serving")

    def reload(self) -> None:
        """Read the configuration again and swap it in whole, or say why not."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notify.notify(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")
        try:
            configuration = read.load(self.configuration.path)
            _refuse_other_store(self.configuration, configuration)
            with ExitStack() as undo:
                new = [place for place in places(configuration) if place not in self._ports]
                sockets = bind(new, undo)
                self._metrics.open(configuration.metrics, undo)
                self._swap(configuration, sockets)
                undo.pop_all()
        except RadiusmfaError as error:
            for line in str(error).splitlines():
                log.critical("{line}", line=line)
            log.critical("the configuration was not loaded; the one before stays in force")
        notify.notify("READY=1\nSTATUS=Serving")

    def stop(self) -> Deferred[None]:
        """Read no more, answer what is pending, close everything."""
        notify.notify("STOPPING=1\nSTATUS=Answering what is pending")
        for port in self._ports.values():
            port.drain()
        stopped: Deferred[None] = Deferred()
        self._await_idle(stopped, self._clock.monotonic() + _STOP_LIMIT)
        return stopped

    def log_counters(self) -> None:
        """Write what was counted since the start to the log."""
        counters = self.pipeline.counters
        log.info("{counted}", counted=_written(counters.read()))
        log.info("reasons: {counted}", counted=_written(counters.read_reasons()) or "none yet")
        for upstream, numbers in self._outside.read().items():
            log.info("upstream {upstream}: {counted}", upstream=upstream, counted=_written(numbers))

    def _others(self, pepper: bytes) -> Outside:
        reactor = cast("IReactorTime", self._reactor)
        world = World(
            reactor=reactor,
            clock=self._clock,
            calls=self._logins.calls,
            pepper=pepper,
            entropy=secrets.token_bytes,
            flush=lambda: self.pipeline.turn(),  # noqa: PLW0108 - it is made later
            agrees=self._passwords.agrees,
            alarm=partial(told.alarm, self._clock),
        )
        return Outside(
            self._relays,
            directories.Directories(self._reactor, self._clock),
            Approvals(reactor, self._clock),
            Services(world),
        )

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            parts=self._parts(self.configuration),
            logins=self._logins,
            challenges=self._challenges,
            lines=Lines(),
            counters=Counters(),
            discards=self._discards,
            clock=self._clock,
            name_login=LoginNames().draw,
            passwords=self._passwords.ask,
            ask=self._outside.ask,
            marker=self._relays.marker,
            entropy=secrets.token_bytes,
            call_later=self._reactor.callLater,
        )

    def _parts(self, configuration: Configuration) -> Parts:
        return assemble(
            configuration,
            self._logins,
            pepper=self._pepper,
            decoy=self._passwords.decoy,
            is_dead=self._outside.is_dead,
            entropy=secrets.token_bytes,
            note=self._outside.heard,
        )

    def _answered(self, batch: Sequence[tuple[Received, Heard]]) -> None:
        self.pipeline.answered(batch)

    def _port(self, place: Place, opened: socket.socket) -> udp.UdpPort:
        settings = self.configuration.duplicates
        duplicates = Duplicates(settings.lifetime, settings.most)
        return udp.UdpPort(self._reactor, opened, place.served, duplicates, self.pipeline)

    def _swap(self, configuration: Configuration, sockets: dict[Place, socket.socket]) -> None:
        self._passwords.configure(configuration.passwords)
        parts = self._parts(configuration)
        self._outside.configure(configuration)
        # From here on nothing can fail.
        self.configuration = configuration
        for name, site in parts.sites.items():
            before = self.pipeline.parts.sites.get(name)
            if before is not None:
                # Who asks again meanwhile is known: no phone rings twice for a reload.
                site.inherit(before)
        parts.guard.inherit(self.pipeline.parts.guard)
        self.pipeline.parts = parts
        settings = configuration.challenges
        self._challenges.configure(settings.lifetime, settings.most)
        self._metrics.keep(configuration.metrics)
        for place in self._ports.keys() - set(places(configuration)):
            self._ports.pop(place).close()
            log.info("no longer listening on {place}", place=_shown(place))
        for port in self._ports.values():
            duplicates = configuration.duplicates
            port.duplicates.configure(duplicates.lifetime, duplicates.most)
        for place, opened in sockets.items():
            self._ports[place] = self._port(place, opened)
            self._open(place, self._ports[place])
        self._announce("the configuration was loaded; clients: {clients}")

    def _open(self, place: Place, port: udp.UdpPort) -> None:
        port.start()
        log.info("listening on {place}", place=_shown(place, port.address[1]))

    def _announce(self, text: str, users: int = 0) -> None:
        self._set_level(self.configuration.log_level)
        for warning in self.configuration.warnings:
            log.warn("{warning}", warning=warning)
        if self._metrics.addresses:
            log.info("metrics: {where}", where=", ".join(self._metrics.addresses))
        log.info(
            text,
            version=radiusmfa.__version__,
            clients=len(self.configuration.clients),
            users=users,
        )

    def _repeat(self, interval: float, call: Callable[[], None]) -> None:
        loop = LoopingCall(call)
        loop.clock = cast("IReactorTime", self._reactor)
        loop.start(interval, now=False).addErrback(partial(log.failure, "a timer broke"))
        self._loops.append(loop)

    def _await_idle(self, stopped: Deferred[None], limit: float) -> None:
        if not self.pipeline.is_idle and self._clock.monotonic() < limit:
            self._reactor.callLater(0.01, partial(self._await_idle, stopped, limit))
            return
        for loop in self._loops:
            loop.stop()
        for port in self._ports.values():
            port.close()
        self._undo.close()
        self.log_counters()
        log.info("stopped")
        stopped.callback(None)


def _fill(logins: Logins, challenges: Challenges) -> None:
    limit = time.monotonic() + database.BUSY_TIMEOUT
    while True:
        try:
            logins.begin()
            break
        except StoreBusyError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)
    logins.fold(everything=True)
    logins.preload()
    challenges.load(logins.challenges())
    logins.commit()


def _refuse_other_store(now: Configuration, then: Configuration) -> None:
    for title, old, new in (
        ("store", now.store_path, then.store_path),
        ("keys", now.keys_path, then.keys_path),
    ):
        if old != new:
            raise ConfigError(f"{then.path}: {title}: cannot change while the server runs")


def _written(counted: dict[str, int]) -> str:
    return " ".join(f"{name}={number}" for name, number in counted.items())


def _shown(place: Place, port: int = 0) -> str:
    host = f"[{place.listen.host}]" if ":" in place.listen.host else place.listen.host
    kind = "accounting" if place.is_accounting else "access"
    return f"udp {host}:{port or place.listen.port} ({kind})"
