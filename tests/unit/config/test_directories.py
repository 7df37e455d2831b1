"""Tests of `radiusmfa.config.directories`: refusals first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from radiusmfa.config import directories, nodes
from radiusmfa.config.directory_model import (
    Directory,
    DirectoryServer,
    Groups,
    Kind,
    Tls,
)
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.primary import bind_reasons
from radiusmfa.primary.ldap import Answer
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER = "servers: [ldaps://dc1.example.com]"
BASE = "base: 'dc=corp,dc=example'"
SEARCHER = "bind_dn: 'cn=x,dc=corp', bind_password: {env: IT}"
ONE = f"{SERVER}, {BASE}, {SEARCHER}"
BY_NAME = f"{SERVER}, {BASE}"
AD = "kind: active-directory"
WHERE = "primaries.corp.ldap"


def _all(text: str, folder: Path = Path("/")) -> tuple[Sequence[Directory], list[str], list[str]]:
    report = nodes.Report()
    top = Fields(
        nodes.parse(text.encode(), report), "", report, known=("primaries", "upstreams", "x")
    )
    found, warnings = directories.read(top, Sources(folder, {"IT": "hunter2"}))
    return found, warnings, report.lines("f")


def _one(settings: str, folder: Path = Path("/")) -> Directory:
    found, _, faults = _all(f"primaries: {{corp: {{ldap: {{{settings}}}}}}}", folder)
    assert faults == []
    return found[0]


def _faults(settings: str, folder: Path = Path("/")) -> list[str]:
    """Return the faults of one directory, without file, line and column."""
    _, _, faults = _all(f"primaries: {{corp: {{ldap: {{{settings}}}}}}}", folder)
    assert all(fault.startswith("f:1:") for fault in faults)
    return [fault.split(": ", 1)[1] for fault in faults]


@pytest.mark.parametrize("text", ["x: 1", "primaries:", "primaries: ~", "primaries: {}"])
def test_no_directory_is_no_fault(text: str) -> None:
    """Many installations have none."""
    assert _all(text) == ((), [], [])


@pytest.mark.parametrize("text", ["[]", "corp", "[{ldap: {}}]"])
def test_directories_are_named(text: str) -> None:
    """The section names its directories."""
    fault = "f:1:12: primaries: must name directories, as {corp: {ldap: {...}}}"
    assert _all(f"primaries: {text}") == ((), [], [fault])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("local", "is a word that means something else"),
        ("None", "is a word that means something else"),
        ("totp", "is a word that means something else"),
        ("2corp", "must be 1 to 64 letters"),
        ("rsa", "is the name of an upstream too"),
    ],
)
def test_name_means_one_thing(name: str, what: str) -> None:
    """What `primary` names is a directory, or an upstream, or nobody: never two."""
    text = f"upstreams: {{rsa: {{}}}}\nprimaries: {{{name}: {{ldap: {{{ONE}}}}}}}"
    (fault,) = _all(text)[2]
    assert fault.startswith(f"f:2:13: primaries.{name}: {what}")


def test_directory_is_of_a_kind_that_is_known() -> None:
    """LDAP is all there is."""
    faults = [line.split(": ", 1)[1] for line in _all("primaries: {corp: {sql: {}}}")[2]]
    assert sorted(faults) == [
        "primaries.corp.ldap: is missing",
        "primaries.corp.sql: is no setting (known: ldap)",
    ]


def test_servers_base_and_who_binds_are_needed() -> None:
    """Nothing is guessed of where people are, and who may look for them."""
    assert sorted(_faults("kind: ldap")) == [
        f"{WHERE}.base: is missing",
        f"{WHERE}.servers: is missing",
        f"{WHERE}: needs bind_dn and bind_password, or bind_dn: anonymous, or bind_as",
    ]


@pytest.mark.parametrize(
    ("server", "what"),
    [
        ("dc1.example.com", "must be ldaps://HOST or ldap://HOST"),
        ("https://dc1", "must be ldaps://HOST or ldap://HOST"),
        ("ldapi:///x", "must be ldaps://HOST or ldap://HOST"),
        ("'ldap://dc1:0'", "must be ldaps://HOST or ldap://HOST"),
        ("'ldap://dc1:65536'", "must be ldaps://HOST or ldap://HOST"),
        ("'ldap://dc1:389/dc=x'", "must be ldaps://HOST or ldap://HOST"),
        ("'ldap://u@dc1'", "must be an IPv4 or IPv6 address, or a name"),
        ("'ldap://::1'", "must be ldaps://HOST or ldap://HOST"),
        ("'ldap://[dc1]'", "an IPv6 address stands in brackets"),
        ("'ldap://[192.0.2.1]'", "an IPv6 address stands in brackets"),
        ("'ldap://[fe80::1%eth0]'", "without zone or mapping"),
        ("ldap://0.0.0.0", "must be the address of one server"),
        ("ldap://192.0.2.300", "must be an IPv4 or IPv6 address"),
        ("[]", "must be one value"),
    ],
)
def test_server_that_is_none_is_refused(server: str, what: str) -> None:
    """A server is a scheme, a host and a port, and nothing else."""
    (fault,) = _faults(f"servers: [{server}], {BASE}, {SEARCHER}")
    assert fault.startswith(f"{WHERE}.servers[0]: ")
    assert what in fault


def test_servers_are_some_and_each_stands_once() -> None:
    """An empty list is no directory; the same server twice is no fail-over."""
    assert _faults(f"servers: [], {BASE}, {SEARCHER}") == [
        f"{WHERE}.servers: must name at least one server"
    ]
    twice = "servers: [ldaps://dc1, 'ldaps://dc1:636']"
    assert _faults(f"{twice}, {BASE}, {SEARCHER}") == [
        f"{WHERE}.servers[1]: dc1 port 636 stands here twice"
    ]


@pytest.mark.parametrize(
    ("settings", "name", "what"),
    [
        ("base: example.com", "base", "must be a distinguished name"),
        ("base: ''", "base", "must have 1 to 1024 octets"),
        ("user_filter: (uid=x", "user_filter", "must be an LDAP filter"),
        ("user_filter: '(uid={user})'", "user_filter", "{user} is nothing that is filled in"),
        ("group_filter: '(member={dn}'", "group_filter", "must be an LDAP filter"),
        ("group_filter: '(member={DN})'", "group_filter", "(known: {dn} or {user})"),
        ("group_filter: '(x={password})'", "group_filter", "(known: {dn} or {user})"),
        ("group_filter: ''", "group_filter", "must be an LDAP filter"),
        ("group_filter: (cn=staff)", "group_filter", "the same for everybody"),
        ("group_base: groups", "group_base", "must be a distinguished name"),
        ("user_attributes: []", "user_attributes", "must name at least one attribute"),
        ("user_attributes: [u id]", "user_attributes[0]", "must be the name of an attribute"),
        ("user_attributes: [uid, UID]", "user_attributes[1]", "UID stands here twice"),
        ("user_attributes: [[]]", "user_attributes[0]", "must be one value"),
        ("name_attribute: '*'", "name_attribute", "must be the name of an attribute"),
        ("group_attribute: c=n", "group_attribute", "must be the name of an attribute"),
        ("attributes: [userPassword]", "attributes[0]", "is a secret, which is never read"),
        ("attributes: [2.5.4.35]", "attributes[0]", "is a secret, which is never read"),
        ("attributes: [unicodepwd]", "attributes[0]", "is a secret, which is never read"),
        ("strip: [realms]", "strip[0]", "must be realm or domain"),
        ("timeout: 0", "timeout", "must be a whole number from 1 to 60"),
        ("threads: 101", "threads", "must be a whole number from 1 to 100"),
        ("lockout: 0", "lockout", "must be a whole number from 1 to 100"),
        ("wrong_memory: 3601", "wrong_memory", "must be a whole number from 0 to 3600"),
        ("tls: no", "tls", "is no setting"),
        # What contradicts something else.
        ("groups: nested", "groups", "goes with kind: active-directory only"),
        ("groups: none, group_base: 'dc=x'", "group_base", "has no effect with groups: none"),
        ("groups: none, group_filter: '(a={dn})'", "group_filter", "has no effect"),
        ("groups: member-of, group_base: 'dc=x'", "group_base", "has no effect"),
        ("groups: member-of, group_attribute: gid", "group_attribute", "must be cn or dn"),
        ("groups: none, group_attribute: cn", "group_attribute", "has no effect"),
        ("starttls: no", "starttls", "goes with ldap:// servers"),
        ("verify: no, ca_file: ca.pem", "ca_file", "has no effect with verify: no"),
        ("bind_as: 'uid={user},dc=corp,dc=example'", "bind_as", "goes without bind_dn"),
    ],
)
def test_setting_that_cannot_be_is_refused(
    settings: str, name: str, what: str, tmp_path: Path
) -> None:
    """Every fault is told at its place, before anybody logs in."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    given = settings if settings.startswith("base") else f"{BASE}, {settings}"
    (fault,) = _faults(f"{SERVER}, {SEARCHER}, {given}", tmp_path)
    assert fault.startswith(f"{WHERE}.{name}: ")
    assert what in fault


