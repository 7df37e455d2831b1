"""Tests of `radiusmfa.config.service_securid`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from radiusmfa.config import nodes, services
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.config.service_model import SecurId, Service
from radiusmfa.config.service_securid import METHODS
from radiusmfa.secret import Secret

URL: Final = "https://am1.example.com:5555"
SMALLEST: Final = f"urls: ['{URL}'], access_key: {{env: IT}}"
KEY: Final = Secret(b"key")


def _read(settings: str) -> tuple[tuple[Service, ...], list[str], list[str]]:
    report = nodes.Report()
    text = f"services: {{rsa: {{securid: {settings}}}}}"
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("services",))
    found, warnings = services.read(top, Sources(Path("/"), {"IT": "key"}), ())
    return found, warnings, report.lines("f")


def _settings(more: str) -> SecurId:
    (found,), warnings, faults = _read(f"{{{SMALLEST}, {more}}}")
    assert (faults, warnings) == ([], [])
    assert isinstance(found.settings, SecurId)
    return found.settings


def _faults(settings: str) -> list[str]:
    return [line.split(": ", 1)[1] for line in _read(settings)[2]]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("{access_key: {env: IT}}", "services.rsa.securid.urls: is missing"),
        (f"{{urls: ['{URL}']}}", "services.rsa.securid.access_key: is missing"),
        ("{urls: [], access_key: {env: IT}}", "services.rsa.securid.urls: must name at least one"),
        (
            f"{{urls: ['{URL}', '{URL}/'], access_key: {{env: IT}}}}",
            "services.rsa.securid.urls[1]: is there twice",
        ),
        (
            "{urls: ['http://am.example.com'], access_key: {env: IT}}",
            "services.rsa.securid.urls[0]: must begin with https: whoever sits on the path",
        ),
        (f"{{{SMALLEST}, key: x}}", "services.rsa.securid.key: is no setting"),
    ],
)
def test_what_must_be_there_is_demanded(settings: str, fault: str) -> None:
    """Servers and a key; nobody asks without TLS."""
    (found,) = _faults(settings)
    assert found.startswith(fault)


def test_too_many_servers_are_refused() -> None:
    """Sixteen are more than anybody has."""
    urls = [f"https://am{at}.example.com" for at in range(17)]
    (fault,) = _faults(f"{{urls: {urls}, access_key: {{env: IT}}}}")
    assert fault == "services.rsa.securid.urls: must name at most 16"


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("access_id: 'a b'", "access_id: must be 1 to 255 printable ASCII characters"),
        ("access_id: me, date_header: 'a b'", "date_header: must be the name of a header"),
        ("date_header: X-Date", "date_header: has a meaning with access_id only"),
        ("id_header: X-Id", "id_header: has a meaning with access_id only"),
        ("signature_header: X-S", "signature_header: has a meaning with access_id only"),
        ("agent: ''", "agent: must have 1 to 255 octets"),
        (f"policy: {256 * 'x'}", "policy: must have 0 to 255 octets"),
        ("methods: SECURID", "methods: must be a list"),
        ("methods: [SECURID, SECURID]", "methods[1]: is there twice"),
        ("methods: [QRCODE]", "methods[0]: must be one of SECURID, TOKEN, "),
        ("methods: [approve]", "methods[0]: must be one of SECURID, TOKEN, "),
        ("methods: [[]]", "methods[0]: must be one value"),
    ],
)
def test_value_of_another_form_is_refused(setting: str, fault: str) -> None:
    """Each fault names its setting."""
    (found,) = _faults(f"{{{SMALLEST}, {setting}}}")
    assert found.startswith(f"services.rsa.securid.{fault}")


def test_method_that_is_nearly_right_is_suggested() -> None:
    """RSA writes them in capitals."""
    assert _faults(f"{{{SMALLEST}, methods: [approve]}}")[0].endswith("; did you mean APPROVE?")


def test_smallest_service_has_the_defaults() -> None:
    """A server and a key are enough."""
    (found,), _, faults = _read(f"{{{SMALLEST}}}")
    assert faults == []
    assert found == Service(name="rsa", settings=SecurId(urls=(URL,), access_key=KEY))


def test_every_setting_is_read() -> None:
    """As it is written; the methods in their order."""
    methods = tuple(reversed(METHODS))
    found = _settings(
        "access_id: me, date_header: X-Date, id_header: X-Id, signature_header: X-S,"
        f" agent: vpn.example.com, policy: Low, methods: [{', '.join(methods)}]"
    )
    assert found == SecurId(
        urls=(URL,),
        access_key=KEY,
        access_id="me",
        date_header="X-Date",
        id_header="X-Id",
        signature_header="X-S",
        agent="vpn.example.com",
        policy="Low",
        methods=methods,
    )
    assert _settings("methods: []").methods == ()


def test_server_without_tls_is_for_tests() -> None:
    """On this machine itself, and loudly."""
    _, warnings, faults = _read("{urls: ['http://127.0.0.1:5555'], access_key: {env: IT}}")
    assert faults == []
    assert "not protected" in warnings[0]
