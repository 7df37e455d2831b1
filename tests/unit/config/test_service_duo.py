"""Tests of `radiusmfa.config.service_duo`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from radiusmfa.config import nodes, services
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.config.service_model import Duo, DuoFactor, DuoPrompt
from radiusmfa.secret import Secret

HOST: Final = "host: api-12345678.duosecurity.com"
IKEY: Final = "integration_key: DIXXXXXXXXXXXXXXXXXX"
SKEY: Final = "secret_key: {env: SKEY}"
SMALLEST: Final = f"{HOST}, {IKEY}, {SKEY}"


def _read(text: str) -> tuple[Duo | None, list[str], list[str]]:
    report = nodes.Report()
    whole = f"services: {{it: {{duo: {{{text}}}}}}}"
    top = Fields(nodes.parse(whole.encode(), report), "", report, known=("services",))
    sources = Sources(Path("/"), {"SKEY": 40 * "k", "SHORT": "hunter2"})
    found, warnings = services.read(top, sources, ())
    settings = found[0].settings if found else None
    assert settings is None or isinstance(settings, Duo)
    return settings, warnings, [line.split(": ", 1)[1] for line in report.lines("f")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{IKEY}, {SKEY}", "services.it.duo.host: is missing"),
        (f"{HOST}, {SKEY}", "services.it.duo.integration_key: is missing"),
        (f"{HOST}, {IKEY}", "services.it.duo.secret_key: is missing"),
        (
            f"{HOST}, {IKEY}, secret_key: {{env: SHORT}}",
            "services.it.duo.secret_key: must have 40 characters, as Duo's console shows it",
        ),
        (
            f"{HOST}, integration_key: 12345, {SKEY}",
            "services.it.duo.integration_key: must be DI and 18 more letters and digits",
        ),
        (
            f"{HOST}, integration_key: '', {SKEY}",
            "services.it.duo.integration_key: must be DI and 18 more letters and digits",
        ),
        (f"{SMALLEST}, skey: 1", "services.it.duo.skey: is no setting"),
        (
            f"{SMALLEST}, prompt: always",
            "services.it.duo.prompt: must be auto or menu",
        ),
        (f"{SMALLEST}, enrolment: 5", "services.it.duo.enrolment: must be yes or no"),
        (f"{SMALLEST}, send_address: 5", "services.it.duo.send_address: must be yes or no"),
        (f"{SMALLEST}, factors: []", "services.it.duo.factors: must name at least one"),
        (
            f"{SMALLEST}, factors: [push, fone]",
            "services.it.duo.factors[1]: must be one of auto, push, phone, sms, passcode; did you",
        ),
        (f"{SMALLEST}, factors: [[push]]", "services.it.duo.factors[0]: must be one value"),
    ],
)
def test_wrong_setting_is_refused(text: str, fault: str) -> None:
    """Each fault names its setting."""
    (line,) = _read(text)[2]
    assert line.startswith(fault)


@pytest.mark.parametrize(
    "host",
    [
        *("https://api-1.duosecurity.com", "api", "''", "'a b.c'", "'[::1]'", "api.x.com/"),
        *("'api.x.com:'", "'api.x.com:123456'", "'a@b.c'", "'é.com'", "'-a.com'", "api."),
    ],
)
def test_host_of_another_form_is_refused(host: str) -> None:
    """A name that can be signed."""
    faults = _read(f"host: {host}, {IKEY}, {SKEY}")[2]
    what = "services.it.duo.host: must be HOST or HOST:PORT, as api-1234.duosecurity.com"
    assert faults == [what]


@pytest.mark.parametrize("port", ["0", "65536"])
def test_port_that_is_none_is_refused(port: str) -> None:
    """1 to 65535."""
    faults = _read(f"host: 'api.x.com:{port}', {IKEY}, {SKEY}")[2]
    assert faults == ["services.it.duo.host: must have a port from 1 to 65535"]


def test_smallest_takes_every_default() -> None:
    """Host and keys are enough."""
    settings, warnings, faults = _read(SMALLEST)
    assert (warnings, faults) == ([], [])
    assert settings == Duo(
        host="api-12345678.duosecurity.com",
        integration_key="DIXXXXXXXXXXXXXXXXXX",
        secret_key=Secret(40 * b"k"),
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("API-12345678.duofederal.COM", "api-12345678.duofederal.com"),
        ("'api.x.com:443'", "api.x.com"),
        ("'127.0.0.1:8443'", "127.0.0.1:8443"),
    ],
)
def test_host_is_taken(host: str, expected: str) -> None:
    """Any domain, small letters, with a port if it is another."""
    settings, _, faults = _read(f"host: {host}, {IKEY}, {SKEY}")
    assert faults == []
    assert settings is not None
    assert settings.host == expected


def test_settings_are_taken() -> None:
    """One word, or a list in order; none twice."""
    settings, _, faults = _read(
        f"{SMALLEST}, factors: [push, sms, push], prompt: menu, enrolment: no, send_address: no"
    )
    assert faults == []
    assert settings is not None
    assert settings.factors == (DuoFactor.PUSH, DuoFactor.SMS)
    assert settings.prompt is DuoPrompt.MENU
    assert not settings.enrolment
    assert not settings.send_address
    one = _read(f"{SMALLEST}, factors: phone")[0]
    assert one is not None
    assert one.factors == (DuoFactor.PHONE,)
