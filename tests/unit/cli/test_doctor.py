"""Tests of `radiusmfa.cli.doctor`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests import servicenow
from tests.servicenow import Running
from tests.unit.cli.responder import SECRET, Responder, answer, by_code, closed_port, other_secret
from tests.unit.primary.conftest import server_context
from tests.unit.primary.responder import Responder as LdapResponder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from tests.unit.cli.office import Office

GOOD: Final = {"status": answer(numbers.ACCESS_ACCEPT), "login": answer(numbers.ACCESS_REJECT)}


def _configure(office: Office, **upstreams: list[int]) -> None:
    """Write a configuration with upstreams, by name and the ports of their servers."""
    office.file("upstream-secret", SECRET)
    section = {
        name: {
            "servers": [
                {"host": "127.0.0.1", "port": port, "secret": {"file": "upstream-secret"}}
                for port in ports
            ]
        }
        for name, ports in upstreams.items()
    }
    text = office.config.read_text()
    office.config.write_text(f"{text}upstreams: {json.dumps(section)}\n")


@pytest.fixture
def good() -> Iterator[Responder]:
    """A server without a fault."""
    with Responder(by_code(**GOOD)) as responder:
        yield responder


def test_unusable_configuration_is_code_3(office: Office) -> None:
    """Without a configuration nothing can be tested; its faults are shown as `check` does."""
    office.config.write_text("x: 1\n")
    ran = office.run("doctor")
    assert (ran.code, ran.out) == (3, "")
    assert "x: is no setting" in ran.err
    ran = office.run("doctor", "--json")
    assert ran.code == 3
    assert ran.json["well"] is False
    assert any("x: is no setting" in fault for fault in ran.json["faults"])


def test_unknown_upstream_is_wrong_usage(office: Office) -> None:
    """An upstream that the configuration does not name is refused."""
    assert "no upstream 'rsa'" in office.refused(2, "doctor", "--upstream", "rsa")


def test_faults_are_shown_with_what_to_do(office: Office, good: Responder) -> None:
    """Exit code 1; each fault with its advice; what is well is shown, too."""
    with Responder(by_code(status=other_secret, login=other_secret)) as bad:
        _configure(office, rsa=[good.port, bad.port, closed_port()])
        ran = office.run("doctor", "--timeout", "0.4")
        assert ran.code == 1
    assert f"ok     upstream rsa 127.0.0.1:{good.port}: Status-Server answered" in ran.out
    assert f"fault  upstream rsa 127.0.0.1:{bad.port}: answers, but its secret differs" in ran.out
    assert "-> write the same secret on both sides" in ran.out
    assert "nothing listens on that port" in ran.out
    assert ran.out.endswith("\n2 faults.\n")
    assert SECRET.decode() not in ran.out


def test_unusable_store_does_not_end_the_tests(office: Office, good: Responder) -> None:
    """Upstreams are tested also where the store cannot be opened."""
    _configure(office, rsa=[good.port])
    (office.folder / "keys").unlink()
    ran = office.run("doctor", "--json")
    assert ran.code == 1
    causes = [one["cause"] for one in ran.json["findings"]]
    assert causes == ["well", "warning", "unusable-store", "well", "well"]


def test_one_fault_is_one(office: Office) -> None:
    """English has a singular."""
    _configure(office, rsa=[closed_port()])
    assert office.run("doctor").out.endswith("\n1 fault.\n")


def test_all_well_is_code_0(office: Office, good: Responder) -> None:
    """Nothing wrong: exit code 0 and a last line that says so; a stopped server is a note."""
    _configure(office, rsa=[good.port])
    text = office.config.read_text()
    office.config.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{closed_port()}"))
    ran = office.done("doctor")
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"ok     {office.config}: can be used; 1 client, 1 upstream")
    assert lines[1].startswith(f"note   {office.config}: passwords.memory_kib is 1024")
    assert lines[2].startswith(f"ok     {office.folder / 'it.db'}: opens with ")
    assert "the server does not run" in lines[3]
    assert lines[-1] == "All is well."
    assert ran.err == ""


def test_json_names_causes_and_times(office: Office, good: Responder) -> None:
    """With --json each finding has a cause that scripts may rely on."""
    _configure(office, rsa=[good.port])
    found = office.done("doctor", "--upstream", "rsa", "--json").json
    assert found["well"] is True
    assert [one["level"] for one in found["findings"]] == ["ok", "ok"]
    assert all(one["milliseconds"] >= 0 for one in found["findings"])


def test_one_upstream_can_be_tested_alone(office: Office, good: Responder) -> None:
    """With --upstream only its servers are looked at, in the order of the file."""
    _configure(office, rsa=[good.port], vip=[closed_port()])
    ran = office.done("doctor", "--upstream", "rsa")
    assert "vip" not in ran.out
    assert "it.db" not in ran.out


def test_dead_servers_are_waited_for_together(office: Office) -> None:
    """Ten silent servers take as long as one."""
    quiet = [Responder(by_code()) for _ in range(10)]
    _configure(office, rsa=[one.port for one in quiet])
    start = time.monotonic()
    ran = office.run("doctor", "--upstream", "rsa", "--timeout", "1")
    took = time.monotonic() - start
    for one in quiet:
        one.stop()
    assert ran.out.endswith("\n10 faults.\n")
    assert took < 10


def test_progress_is_shown_on_a_terminal(office: Office, good: Responder) -> None:
    """On a terminal a line says how far it is."""
    _configure(office, rsa=[good.port])
    ran = office.run("doctor", "--upstream", "rsa", terminal=True)
    assert "tested 1 of 1" in ran.err


# -- directories and approvals --


def _outside(office: Office, ca_file: Path, directory: int, approval: str) -> None:
    """Have a directory with a server at a port, and approvals: of a service at a URL, and ours."""
    office.file("service-password", "service-password")
    office.file("servicenow-password", servicenow.PASSWORD)
    ldap = {
        "servers": [f"ldap://127.0.0.1:{directory}", "ldap://127.0.0.9:1"],
        "base": "dc=corp,dc=example",
        "ca_file": str(ca_file),
        "bind_dn": "cn=radiusmfa,dc=corp,dc=example",
        "bind_password": {"file": "service-password"},
    }
    service = {
        "url": approval,
        "user": servicenow.ACCOUNT,
        "password": {"file": "servicenow-password"},
        "ca_file": str(ca_file),
    }
    text = office.config.read_text()
    primaries = json.dumps({"corp": {"ldap": ldap}})
    approvals = json.dumps({"root": {}, "change": {"servicenow": service}})
    office.config.write_text(f"{text}primaries: {primaries}\napprovals: {approvals}\n")


@pytest.fixture
def outside(office: Office, ca: trustme.CA, ca_file: Path) -> Iterator[Running]:
    """A site whose directory knows nobody, and whose service of approvals is well."""
    with (
        LdapResponder(server_context(ca, "127.0.0.1")) as directory,
        Running(ca) as service,
    ):
        directory.rules["searchRequest"] = lambda request: [request.result()]
        service.simulator.person(servicenow.ACCOUNT)
        service.simulator.change(service.simulator.person("alice"), time.time())
        _outside(office, ca_file, directory.port, service.url)
        yield service


@pytest.mark.parametrize("kind", ["directory", "approval"])
def test_unknown_name_is_wrong_usage(office: Office, outside: Running, kind: str) -> None:
    """What the configuration does not name cannot be tested; what may be meant is said."""
    del outside
    meant = {"directory": "corp", "approval": "change"}[kind]
    line = office.refused(2, "doctor", f"--{kind}", meant[:-1])
    assert f"did you mean {meant}?" in line


def test_approval_of_the_store_is_asked_of_nobody(office: Office, outside: Running) -> None:
    """What is granted here has no service that could be tested."""
    del outside
    assert "no approval of a service 'root'" in office.refused(2, "doctor", "--approval", "root")


def test_directories_and_approvals_are_tested(office: Office, outside: Running) -> None:
    """Every server of a directory and every service is asked with the rest, a dead one, too."""
    ran = office.run("doctor", "--json")
    assert ran.code == 1
    levels: dict[str, list[str]] = {}
    for one in ran.json["findings"]:
        levels.setdefault(" ".join(one["subject"].split()[:2]), []).append(one["level"])
    assert levels["directory corp"] == ["ok", "ok", "ok", "ok", "note", "fault"]
    assert levels["approval change"] == ["ok", "ok", "ok"]
    for secret in ("service-password", servicenow.PASSWORD):
        assert secret not in ran.out
    assert len(outside.simulator.asked) == 2


@pytest.mark.parametrize(
    ("words", "subjects"),
    [
        pytest.param(("--directory", "corp"), {"directory"}, id="directory"),
        pytest.param(("--approval", "change"), {"approval"}, id="approval"),
        pytest.param(
            ("--approval", "change", "--directory", "corp"), {"approval", "directory"}, id="both"
        ),
    ],
)
def test_one_of_them_can_be_tested_alone(
    office: Office, outside: Running, words: tuple[str, ...], subjects: set[str]
) -> None:
    """Nothing is looked at but what is named."""
    del outside
    found = office.run("doctor", *words, "--json").json["findings"]
    assert {one["subject"].split()[0] for one in found} == subjects
