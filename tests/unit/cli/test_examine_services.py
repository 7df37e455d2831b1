"""Tests of `radiusmfa.cli.examine_services`, against a web server on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from radiusmfa.cli import examine_services
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config.message_model import Gateway, Smtp
from radiusmfa.config.model import Configuration, Factors
from radiusmfa.config.service_model import Duo, Proxy, Questions, SecurId, Service
from radiusmfa.config.upstream_model import UpstreamFactor, Users
from radiusmfa.secret import Secret
from radiusmfa.service import kinds
from tests.servicenow import Running
from tests.unit.cli.responder import closed_port

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import trustme

    from radiusmfa.cli.findings import Finding
    from radiusmfa.service.dialogue import Request, Tools

_PATIENT: Final = 20.0


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """A web server: what it serves is no matter here."""
    with Running(ca) as made:
        yield made


def _duo(host: str, ca_file: Path | None = None, proxy: Proxy | None = None) -> Service:
    settings = Duo(host=host, integration_key="DI", secret_key=Secret(b"key"))
    return Service(name="duo", settings=settings, ca_file=ca_file, proxy=proxy)


def _says(
    monkeypatch: pytest.MonkeyPatch, *lines: str, offset: float | None = None
) -> list[object]:
    """Have every Duo found to be as *lines* say; return those that were looked at."""
    seen: list[object] = []

    def examination(settings: Duo, tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
        seen.append(settings)
        tools.memory.is_known = offset is not None
        tools.memory.offset = offset or 0.0
        yield from ()
        return lines

    monkeypatch.setitem(kinds.EXAMINATIONS, Duo, examination)
    return seen


def _look(*services: Service) -> list[Finding]:
    return examine_services.examine(services, _PATIENT)


def test_service_that_is_not_there_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens there is one fault, and no second one for the same."""
    seen = _says(monkeypatch)
    (found,) = _look(_duo(f"127.0.0.1:{closed_port()}"))
    assert (found.level, found.cause) == (Level.FAULT, Cause.NOTHING_LISTENS)
    assert found.subject.startswith("service duo 127.0.0.1:")
    assert seen == []