@pytest.mark.parametrize(
    ("settings", "name", "what"),
    [
        ("bind_dn: 'cn=x,dc=y'", "bind_dn", "needs a bind_password"),
        ("bind_dn: svc, bind_password: {env: IT}", "bind_dn", "must be a distinguished name"),
        ("bind_dn: anonymous, bind_password: {env: IT}", "bind_password", "goes with bind_dn"),
        (
            "bind_as: 'uid={user},dc=corp,dc=example', bind_password: {env: IT}",
            "bind_password",
            "goes with bind_dn",
        ),
        ("bind_dn: 'cn=x,dc=y', bind_password: {env: NO}", "bind_password", "is not set"),
        ("bind_dn: 'cn=x,dc=y', bind_password: hunter2", "bind_password", "must hold settings"),
        ("bind_as: 'uid=user,dc=corp,dc=example'", "bind_as", "must hold {user}"),
        ("bind_as: 'uid={name},dc=corp,dc=example'", "bind_as", "{name} is nothing"),
        ("bind_as: 'uid={user},dc=other'", "bind_as", "must lead below base"),
        ("bind_as: 'uid={user},,dc=corp,dc=example'", "bind_as", "must be a distinguished name"),
        ("bind_as: '{user}@corp.example'", "bind_as", "unless kind is active-directory"),
        (f"{AD}, bind_as: '{{user}}'", "bind_as", "must be {user}@realm"),
        (f"{AD}, bind_as: 'CORP\\{{user}}@x'", "bind_as", "must be {user}@realm"),
        (
            "bind_as: 'uid={user},dc=corp,dc=example', user_attributes: [uid]",
            "user_attributes",
            "has no effect with bind_as",
        ),
    ],
)
def test_bind_that_cannot_be_is_refused(settings: str, name: str, what: str) -> None:
    """Who binds, as whom, and with what has to fit together."""
    faults = _faults(f"{BY_NAME}, {settings}")
    assert any(fault.startswith(f"{WHERE}.{name}: ") and what in fault for fault in faults)
    assert not any("hunter2" in fault for fault in faults)


