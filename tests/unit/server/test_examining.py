"""Tests of `radiusmfa.server.examining`, with a web server on loopback."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from radiusmfa.config.service_model import Duo, Questions, Service
from radiusmfa.secret import Secret
from radiusmfa.server import examining
from radiusmfa.service import kinds
from radiusmfa.service.dialogue import CheckHash, Lost, Pause, Query, Reply, done, exchange
from tests.servicenow import Mood, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    import trustme

    from radiusmfa.service.dialogue import Request, Tools

_PATIENT: Final = 20.0
_QUICK: Final = 0.3
_KEY: Final = "what nobody may see"


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """A web server: what it serves is no matter here."""
    with Running(ca) as made:
        yield made


def _service(running: Running, ca_file: Path | None, name: str = "duo") -> Service:
    host = urlsplit(running.url).netloc
    settings = Duo(host=host, integration_key="DI", secret_key=Secret(_KEY.encode()))
    return Service(name=name, settings=settings, ca_file=ca_file)


def _ask(settings: Duo, tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Ask one question, and learn what the clock there says."""
    del settings
    answer = yield from exchange(Query(method="GET", path="/", seconds=_PATIENT))
    if isinstance(answer, Lost):
        return (answer.why,)
    assert isinstance(answer, Reply)
    tools.memory.offset, tools.memory.is_known = 3.0, True
    return ()


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Return what sets the examination of Duo."""

    def put(examination: Any) -> None:  # noqa: ANN401 - a generator of the test's own
        monkeypatch.setitem(kinds.EXAMINATIONS, Duo, examination)

    put(_ask)
    return put


@pytest.mark.usefixtures("examined")
def test_service_that_is_not_trusted_is_wrong(running: Running) -> None:
    """Its certificate is verified, as in a login."""
    told = examining.examine([_service(running, None)], _PATIENT)["duo"]
    assert told.wrong == ("its certificate is not trusted, not of this host, or TLS failed",)
    assert told.offset is None


@pytest.mark.usefixtures("examined")
def test_service_that_says_nothing_is_wrong_in_time(running: Running, ca_file: Path) -> None:
    """Silence ends with the time that it may take, and the command goes on."""
    running.simulator.mood = Mood.SILENT
    told = examining.examine([_service(running, ca_file)], _QUICK)["duo"]
    assert told.wrong == ("has not answered within 0 s",)


def test_examination_that_never_ends_is_given_up(
    running: Running, ca_file: Path, examined: Callable[[Any], None]
) -> None:
    """A fault of ours keeps nobody waiting."""

    def never(_settings: Duo, _tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
        while True:
            yield Pause(0.01)

    examined(never)
    told = examining.examine([_service(running, ca_file)], _QUICK)["duo"]
    assert told.wrong == ("it was not found out within 0 s what is wrong",)


def test_examination_that_breaks_tells_no_secret(
    running: Running, ca_file: Path, examined: Callable[[Any], None]
) -> None:
    """The text of an exception may hold anything: its kind is told."""

    def broken(settings: Duo, _tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
        yield Pause(0.0)
        raise ValueError(settings.secret_key.reveal().decode())

    examined(broken)
    told = examining.examine([_service(running, ca_file)], _PATIENT)["duo"]
    assert told.wrong == ("it cannot be examined: ValueError",)


@pytest.mark.usefixtures("examined")
def test_service_that_answers_is_well(running: Running, ca_file: Path) -> None:
    """Nothing is wrong, and its clock is known."""
    told = examining.examine([_service(running, ca_file)], _PATIENT)["duo"]
    assert (told.wrong, told.offset) == ((), 3.0)
    assert 0 < told.seconds < _PATIENT


@pytest.mark.usefixtures("examined")
def test_services_are_looked_at_together(running: Running, ca_file: Path) -> None:
    """One that is silent does not delay the others, whatever thread it is."""
    names = ("a", "b", "c")
    found: list[dict[str, examining.Examined]] = []

    def look() -> None:
        services = [_service(running, ca_file, name) for name in names]
        found.append(examining.examine(services, _PATIENT))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENT)
    assert [sorted(one) for one in found] == [list(names)] * 3
    assert all(not told.wrong for one in found for told in one.values())


def test_no_hash_is_right_here(
    running: Running, ca_file: Path, examined: Callable[[Any], None]
) -> None:
    """Whatever an examination asks for, nothing of a person is proved by it."""

    def check(_settings: Duo, _tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
        told = yield from done(CheckHash(stored="", typed=b""))
        return (str(told.is_right),)

    examined(check)
    assert examining.examine([_service(running, ca_file)], _PATIENT)["duo"].wrong == ("False",)


def test_nothing_is_asked_of_nobody() -> None:
    """Without services no time passes; what has no examination is known to have none."""
    began = time.monotonic()
    assert examining.examine([], _PATIENT) == {}
    assert time.monotonic() - began < _PATIENT
    assert not examining.can_be_examined(Service(name="q", settings=_Unknown()))


class _Unknown(Questions):
    """A kind that nobody examines."""
