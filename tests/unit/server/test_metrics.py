"""Counters by HTTP: what a collector reads, and where."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.logger import capturedLogs

import radiusmfa
from radiusmfa.config.model import Listen
from radiusmfa.ops.counters import Counters
from radiusmfa.ops.upstream_counters import UpstreamCounters
from radiusmfa.outcome import Reason
from radiusmfa.server.metrics import Counted, Metrics
from radiusmfa.server.udp import ListenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.loop import Loop

ANY = Listen("127.0.0.1", 0)


@pytest.fixture
def counters() -> Counters:
    """Return nothing counted."""
    return Counters()


@pytest.fixture
def upstreams() -> dict[str, dict[str, int]]:
    """Return the counters of upstreams: none yet."""
    return {}


@pytest.fixture
def metrics(
    loop: Loop, counters: Counters, upstreams: dict[str, dict[str, int]]
) -> Iterator[Metrics]:
    """Return metrics that nobody can read yet."""
    made = Metrics(loop.reactor, Counted(counters, lambda: upstreams))
    yield made
    made.keep(())


def ask(loop: Loop, url: str, method: str = "GET", path: str = "/metrics") -> tuple[int, str, str]:
    """Return status, Content-Type and text that a client of HTTP gets."""
    found: list[tuple[int, str, str]] = []

    def run() -> None:
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
        connection.request(method, path)
        response = connection.getresponse()
        text = response.read().decode()
        found.append((response.status, response.getheader("Content-Type", ""), text))
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    loop.until(lambda: not thread.is_alive())
    thread.join()
    return found[0]


def samples(loop: Loop, metrics: Metrics) -> dict[str, float]:
    """Return every number by its name with its labels."""
    with ExitStack() as undo:
        metrics.open([ANY], undo)
        undo.pop_all()
    status, _, text = ask(loop, metrics.addresses[0])
    assert status == 200
    return {
        one.name
        + "".join(f",{key}={value}" for key, value in sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_decisions_are_counted_by_every_reason(
    loop: Loop, metrics: Metrics, counters: Counters
) -> None:
    """Each code of the list is there from the start; what was decided counts."""
    counters.reasons[Reason.PASSED] += 3
    counters.reasons[Reason.POLICY_DENIES] += 1
    found = samples(loop, metrics)
    decided = {
        name.removeprefix("radiusmfa_decisions_total,reason="): number
        for name, number in found.items()
        if name.startswith("radiusmfa_decisions_total")
    }
    others = {reason.value: 0 for reason in Reason}
    assert decided == others | {"passed": 3, "policy-denies": 1}


def test_every_counter_of_the_rfcs_is_there(
    loop: Loop, metrics: Metrics, counters: Counters
) -> None:
    """Their names are those of the RFCs, as Prometheus writes them."""
    counters.total_access_rejects = 7
    found = samples(loop, metrics)
    assert found["radiusmfa_access_rejects_total"] == 7
    for name in counters.read():
        assert f"radiusmfa_{name.removeprefix('total_')}_total" in found
    assert found[f"radiusmfa_info,version={radiusmfa.__version__}"] == 1
    assert found["process_open_fds"] > 0


def test_upstreams_have_a_label(
    loop: Loop, metrics: Metrics, upstreams: dict[str, dict[str, int]]
) -> None:
    """What waits goes up and down; events have a label of their own."""
    rsa, duo = UpstreamCounters(timeouts=2, pending_requests=1), UpstreamCounters(timeouts=5)
    rsa.events["new-pin"] += 4
    upstreams |= {"rsa": rsa.read(), "duo": duo.read()}
    found = samples(loop, metrics)
    assert found["radiusmfa_upstream_timeouts_total,upstream=rsa"] == 2
    assert found["radiusmfa_upstream_timeouts_total,upstream=duo"] == 5
    assert found["radiusmfa_upstream_pending_requests,upstream=rsa"] == 1
    assert found["radiusmfa_upstream_events_total,event=new-pin,upstream=rsa"] == 4


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/other", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/metrics", 405),
        ("HEAD", "/metrics", 200),
    ],
)
def test_nothing_else_is_answered(
    loop: Loop, metrics: Metrics, method: str, path: str, status: int
) -> None:
    """One page, and it is read."""
    samples(loop, metrics)
    assert ask(loop, metrics.addresses[0], method, path)[0] == status


def test_type_is_the_text_format(loop: Loop, metrics: Metrics) -> None:
    """Collectors refuse what does not say what it is."""
    samples(loop, metrics)
    assert ask(loop, metrics.addresses[0])[1] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_scrape_leaves_no_line_in_the_log(loop: Loop, metrics: Metrics) -> None:
    """Every fifteen seconds one would be too many."""
    samples(loop, metrics)
    with capturedLogs() as events:
        ask(loop, metrics.addresses[0])
    assert list(events) == []


def test_taken_address_is_an_error_and_undoes_the_others(metrics: Metrics) -> None:
    """All or none is listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ListenError, match=f"127.0.0.1 tcp port {port}: .*in use"),
            ExitStack() as undo,
        ):
            metrics.open([ANY, Listen("127.0.0.1", port)], undo)
    assert metrics.addresses == []


def test_what_is_kept_stays_and_the_rest_is_closed(loop: Loop, metrics: Metrics) -> None:
    """A reload that changes nothing hangs up nobody."""
    six = Listen("::1", 0)
    with ExitStack() as undo:
        metrics.open([ANY, six], undo)
        undo.pop_all()
    kept, gone = metrics.addresses
    assert gone.startswith("http://[::1]:")
    with ExitStack() as undo:
        metrics.open([ANY], undo)
    metrics.keep([ANY])
    assert metrics.addresses == [kept]
    assert ask(loop, kept)[0] == 200
