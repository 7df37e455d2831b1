"""What was counted, in Prometheus's text format by HTTP: numbers, and nothing about a person."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast, final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import Site

import radiusmfa
from radiusmfa.outcome import Reason
from radiusmfa.server.udp import ListenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import ExitStack

    from prometheus_client import Metric
    from twisted.internet.address import IPv4Address, IPv6Address
    from twisted.internet.interfaces import IListeningPort, IReactorTCP
    from twisted.internet.protocol import ServerFactory
    from twisted.web.http import Request

    from radiusmfa.config.model import Listen
    from radiusmfa.ops.counters import Counters

log = Logger()

_IDLE_SECONDS: Final = 10
_EVENT: Final = "event:"
_NOW: Final = frozenset({"pending_requests", "open_calls"})
"""What is counted at this moment, and not since the start."""
_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"


@final
class Counted(Collector):
    """Reads the counters when somebody asks; a login pays nothing for it."""

    def __init__(
        self, counters: Counters, upstreams: Callable[[], Mapping[str, Mapping[str, int]]]
    ) -> None:
        """
        Keep where to look.

        Args:
            counters: The server's own.
            upstreams: Returns those of each upstream, by its name.
        """
        self._counters = counters
        self._upstreams = upstreams

    def collect(self) -> Iterator[Metric]:
        """Return every number there is."""
        version = {"version": radiusmfa.__version__}
        yield InfoMetricFamily("radiusmfa", "This server", value=version)
        for name, number in self._counters.read().items():
            what = name.removeprefix("total_")
            text = f"{_sentence(what)} since the start (RFC 4669, RFC 4671)"
            yield CounterMetricFamily(f"radiusmfa_{what}", text, value=number)
        decided = CounterMetricFamily(
            "radiusmfa_decisions", "Decisions by reason: radiusmfa why REASON", labels=["reason"]
        )
        reasons = self._counters.read_reasons()
        for reason in Reason:
            # One that is there from the start has a rate from the first time on.
            decided.add_metric([reason.value], reasons.get(reason.value, 0))
        yield decided
        yield from self._of_upstreams()

    def _of_upstreams(self) -> Iterator[Metric]:
        events = CounterMetricFamily(
            "radiusmfa_upstream_events", "What replies meant", labels=["upstream", "event"]
        )
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for upstream, numbers in self._upstreams().items():
            for name, number in numbers.items():
                if name.startswith(_EVENT):
                    events.add_metric([upstream, name.removeprefix(_EVENT)], number)
                    continue
                if name not in families:
                    kind = GaugeMetricFamily if name in _NOW else CounterMetricFamily
                    families[name] = kind(
                        f"radiusmfa_upstream_{name}", _sentence(name), labels=["upstream"]
                    )
                families[name].add_metric([upstream], number)
        yield from families.values()
        yield events


@final
class Metrics:
    """The addresses where the numbers can be read."""

    def __init__(self, reactor: IReactorTCP, counted: Counted) -> None:
        """
        Listen nowhere yet.

        Args:
            reactor: Twisted's.
            counted: What is read.
        """
        registry = CollectorRegistry()
        registry.register(counted)
        ProcessCollector(registry=registry)
        page = _Page(registry)
        site = MetricsSite(page, timeout=_IDLE_SECONDS, reactor=reactor)  # type: ignore[no-untyped-call]
        self._site = cast("ServerFactory[Any]", site)
        self._reactor = reactor
        self._ports: dict[Listen, IListeningPort] = {}

    def open(self, wanted: Iterable[Listen], undo: ExitStack) -> None:
        """
        Listen at what of *wanted* is new; *undo* closes it again.

        Raises:
            ListenError: It cannot be listened on.
        """
        for listen in wanted:
            if listen in self._ports:
                continue
            try:
                port = self._reactor.listenTCP(listen.port, self._site, interface=listen.host)
            except CannotListenError as error:
                msg = f"{listen.host} tcp port {listen.port}: {error.socketError}"
                raise ListenError(msg) from None
            self._ports[listen] = port
            undo.callback(self._close, listen)

    def keep(self, wanted: Iterable[Listen]) -> None:
        """Listen nowhere but at *wanted*."""
        for listen in self._ports.keys() - set(wanted):
            self._close(listen)

    @property
    def addresses(self) -> list[str]:
        """Where the numbers can be read, as URLs."""
        found = []
        for port in self._ports.values():
            at = cast("IPv4Address | IPv6Address", port.getHost())
            host = f"[{at.host}]" if ":" in at.host else at.host
            found.append(f"http://{host}:{at.port}/metrics")
        return found

    def _close(self, listen: Listen) -> None:
        port = self._ports.pop(listen, None)
        if port is not None:
            maybeDeferred(port.stopListening).addErrback(
                lambda failure: log.failure("an address of metrics does not close", failure)
            )


@final
class _Page(Resource):
    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._registry = registry

    def render(self, request: Request) -> bytes:
        """Return the numbers as text; whatever else is asked for is not there."""
        status, text = HTTPStatus.OK, b""
        if request.path != b"/metrics":
            status = HTTPStatus.NOT_FOUND
        elif request.method not in {b"GET", b"HEAD"}:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        else:
            text = generate_latest(self._registry)
        request.setResponseCode(status)
        request.setHeader(b"Content-Type", _TYPE)  # type: ignore[no-untyped-call]
        return text or f"{status.phrase}\n".encode()


@final
class MetricsSite(Site):
    """The one page; a scrape leaves no line in the log."""

    noisy = False
    displayTracebacks = False  # noqa: N815 - Twisted's name

    def log(self, request: Request) -> None:
        """Write nothing."""


def _sentence(name: str) -> str:
    return name.replace("_", " ").capitalize()
