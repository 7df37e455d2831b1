"""Tests of `radiusmfa.config.approvals`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import trustme

from radiusmfa.config import approvals, nodes
from radiusmfa.config.approval_model import ApprovalSource, ServiceNow, Table, UserField
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.secret import Secret

URL: Final = "https://example.service-now.com"
SMALLEST: Final = f"url: '{URL}', user: radiusmfa, password: {{env: IT}}"
ITEM: Final = "0123456789abcdef0123456789abcdef"
TABLE: Final = f"table: sc_req_item, item: {ITEM}"


def _all(
    text: str, folder: Path = Path("/")
) -> tuple[tuple[ApprovalSource, ...], list[str], list[str]]:
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("approvals", "x"))
    found, warnings = approvals.read(top, Sources(folder, {"IT": "hunter2"}))
    return found, warnings, report.lines("f")


def _service(settings: str, folder: Path = Path("/")) -> ServiceNow:
    (found,), warnings, faults = _all(
        f"approvals: {{it: {{servicenow: {{{SMALLEST}, {settings}}}}}}}", folder
    )
    assert (faults, warnings) == ([], [])
    assert found.servicenow is not None
    return found.servicenow


def _faults(settings: str, smallest: str = SMALLEST, folder: Path = Path("/")) -> list[str]:
    text = f"approvals: {{it: {{servicenow: {{{smallest}, {settings}}}}}}}"
    return [line.split(": ", 1)[1] for line in _all(text, folder)[2]]


@pytest.mark.parametrize("text", ["x: 1", "approvals:", "approvals: ~", "approvals: {}"])
def test_no_approval_is_no_fault(text: str) -> None:
    """Most installations have none."""
    assert _all(text) == ((), [], [])


@pytest.mark.parametrize("text", ["[]", "aws-root", "[{name: aws-root}]"])
def test_approvals_are_named(text: str) -> None:
    """The section names its approvals; a list of them has no names."""
    fault = "f:1:12: approvals: must name approvals, as {aws-root: {}}"
    assert _all(f"approvals: {text}") == ((), [], [fault])


@pytest.mark.parametrize("name", ["'a b'", "'a/b'", "'ä'", "''", 65 * "a", "'a\\n'"])
def test_name_of_another_form_is_refused(name: str) -> None:
    """Policies, command line and audit name an approval: its name is plain."""
    (line,) = _all(f"approvals: {{{name}: {{}}}}")[2]
    assert line.endswith("must be 1 to 64 letters, digits, dots, dashes or underscores")


@pytest.mark.parametrize("text", ["{}", "", "~"])
def test_smallest_approval_is_one_of_the_store(text: str) -> None:
    """A name is enough."""
    found, warnings, faults = _all(f"approvals:\n  aws-root: {text}\n")
    assert found == (ApprovalSource(name="aws-root"),)
    assert (warnings, faults) == ([], [])


def test_settings_of_the_store_are_taken() -> None:
    """How many persons, and how long."""
    found = _all("approvals: {two: {persons: 2, longest: 8h}}")[0]
    assert found == (ApprovalSource(name="two", persons=2, longest=28_800),)


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("persons: 0", "approvals.it.persons: must be a whole number from 1 to 2"),
        ("persons: 3", "approvals.it.persons: must be a whole number from 1 to 2"),
        ("longest: 59", "approvals.it.longest: must be from 1m to 365d, as 45s, 30m, 8h or 7d"),
        ("longest: 366d", "approvals.it.longest: must be from 1m to 365d, as 45s, 30m, 8h or 7d"),
        (
            "person: 2",
            "approvals.it.person: is no setting; did you mean persons?",
        ),
    ],
)
def test_wrong_setting_of_the_store_is_refused(setting: str, fault: str) -> None:
    """Limits and names of settings are checked."""
    (line,) = _all(f"approvals: {{it: {{{setting}}}}}")[2]
    assert line.split(": ", 1)[1] == fault


def test_smallest_servicenow_takes_every_default() -> None:
    """Address, account and password are enough."""
    (found,), warnings, faults = _all(f"approvals: {{it: {{servicenow: {{{SMALLEST}}}}}}}")
    service = ServiceNow(url=URL, user="radiusmfa", password=Secret(b"hunter2"))
    assert found == ApprovalSource(name="it", servicenow=service)
    assert (warnings, faults) == ([], [])
    assert service.relation == approvals.RELATIONS[Table.CHANGE]
    assert service.states == approvals.STATES[Table.CHANGE]


def test_items_have_defaults_of_their_own() -> None:
    """A table that is named brings the fields and states that it has."""
    service = _service(TABLE)
    assert service.table is Table.ITEM
    assert service.relation == ("request.requested_for",)
    assert service.states == ("1", "2")


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("user_field: email", "user_field", UserField.EMAIL),
        ("relation: [opened_by]", "relation", ("opened_by",)),
        ("relation: [u_a, u_a, change.b.c]", "relation", ("u_a", "change.b.c")),
        ("states: [-1]", "states", ("-1",)),
        ("states: ['10', implement]", "states", ("10", "implement")),
        ("four_eyes: 2", "four_eyes", 2),
        ("grace: 15m", "grace", 900),
        ("timeout: 30", "timeout", 30),
        ("cache: 0", "cache", 0),
        ("client_id: ''", "client_id", ""),
        ("item: ''", "item", ""),
        ("ca_file: ~", "ca_file", None),
    ],
)
def test_setting_is_taken(setting: str, field: str, value: object) -> None:
    """Each setting is what the file says."""
    assert getattr(_service(setting), field) == value


@pytest.mark.parametrize(
    "url",
    [
        "https://example.service-now.com",
        "https://192.0.2.1:8443",
        "https://[2001:db8::1]:8443",
        "https://localhost",
    ],
)
def test_address_is_taken(url: str) -> None:
    """A name or an address, with a port or without; a slash at the end is left out."""
    for written in (url, f"{url}/"):
        (found,), warnings, faults = _all(
            f"approvals: {{it: {{servicenow: {{{SMALLEST.replace(URL, written)}}}}}}}"
        )
        assert found.servicenow is not None
        assert (found.servicenow.url, warnings, faults) == (url, [], [])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.service-now.com",
        "ftp://example.com",
        "HTTPS://example.com",
        "https://",
        "https://example.com/api",
        "https://example.com?x=y",
        "https://me:mine@example.com",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:",
        "https://[::x]",
        "https://[1.2.3.4.5]",
        "https://[127.0.0.1]",
        "https://ex_ample.com",
        "https://-example.com",
        "https://example..com",
        "https://example.com\\n",
        "https://exämple.com",
    ],
)
def test_address_of_another_form_is_refused(url: str) -> None:
    """An address is a scheme, a host and a port, and nothing else: no account, no path."""
    what = "must be https://HOST or https://HOST:PORT, as https://service.example.com"
    smallest = SMALLEST.replace(f"'{URL}'", f'"{url}"')
    assert _faults("cache: 1", smallest) == [f"approvals.it.servicenow.url: {what}"]


@pytest.mark.parametrize("host", ["example.com", "192.0.2.1", "localhost", "[2001:db8::1]"])
def test_plain_http_is_refused(host: str) -> None:
    """Without TLS whoever sits on the path could say yes."""
    (fault,) = _faults("cache: 1", SMALLEST.replace(URL, f"http://{host}"))
    assert "must begin with https" in fault


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.1.2.3", "[::1]:8080"])
def test_plain_http_to_this_machine_is_loud(host: str) -> None:
    """Plain HTTP goes to a loopback address only, and is said at every start."""
    smallest = SMALLEST.replace(URL, f"http://{host}")
    _, warnings, faults = _all(f"approvals: {{it: {{servicenow: {{{smallest}}}}}}}")
    assert faults == []
    assert warnings == ["approvals.it.servicenow.url is not protected: for tests only"]


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("client_id: x", "user: or client_id must be there, and not both"),
        ("item: " + ITEM, "item: has a meaning with table: sc_req_item only"),
        ("table: sc_req_item", "item: is missing: whatever was ordered would count"),
        ("table: sc_req_item, item: ABC", "item: must be a sys_id"),
        ("table: incident", "table: must be change_request or sc_req_item"),
        ("user_field: name", "user_field: must be user_name or email"),
        ("relation: []", "relation: must name at least one"),
        ("relation: assigned_to", "relation: must be a list, as [one, two]"),
        ("relation: ['a^ORb']", "relation[0]: must be a field of the table"),
        ("relation: [Assigned]", "relation[0]: must be a field of the table"),
        ("relation: [a.b.c.d]", "relation[0]: must be a field of the table"),
        ("relation: ['a=b']", "relation[0]: must be a field of the table"),
        ("states: []", "states: must name at least one"),
        ("states: ['1,2']", "states[0]: must be a value of state"),
        ("states: ['1^NQ']", "states[0]: must be a value of state"),
        ("states: [[]]", "states[0]: must be one value"),
        ("four_eyes: 11", "four_eyes: must be a whole number from 0 to 10"),
        ("grace: 25h", "grace: must be from 0s to 1d"),
        ("timeout: 0", "timeout: must be a whole number from 1 to 30"),
        ("timeout: 31", "timeout: must be a whole number from 1 to 30"),
        ("cache: 61", "cache: must be a whole number from 0 to 60"),
        ("ca_file: missing.pem", "ca_file: /missing.pem: cannot be read"),
        ("ca_file: [a]", "ca_file: must be one value"),
        ("colour: red", "colour: is no setting"),
    ],
)
def test_wrong_setting_is_refused(setting: str, fault: str) -> None:
    """What cannot be meant is an error of the file."""
    found = _faults(setting)
    assert any(line.startswith(f"approvals.it.servicenow.{fault}") for line in found), found


@pytest.mark.parametrize(
    ("smallest", "fault"),
    [
        ("user: a, password: {env: IT}", "url: is missing"),
        (f"url: '{URL}', password: {{env: IT}}", "user: or client_id must be there, and not both"),
        (f"url: '{URL}', user: a", "password: is missing"),
        (
            f"url: '{URL}', user: a, password: {{env: NO}}",
            "password: the environment variable NO is not set",
        ),
        (f"url: '{URL}', user: 'a:b', password: {{env: IT}}", "user: must be the name"),
        (f"url: '{URL}', user: 'a^b', password: {{env: IT}}", "user: must be the name"),
        (f"url: '{URL}', client_id: 'a b', password: {{env: IT}}", "client_id: must be the id"),
        ("url: [], user: a, password: {env: IT}", "url: must be one value"),
    ],
)
def test_what_must_be_there_is_demanded(smallest: str, fault: str) -> None:
    """Address, one account and its password."""
    found = _faults("cache: 1", smallest)
    assert len(found) == 1
    assert found[0].startswith(f"approvals.it.servicenow.{fault}")


def test_persons_do_not_go_with_servicenow() -> None:
    """Who has approved there is asked by `four_eyes`."""
    (line,) = _all(f"approvals: {{it: {{persons: 2, servicenow: {{{SMALLEST}}}}}}}")[2]
    assert "persons: has a meaning without servicenow only; see its four_eyes" in line


def test_client_is_taken_instead_of_a_user() -> None:
    """An OAuth client needs no account here."""
    smallest = f"url: '{URL}', client_id: 0123abc, password: {{env: IT}}"
    (found,), _, faults = _all(f"approvals: {{it: {{servicenow: {{{smallest}}}}}}}")
    assert faults == []
    assert found.servicenow is not None
    assert (found.servicenow.client_id, found.servicenow.user) == ("0123abc", "")


def test_certificates_are_looked_at(tmp_path: Path) -> None:
    """A file of certificates is taken, with a path from the file's folder; another is refused."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "other.pem").write_text("no certificate", encoding="ascii")

    assert _service("ca_file: ca.pem", tmp_path).ca_file == tmp_path / "ca.pem"
    (fault,) = _faults("ca_file: other.pem", folder=tmp_path)
    assert fault.endswith("other.pem: holds no certificate in PEM")


def test_password_that_everybody_reads_is_loud(tmp_path: Path) -> None:
    """A password in a file that every user of the machine can read is a warning."""
    (tmp_path / "password").write_text("hunter2", encoding="ascii")
    (tmp_path / "password").chmod(0o644)
    smallest = SMALLEST.replace("{env: IT}", "{file: password}")

    _, warnings, _ = _all(f"approvals: {{it: {{servicenow: {{{smallest}}}}}}}", tmp_path)

    assert len(warnings) == 1
    assert "hunter2" not in warnings[0]
