"""Tests of `radiusmfa.config.service_yubico`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config import nodes, service_yubico
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.config.service_model import Yubico
from radiusmfa.secret import Secret
from tests.yubico import CLIENT_SECRET

if TYPE_CHECKING:
    from pathlib import Path

NEEDED: Final = "client_id: 87, secret: {file: secret}"


def _read(text: str, folder: Path) -> tuple[Yubico, list[str], list[str]]:
    (folder / "secret").write_bytes(base64.b64encode(CLIENT_SECRET) + b"\n")
    (folder / "odd").write_text("no base64!")
    (folder / "empty").write_text("====")
    for name in ("secret", "odd", "empty"):
        (folder / name).chmod(0o600)
    report, warnings = nodes.Report(), list[str]()
    fields = Fields(nodes.parse(text.encode(), report), "services.keys", report, known=("yubico",))
    found = service_yubico.read(fields, Sources(folder, {}), warnings)
    return found, report.lines("f"), warnings


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("secret: {file: secret}", "client_id: is missing"),
        ("client_id: 0, secret: {file: secret}", "client_id: must be a whole number from 1"),
        ("client_id: '87', secret: {file: secret}", "client_id: must be a whole number from 1"),
        ("client_id: 87, secret: {file: odd}", "secret: must be base64"),
        ("client_id: 87, secret: {file: empty}", "secret: must be base64"),
        ("client_id: 87, secret: {file: gone}", "No such file"),
        ("client_id: 87, secret: plain", "secret: must hold settings"),
        (f"{NEEDED}, sync: 0", "sync: must be 1 to 100 (per cent), fast or secure"),
        (f"{NEEDED}, sync: 101", "sync: must be 1 to 100 (per cent), fast or secure"),
        (f"{NEEDED}, sync: slow", "sync: must be 1 to 100 (per cent), fast or secure"),
        (f"{NEEDED}, urls: []", "urls: must name 1 to 10 servers"),
        (f"{NEEDED}, urls: https://a", "urls: must be a list"),
        (f"{NEEDED}, urls: {[f'https://a{at}' for at in range(11)]}", "urls: must name 1 to 10"),
        (f"{NEEDED}, urls: [https://a, https://a/]", "urls[1]: https://a/wsapi/2.0/verify stands"),
        (f"{NEEDED}, urls: ['http://a.example.com']", "urls[0]: must begin with https"),
        (f"{NEEDED}, urls: ['https://a/?id=1']", "urls[0]: must be https://HOST"),
        (f"{NEEDED}, url: https://a", "url: is no setting; did you mean urls?"),
    ],
)
def test_faults_are_told_with_their_place(settings: str, fault: str, tmp_path: Path) -> None:
    """Line, column, path and what is wrong; never the secret."""
    _, faults, _ = _read(f"{{yubico: {{{settings}}}}}", tmp_path)
    assert any(line.startswith("f:1:") and fault in line for line in faults), faults
    assert "no base64!" not in "".join(faults)


def test_defaults_are_yubicloud(tmp_path: Path) -> None:
    """Only the client has to be named; its secret is decoded."""
    found, faults, warnings = _read(f"{{yubico: {{{NEEDED}}}}}", tmp_path)
    assert found == Yubico(client_id=87, secret=Secret(CLIENT_SECRET))
    assert found.urls == ("https://api.yubico.com/wsapi/2.0/verify",)
    assert not faults + warnings


def test_servers_of_ones_own(tmp_path: Path) -> None:
    """A path of one's own stays; where there is none it is the protocol's."""
    urls = "['https://a:8443', 'https://b/val/verify', 'http://127.0.0.1:8080/']"
    found, faults, warnings = _read(
        f"{{yubico: {{{NEEDED}, sync: secure, urls: {urls}}}}}", tmp_path
    )
    assert not faults
    assert found.sync == "secure"
    assert found.urls == (
        "https://a:8443/wsapi/2.0/verify",
        "https://b/val/verify",
        "http://127.0.0.1:8080/wsapi/2.0/verify",
    )
    assert warnings == ["services.keys.yubico.urls[2] is not protected: for tests only"]


@pytest.mark.parametrize("sync", ["1", "75", "100", "fast", "secure"])
def test_levels_of_agreement(sync: str, tmp_path: Path) -> None:
    """Per cent, or the server's own words for it."""
    found, faults, _ = _read(f"{{yubico: {{{NEEDED}, sync: {sync}}}}}", tmp_path)
    assert (found.sync, faults) == (sync, [])


def test_without_a_secret_is_loud(tmp_path: Path) -> None:
    """Then only TLS says who answers."""
    found, faults, (warning,) = _read("{yubico: {client_id: 87}}", tmp_path)
    assert (len(found.secret), faults) == (0, [])
    assert warning.startswith("services.keys.yubico.secret is missing")