def test_certificate_that_is_not_trusted_is_a_fault(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to whoever cannot prove who they are."""
    seen = _says(monkeypatch)
    (found,) = _look(_duo(urlsplit(running.url).netloc))
    assert found.cause is Cause.UNTRUSTED_CERTIFICATE
    assert seen == []


def test_what_is_wrong_is_told(
    running: Running, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of the examination is a fault of its own, with where to look."""
    _says(monkeypatch, "the secret key is wrong", "the clock is off")
    found = _look(_duo(urlsplit(running.url).netloc, ca_file))
    assert [one.text for one in found[1:]] == ["the secret key is wrong", "the clock is off"]
    assert {one.cause for one in found[1:]} == {Cause.SERVICE_FAULT}
    assert all("services.duo" in one.advice for one in found[1:])
    assert all("docs/services/duo.md" in one.advice for one in found[1:])


def test_every_kind_has_a_page() -> None:
    """Whatever is wrong with a service, the page that the advice names is there."""
    folder = Path(__file__).resolve().parents[3] / "docs" / "services"
    assert {kind.word for kind in kinds.DIALOGUES} == examine_services.PAGES.keys()
    assert all((folder / f"{page}.md").is_file() for page in examine_services.PAGES.values())


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (None, "is as it should be"),
        (-1.5, "is as it should be; its clock is ours"),
        (7.0, "is as it should be; its clock is 7 s ahead of ours"),
        (-70.4, "is as it should be; its clock is 70 s behind ours"),
    ],
)
def test_service_that_is_well_is_told_with_its_clock(
    offset: float | None,
    text: str,
    running: Running,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Certificate, answer, and how its clock goes."""
    _says(monkeypatch, offset=offset)
    door, found = _look(_duo(urlsplit(running.url).netloc, ca_file))
    assert (door.level, found.level) == (Level.OK, Level.OK)
    assert "its certificate is right" in door.text
    assert found.text == text


def test_one_server_of_several_is_enough_to_look_on(
    running: Running, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each server is looked at, and the service is asked where one of them is there."""
    urls = (f"https://127.0.0.1:{closed_port()}", running.url)
    service = Service(
        name="rsa", settings=SecurId(urls=urls, access_key=Secret(b"key")), ca_file=ca_file
    )
    seen = []

    def examination(settings: SecurId, _tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
        seen.append(settings)
        yield from ()
        return ()

    monkeypatch.setitem(kinds.EXAMINATIONS, SecurId, examination)
    found = _look(service)
    assert [one.level for one in found] == [Level.FAULT, Level.OK, Level.OK]
    assert seen == [service.settings]


def test_mail_server_that_is_gone_is_told_as_others_are() -> None:
    """Which host and port, that nothing listens there, and what to do; no second fault for it."""
    port = closed_port()
    mail = Smtp(host="127.0.0.1", port=port, sender="login@example.com")
    (found,) = _look(Service(name="mail", settings=mail))
    assert found.subject == f"service mail 127.0.0.1:{port}"
    assert (found.level, found.cause) == (Level.FAULT, Cause.NOTHING_LISTENS)


def test_proxy_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the way leads through a proxy, that is who has to be there."""
    _says(monkeypatch)
    port = closed_port()
    (found,) = _look(_duo("api.invalid", proxy=Proxy(host="127.0.0.1", port=port)))
    assert found.subject == f"service duo by way of 127.0.0.1:{port}"
    assert found.cause is Cause.NOTHING_LISTENS


def test_ca_file_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was there when the configuration was read may be gone."""
    _says(monkeypatch)
    (found,) = _look(_duo("127.0.0.1:1", tmp_path / "gone.pem"))
    assert (found.level, found.cause) == (Level.FAULT, Cause.NOT_ASKED)


def test_service_without_tls_is_a_note(running: Running) -> None:
    """It is for tests only, and said."""
    port = urlsplit(running.url).port
    service = Service(name="texts", settings=Gateway(url=f"http://127.0.0.1:{port}/send"))
    found = examine_services.doors(service, _PATIENT)
    assert [one.cause for one in found] == [Cause.WELL, Cause.UNPROTECTED]


def test_service_that_asks_nobody_is_well() -> None:
    """Questions are checked here: there is nobody who could be gone."""
    (found,) = _look(Service(name="q", settings=Questions()))
    assert (found.level, found.text) == (Level.OK, "is as it should be")
    assert _look() == []


def test_service_that_has_no_examination_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a kind that nobody can examine nothing is made up."""
    monkeypatch.delitem(kinds.EXAMINATIONS, Questions)
    (found,) = _look(Service(name="q", settings=Questions()))
    assert (found.level, found.text) == (Level.OK, "question: nobody has to be asked")


FACTORS: Final = Factors(
    upstream=(
        UpstreamFactor(name="securid", upstream="rsa"),
        UpstreamFactor(name="duo", upstream="duo", is_service=True),
        UpstreamFactor(name="few", upstream="duo", is_service=True, users=Users.ASSIGNED),
        UpstreamFactor(name="sms", upstream="texts", is_service=True, holds="sms"),
        UpstreamFactor(name="keys", upstream="cloud", is_service=True, holds="yubikey"),
    )
)


def _holders(devices: dict[str, int], assigned: dict[str, int], path: Path) -> list[Finding]:
    config = Configuration(
        path=path, listen=(), store_path=path, keys_path=path, clients=(), factors=FACTORS
    )
    return examine_services.holders(config, devices, assigned)


def test_factor_that_nobody_has_is_a_note(tmp_path: Path) -> None:
    """What could be asked of nobody is told, with how somebody gets it."""
    duo, few, sms, keys = _holders({"totp": 3}, {"rsa": 2}, tmp_path)
    assert duo.level is Level.OK
    assert duo.text == "everybody without a token of ours; no users assigned to service duo"
    assert [(one.level, one.cause) for one in (few, sms)] == [(Level.NOTE, Cause.NOBODY_HAS_IT)] * 2
    assert few.advice == "radiusmfa user upstream USER duo"
    assert sms.advice == "radiusmfa token enroll USER --type sms"
    assert keys.advice == "radiusmfa token enroll USER --type yubikey --remote"


def test_factors_are_told_with_their_people(tmp_path: Path) -> None:
    """How many have a device, and how many are assigned; those of upstreams are told elsewhere."""
    found = _holders({"sms": 1, "yubikey": 2}, {"duo": 7}, tmp_path)
    assert [(one.subject, one.text) for one in found] == [
        ("factor duo", "everybody without a token of ours; 7 users assigned to service duo"),
        ("factor few", "7 users assigned to service duo"),
        ("factor sms", "1 user with a device of kind sms"),
        ("factor keys", "2 users with a device of kind yubikey"),
    ]
    assert {one.level for one in found} == {Level.OK}