@pytest.mark.parametrize("setting", ["verify: yes", "ca_file: ca.pem"])
def test_checks_without_tls_are_refused(setting: str, tmp_path: Path) -> None:
    """Nobody believes that what is not encrypted is checked."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    plain = f"servers: [ldap://dc1], starttls: no, {BASE}, {SEARCHER}"
    (fault,) = _faults(f"{plain}, {setting}", tmp_path)
    assert fault.endswith("goes with TLS, which starttls: no turns off")


@pytest.mark.parametrize(
    ("content", "what"), [(None, "No such file"), ("no certificate", "holds no certificate (PEM)")]
)
def test_ca_file_that_cannot_be_used_is_refused(
    content: str | None, what: str, tmp_path: Path
) -> None:
    """Whom to trust is known before anybody is asked."""
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    (fault,) = _faults(f"{ONE}, ca_file: ca.pem", tmp_path)
    assert fault.startswith(f"{WHERE}.ca_file: {tmp_path}/ca.pem")
    assert what in fault


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("servers: [ldap://dc1], starttls: no", "whoever listens on the path reads every password"),
        (
            "servers: [ldaps://dc1], verify: no",
            "whoever sits on the path can pose as the directory",
        ),
    ],
)
def test_loud_settings_are_loud(settings: str, what: str) -> None:
    """What gives passwords away is said at every start."""
    text = f"primaries: {{corp: {{ldap: {{{settings}, {BASE}, {SEARCHER}}}}}}}"
    _, warnings, faults = _all(text)
    assert faults == []
    (warning,) = warnings
    assert warning.startswith("directory corp: ")
    assert what in warning


def test_open_password_file_is_loud(tmp_path: Path) -> None:
    """A password that every user of the machine can read is said."""
    (tmp_path / "pw").write_text("hunter2\n")
    (tmp_path / "pw").chmod(0o644)
    text = f"{BY_NAME}, bind_dn: 'cn=x,dc=y', bind_password: {{file: pw}}"
    found, warnings, _ = _all(f"primaries: {{corp: {{ldap: {{{text}}}}}}}", tmp_path)
    assert found[0].bind_password == Secret(b"hunter2")
    (warning,) = warnings
    assert "can be read by every user of this machine" in warning


def test_smallest_directory_takes_every_default() -> None:
    """The defaults are the model's, and safe."""
    server = DirectoryServer(host="dc1.example.com", port=636, tls=Tls.LDAPS)
    assert _one(ONE) == Directory(
        name="corp",
        servers=(server,),
        base="dc=corp,dc=example",
        bind_dn="cn=x,dc=corp",
        bind_password=Secret(b"hunter2"),
    )


