"""Tests of `radiusmfa.cli.import_authproxy`."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme

from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from radiusmfa.config import read
from radiusmfa.config.model import Mode
from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.config.model import Configuration

FOLDER: Final = Path(__file__).resolve().parents[2] / "authproxy"
REFUSED: Final = ("faulty", "hopeless")
CARRIED: Final = sorted(path.stem for path in FOLDER.glob("*.cfg") if path.stem not in REFUSED)


@pytest.fixture(autouse=True)
def fixture_umask() -> Iterator[None]:
    """Let everybody read new files: what is secret must not depend on the umask."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a copy of every file of a proxy, and certificates beside them."""
    for path in FOLDER.glob("*.cfg"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    pem = trustme.CA().cert_pem.bytes()
    key = trustme.CA().issue_cert("dc1.corp.example").private_key_pem.bytes()
    (tmp_path / "corp-ca.pem").write_bytes(b"Bag Attributes: none\n" + pem + key)
    return tmp_path


def _run(place: Path, name: str, *more: str) -> int:
    into = ("--into", str(place / "etc"))
    return main(["import-authproxy", str(place / f"{name}.cfg"), *into, *more])


def _made(place: Path, name: str) -> Configuration:
    assert _run(place, name) == exits.DONE
    return read.load(place / "etc" / "radiusmfa.yaml")


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def _secrets(name: str) -> set[str]:
    text = (FOLDER / f"{name}.cfg").read_text("utf-8-sig").replace(":", "=")
    words = ("skey", "secret", "password")
    found = {
        line.partition("=")[2].strip()
        for line in text.splitlines()
        if any(word in line.partition("=")[0].lower() for word in words)
    }
    return {one for one in found if len(one) > 8}


@pytest.mark.parametrize("name", REFUSED)
def test_file_that_cannot_be_carried_over_leaves_nothing(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every reason is a line, and nothing is made."""
    before = _tree(place)
    assert _run(place, name) == exits.INPUT
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert all(line.startswith(f"radiusmfa: {place / name}.cfg: ") for line in lines)
    assert not [one for one in _secrets(name) if one in "".join(lines)]
    assert _tree(place) == before


def test_file_that_is_not_there_is_one_line(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The system's reason, and the name of the file."""
    assert _run(place, "gone") == exits.SYSTEM
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"radiusmfa: {place / 'gone.cfg'}: No such file or directory"
    assert not (place / "etc").exists()


def test_nothing_is_ever_overwritten(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with anything in it stays as it is, to the octet."""
    (place / "etc").mkdir()
    (place / "etc" / "radiusmfa.yaml").write_text("precious", encoding="utf-8")
    before = _tree(place)
    assert _run(place, "ad-auto") == exits.NO
    assert "is there already and not empty; nothing was changed" in capsys.readouterr().err
    assert _tree(place) == before


@pytest.mark.parametrize("name", CARRIED)
def test_result_can_be_used(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`check` has no fault to find in what was written, and the store opens with its keys."""
    config = _made(place, name)
    assert main(["-c", str(config.path), "check"]) == exits.DONE
    assert "can be used" in capsys.readouterr().out
    database.connect(config.store_path, Vault.read(config.keys_path)).close()


@pytest.mark.parametrize("name", CARRIED)
def test_secrets_are_for_their_owner_alone(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No secret is in the configuration or on the screen; nobody else can read its file."""
    config = _made(place, name)
    out, err = capsys.readouterr()
    folder = config.path.parent
    text = config.path.read_text(encoding="utf-8")
    files = [*(folder / "secrets").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    known = _secrets(name) | {path.read_text(encoding="utf-8").strip() for path in files}
    assert not [one for one in known if one in text + out + err]


def test_gateway_with_active_directory(place: Path) -> None:
    """The commonest file: Active Directory, then a push."""
    config = _made(place, "ad-auto")
    first, second = config.clients
    assert (first.mode, first.primary, first.factors) == (Mode.AUTO, "ad", ("duo",))
    assert (first.delimiter, first.time_budget, first.trust_address) == (",", 60, True)
    assert [str(network) for network in second.networks] == ["192.0.2.16/29"]
    assert first.secret.reveal() == b"a long secret of the first gateway"
    (directory,) = config.directories
    assert [one.host for one in directory.servers] == ["dc1.corp.example", "dc2.corp.example"]
    assert "(memberOf=CN=VPN Users \\28remote\\29,OU=Groups" in directory.user_filter
    assert directory.bind_password is not None
    assert directory.bind_password.reveal() == b"Sp;eak # friend"
    assert not [warning for warning in config.warnings if "failmode" in warning]
    assert [one.open_until for one in config.services] == [None]


def test_only_certificates_come_along(place: Path) -> None:
    """A private key in the same file is left where it is."""
    config = _made(place, "ad-auto")
    (directory,) = config.directories
    assert directory.ca_file == place / "etc" / "certificates" / "ad.pem"
    text = directory.ca_file.read_text(encoding="ascii")
    assert re.findall("-----BEGIN ([A-Z ]+)-----", text) == ["CERTIFICATE"]


def test_certificates_are_found_as_the_proxy_has_them(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the file's own folder, also where the path is that of another machine."""
    file = place / "windows.cfg"
    (place / "ca.pem").write_bytes((place / "corp-ca.pem").read_bytes())
    assert _made(place, "windows").directories[0].ca_file is not None
    (place / "etc").rename(place / "before")
    (place / "ca.pem").write_text("no certificate", encoding="utf-8")
    assert _made(place, "windows").directories[0].ca_file is None
    assert "copy it to certificates/ad.pem" in capsys.readouterr().out
    assert file.exists()


def test_menu_behind_a_gateway_of_a_radius_primary(place: Path) -> None:
    """NPS checks the password, a menu follows."""
    config = _made(place, "radius-challenge")
    (client,) = config.clients
    assert (client.mode, client.primary) == (Mode.CHALLENGE, "radius")
    assert client.address == ("PaloAlto-Client-Source-IP",)
    (upstream,) = config.upstreams
    assert [(one.host, one.port) for one in upstream.servers] == [
        ("192.0.2.30", 1812),
        ("nps2.corp.example", 1645),
    ]
    assert upstream.take.names == (("Class", "Class"), ("Filter-Id", "Filter-Id"))
    (service,) = config.services
    assert (service.timeout, service.name) == (20, "duo")
    assert service.proxy is not None
    assert (service.proxy.host, service.proxy.port) == ("proxy.corp.example", 3128)


def test_password_and_passcode_in_one(place: Path) -> None:
    """Concatenation with a delimiter, on an address and a port of its own."""
    config = _made(place, "concat")
    (client,) = config.clients
    assert (client.mode, client.delimiter, client.weak_secret) == (Mode.APPEND, "::", True)
    assert [(at.host, at.port) for at in config.listen] == [("192.0.2.5", 18120)]


def test_passcode_alone(place: Path) -> None:
    """Nobody checks a password where nobody did."""
    config = _made(place, "duo-only")
    (client,) = config.clients
    assert (client.mode, client.primary) == (Mode.STEP_UP, "none")
    assert config.policies is None


def test_several_servers_are_one(place: Path) -> None:
    """Each section has its own clients, and exempt people are so at their own clients."""
    config = _made(place, "several")
    assert [(one.name, one.primary, one.factors) for one in config.clients] == [
        ("auto-1", "ad", ("duo",)),
        ("auto2-1", "ad2", ("duo",)),
        ("challenge-1", "radius", ("duo-challenge",)),
        ("challenge2-1", "radius-challenge2", ("duo2",)),
    ]
    assert [at.port for at in config.listen] == [1812, 1813, 1814, 1815]
    assert config.policies is not None
    exempt, everybody = config.policies
    assert (exempt.when.clients, exempt.when.users) == (("auto-1",), ("backup", "corp\\printer"))
    assert exempt.skips_factor
    assert everybody.when.clients == ()
    assert not everybody.skips_factor
    assert any("exempt-auto: factors is skip" in warning for warning in config.warnings)


def test_protected_secrets_are_the_first_thing_to_do(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only the old machine can open is replaced by chance, and has to be put there."""
    first = _made(place, "protected")
    text = capsys.readouterr().out
    assert text.index("Before anybody gets in:") < text.index("Not quite the same:")
    for name in ("ad", "radius", "auto-1"):
        assert f"write it into secrets/{name}," in text
    assert "secrets/duo," not in text  # another section tells it
    (directory,) = first.directories
    assert directory.bind_dn == "radiusmfa-has-no-password-yet@corp.example"
    (place / "etc").rename(place / "before")
    second = _made(place, "protected")
    assert first.clients[0].secret != second.clients[0].secret
    assert first.clients[1].secret == second.clients[1].secret


def test_report_says_where_and_what_instead(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line has the section and its line in the file, and below it what to do."""
    _made(place, "several")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        f"Made {place / 'etc'} out of {place / 'several.cfg'}:"
        " 4 clients, 3 Duo services, 2 directories, 2 upstreams, 10 secrets."
    )
    at = next(at for at, line in enumerate(lines) if "[ldap_server_auto]" in line)
    assert lines[at].startswith("  line 82 [ldap_server_auto]: ")
    assert lines[at + 1].startswith("    -> ")
    assert any(line.startswith("2. ") and line.endswith("radiusmfa.yaml doctor") for line in lines)


def _json(place: Path, name: str, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - JSON
    assert _run(place, name, "--json") == exits.DONE
    return json.loads(capsys.readouterr().out)


def test_json_has_all_of_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was made, what is made up, and every remark, for a script."""
    told = _json(place, "protected", capsys)
    assert told["configuration"] == str(place / "etc" / "radiusmfa.yaml")
    made_up = {Path(one["file"]).name: one["made_up"] for one in told["secrets"]}
    assert made_up == {"duo": False, "ad": True, "radius": True, "auto-1": True, "auto2-1": False}
    assert told["clients"] == ["auto-1", "auto2-1"]
    assert told["primaries"] == ["ad", "radius"]
    assert {one["kind"] for one in told["remarks"]} == {"to-do", "different"}
    assert set(told["remarks"][0]) == {"kind", "section", "line", "setting", "text", "instead"}


def test_place_is_that_of_the_configuration(place: Path) -> None:
    """Without --into the folder is that of -c; a store may lie elsewhere."""
    config, store = place / "new" / "radiusmfa.yaml", place / "var" / "it.db"
    words = ["import-authproxy", str(place / "duo-only.cfg"), "--store", str(store)]
    assert main(["-c", str(config), *words]) == exits.DONE
    assert read.load(config).store_path == store
    assert store.exists()