def test_active_directory_has_defaults_of_its_own() -> None:
    """Its people, names and groups are found without a further setting."""
    found = _one(f"{BY_NAME}, {AD}, bind_dn: svc@corp.example, bind_password: {{env: IT}}")
    assert found.kind is Kind.ACTIVE_DIRECTORY
    assert found.user_filter == "(&(objectCategory=person)(objectClass=user))"
    assert found.user_attributes == ("userPrincipalName", "sAMAccountName", "mail")
    assert found.name_attribute == "sAMAccountName"
    assert (found.groups, found.group_attribute) == (Groups.NESTED, "sAMAccountName")


@pytest.mark.parametrize("kind", ["ldap", "active-directory"])
def test_groups_of_the_entry_go_by_their_first_part(kind: str) -> None:
    """With `member-of` a group's own attributes are not read."""
    assert _one(f"{ONE}, kind: {kind}, groups: member-of").group_attribute == "cn"
    found = _one(f"{ONE}, kind: {kind}, groups: member-of, group_attribute: dn")
    assert found.group_attribute == "dn"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ldaps://dc1", ("dc1", 636, Tls.LDAPS)),
        ("'LDAPS://dc1:3269/'", ("dc1", 3269, Tls.LDAPS)),
        ("ldap://192.0.2.1", ("192.0.2.1", 389, Tls.STARTTLS)),
        ("'ldap://[2001:DB8::1]:1389'", ("2001:db8::1", 1389, Tls.STARTTLS)),
    ],
)
def test_servers_are_read(url: str, expected: tuple[str, int, Tls]) -> None:
    """A plain port begins with StartTLS unless the file says otherwise."""
    host, port, tls = expected
    found = _one(f"servers: [{url}], {BASE}, {SEARCHER}")
    assert found.servers == (DirectoryServer(host=host, port=port, tls=tls),)


@pytest.mark.parametrize(
    "bind_as", ["uid={user},ou=people,dc=corp,dc=example", "CN={user},DC=corp, DC=example"]
)
def test_bind_as_a_distinguished_name(bind_as: str) -> None:
    """A person's entry may be known from their name."""
    found = _one(f"{BY_NAME}, bind_as: '{bind_as}'")
    assert (found.bind_as, found.can_search) == (bind_as, False)


@pytest.mark.parametrize("bind_as", ["{user}@corp.example", "CORP\\{user}"])
def test_bind_as_active_directory_knows(bind_as: str) -> None:
    """Active Directory has names of its own for people."""
    assert _one(f"{BY_NAME}, {AD}, bind_as: '{bind_as}'").bind_as == bind_as


def test_every_setting_is_read(tmp_path: Path) -> None:
    """What the file says is what counts."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    found = _one(
        f"{BASE}, servers: [ldap://dc1, ldaps://dc2], starttls: yes, ca_file: ca.pem,"
        " verify: yes, bind_dn: anonymous, user_filter: (a=b), user_attributes: [cn],"
        " name_attribute: cn, strip: [domain, realm], groups: search, group_base: 'ou=g,dc=x',"
        " group_filter: '(memberUid={user})', group_attribute: dn, attributes: [mail, title],"
        " timeout: 60, threads: 1, lockout: 100, wrong_memory: 0",
        tmp_path,
    )
    assert found == Directory(
        name="corp",
        servers=(
            DirectoryServer(host="dc1", port=389, tls=Tls.STARTTLS),
            DirectoryServer(host="dc2", port=636, tls=Tls.LDAPS),
        ),
        base="dc=corp,dc=example",
        ca_file=tmp_path / "ca.pem",
        bind_dn="anonymous",
        user_filter="(a=b)",
        user_attributes=("cn",),
        name_attribute="cn",
        strip=("domain", "realm"),
        groups=Groups.SEARCH,
        group_base="ou=g,dc=x",
        group_filter="(memberUid={user})",
        group_attribute="dn",
        attributes=("mail", "title"),
        timeout=60,
        threads=1,
        lockout=100,
        wrong_memory=0,
    )


@pytest.mark.parametrize("kind", ["OpenLDAP", "Active Directory"])
def test_configuration_of_the_page_loads(kind: str, tmp_path: Path) -> None:
    """What docs/directories.md shows can be copied, and is without a warning."""
    page = Path(__file__).parents[3] / "docs" / "directories.md"
    block = page.read_text(encoding="utf-8").split(f"## {kind}\n")[1].split("```yaml\n")[1]
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ldap").write_text("hunter2")
    (tmp_path / "secrets" / "ldap").chmod(0o600)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (found,), warnings, faults = _all(block.split("```")[0], tmp_path)
    assert (warnings, faults) == ([], [])
    assert len(found.servers) == 2
    assert found.kind is (Kind.LDAP if kind == "OpenLDAP" else Kind.ACTIVE_DIRECTORY)


def test_reasons_of_the_page_are_those_of_the_code() -> None:
    """Each number that the page explains means what it says."""
    page = Path(__file__).parents[3] / "docs" / "directories.md"
    table = page.read_text(encoding="utf-8").split("## Reasons")[1].split("\n## ")[0]
    rows = re.findall(r"^\| 49.*?`data ([0-9a-f]{3})`.*\| `([a-z-]+)` \|$", table, re.MULTILINE)
    assert len(rows) == 8
    for number, reason in rows:
        answer = Answer(code=49, message=f"error, data {number}, v1")
        assert bind_reasons.reason(Kind.ACTIVE_DIRECTORY, answer) == reason
