"""A directory as Debian's slapd serves it: refusals first, then people, groups, fail-over."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme

from radiusmfa.config import read
from radiusmfa.config.directory_model import Directory as Settings
from radiusmfa.config.directory_model import DirectoryServer, Groups, Tls
from radiusmfa.login.errands import Bind, LookUp, Told
from radiusmfa.outcome import Reason
from radiusmfa.primary.directory import Directory
from radiusmfa.secret import Secret
from tests.live.clients import need
from tests.live.slapd import BASE, LOOPBACK, PASSWORD, SERVICE, SERVICE_PASSWORD, Slapd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.login.person import Person

LIMIT: Final = 10.0  # seconds that a login has
ALICE: Final = f"uid=alice,ou=people,{BASE}"
BY_DN: Final[dict[str, Any]] = {
    "bind_dn": "",
    "bind_password": None,
    "bind_as": f"uid={{user}},ou=people,{BASE}",
    "group_base": f"ou=groups,{BASE}",
}


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """Who signs the servers' certificates."""
    need("slapd", "ldapsearch")
    return trustme.CA()


@pytest.fixture(scope="module")
def slapd(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A server that demands TLS."""
    made = Slapd(tmp_path_factory.mktemp("slapd") / "one", ca, LOOPBACK)
    yield made
    made.kill()


def settings(*servers: Slapd, tls: Tls = Tls.STARTTLS, **changes: Any) -> Settings:  # noqa: ANN401
    """Return a directory on *servers*."""
    made = Settings(
        name="corp",
        servers=tuple(
            DirectoryServer(
                host=LOOPBACK, port=one.tls_port if tls is Tls.LDAPS else one.port, tls=tls
            )
            for one in servers
        ),
        base=BASE,
        ca_file=servers[0].ca_file,
        bind_dn=SERVICE,
        bind_password=Secret(SERVICE_PASSWORD),
        groups=Groups.NONE,
    )
    return replace(made, **changes)


@pytest.fixture
def directory(slapd: Slapd) -> Iterator[Directory]:
    """The directory on it."""
    made = Directory(settings(slapd), time.monotonic)
    yield made
    made.close()


def look_up(directory: Directory, name: str = "alice") -> Told:
    """Look somebody up."""
    deadline = time.monotonic() + LIMIT
    return directory.find(LookUp(directory="corp", name=name, deadline=deadline))


def bind(directory: Directory, name: str, person: Person | None, password: str = PASSWORD) -> Told:
    """Check a password."""
    deadline = time.monotonic() + LIMIT
    errand = Bind(
        directory="corp",
        name=name,
        person=person,
        password=password.encode(),
        deadline=deadline,
    )
    return directory.bind(errand)


def log_in(directory: Directory, name: str, password: str = PASSWORD) -> Reason | None:
    """Return why somebody who exists does not get in."""
    person = look_up(directory, name).person
    assert person is not None
    told = bind(directory, name, person, password)
    assert told.person == (person if told.reason is None else None)
    return told.reason


def only(directory: Directory) -> str:
    """Return the one thing that was said of the directory."""
    (remark,) = directory.remarks()
    return remark


# Who is not asked


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.LDAPS])
def test_server_of_another_authority_is_refused(slapd: Slapd, tls: Tls, tmp_path: Path) -> None:
    """A certificate that our authority has not signed gets no password."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    directory = Directory(settings(slapd, tls=tls, ca_file=path), time.monotonic)
    assert look_up(directory).reason is Reason.DIRECTORY_UNREACHABLE
    assert "its certificate is not accepted: " in only(directory)


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.LDAPS])
def test_server_of_another_name_is_refused(ca: trustme.CA, tls: Tls, tmp_path: Path) -> None:
    """Our authority's certificate for another host gets no password."""
    other = Slapd(tmp_path / "other", ca, "dc1.corp.example")
    try:
        directory = Directory(settings(other, tls=tls), time.monotonic)
        assert look_up(directory).reason is Reason.DIRECTORY_UNREACHABLE
        assert f"'{LOOPBACK}'" in only(directory)
    finally:
        other.kill()


def test_server_without_tls_is_refused(ca: trustme.CA, tmp_path: Path) -> None:
    """A server that knows no StartTLS gets no password, by LDAPS neither."""
    plain = Slapd(tmp_path / "plain", ca, security="")
    try:
        directory = Directory(settings(plain), time.monotonic)
        assert look_up(directory).reason is Reason.DIRECTORY_REFUSED
        assert only(directory).endswith("it refuses StartTLS")
        server = DirectoryServer(host=LOOPBACK, port=plain.port, tls=Tls.LDAPS)
        directory = Directory(settings(plain, servers=(server,)), time.monotonic)
        assert look_up(directory).reason is Reason.DIRECTORY_UNREACHABLE
        # It can be asked if the file says so; then everybody on the path can listen.
        directory = Directory(settings(plain, tls=Tls.NONE), time.monotonic)
        assert log_in(directory, "alice") is None
        directory.close()
    finally:
        plain.kill()


def test_server_that_demands_tls_is_not_understood_as_a_wrong_password(slapd: Slapd) -> None:
    """What is wrong with the configuration is no fault of the person."""
    directory = Directory(settings(slapd, tls=Tls.NONE), time.monotonic)
    assert look_up(directory).reason is Reason.DIRECTORY_REFUSED
    assert only(directory).endswith("it refuses bind_dn: directory-refused, result code 13")


def test_wrong_service_password_is_said(slapd: Slapd) -> None:
    """Who set the file wrong is told, and the account is not tried with each login."""
    directory = Directory(settings(slapd, bind_password=Secret(b"wrong")), time.monotonic)
    assert look_up(directory).reason is Reason.DIRECTORY_REFUSED
    assert look_up(directory).reason is Reason.DIRECTORY_UNREACHABLE
    assert only(directory).endswith("it refuses bind_dn: bad-password, result code 49")


# Who does not get in


@pytest.mark.parametrize(
    "name", ["nobody", "*", "a*", "alice)(uid=*", "*)(uid=*", "alice\\2a", ALICE, "\0"]
)
def test_nobody_is_found_by_what_is_no_name(directory: Directory, name: str) -> None:
    """Whatever is typed is a value, never a part of a filter."""
    told = look_up(directory, name)
    assert (told.reason, told.person) == (Reason.UNKNOWN_USER, None)


def test_two_people_are_nobody(directory: Directory) -> None:
    """An address that two share is nobody's name."""
    told = look_up(directory, "shared@corp.example")
    assert (told.reason, told.person) == (Reason.AMBIGUOUS_USER, None)


def test_person_with_two_names_is_refused(directory: Directory) -> None:
    """Whose tokens these would be is not guessed."""
    assert look_up(directory, "erin").reason is Reason.DIRECTORY_REFUSED
    assert only(directory).endswith("it has several values of uid, the name_attribute")


def test_base_of_another_server_is_refused(slapd: Slapd) -> None:
    """A referral is not followed."""
    directory = Directory(settings(slapd, base=f"ou=elsewhere,{BASE}"), time.monotonic)
    assert look_up(directory).reason is Reason.DIRECTORY_REFUSED
    assert "another server has it, and referrals are not followed" in only(directory)


def test_base_that_is_nowhere_is_refused(slapd: Slapd) -> None:
    """A slip in the file is not an unknown user."""
    directory = Directory(settings(slapd, base=f"ou=nowhere,{BASE}"), time.monotonic)
    assert look_up(directory).reason is Reason.DIRECTORY_REFUSED
    assert only(directory).endswith("the search for a person: result code 32")


@pytest.mark.parametrize("password", ["wrong", "Right horse", "right horse ", "*", "right horse\0"])
def test_wrong_password_is_refused(directory: Directory, password: str) -> None:
    """Only the very octets of a password let in."""
    assert log_in(directory, "bob", password) is Reason.BAD_PASSWORD
    assert log_in(directory, "bob") is None  # the directory counts wrong ones too


def test_empty_password_is_refused_though_the_server_would_say_yes(directory: Directory) -> None:
    """A bind without a password is no login."""
    assert log_in(directory, "alice", "") is Reason.BAD_PASSWORD


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("locked", Reason.ACCOUNT_LOCKED),
        ("reset", Reason.PASSWORD_MUST_CHANGE),
        ("expired", Reason.PASSWORD_EXPIRED),
        ("nopassword", Reason.BAD_PASSWORD),
    ],
)
def test_right_password_is_not_always_enough(
    directory: Directory, name: str, expected: Reason
) -> None:
    """What the password policy says is told apart, though slapd says success to some of it."""
    assert log_in(directory, name) is expected


def test_guessing_locks_the_account(directory: Directory) -> None:
    """The directory's own lock-out is seen as what it is."""
    found = [log_in(directory, "guessed", f"wrong{at}") for at in range(5)]
    assert found == [Reason.BAD_PASSWORD] * 5
    assert log_in(directory, "guessed") is Reason.ACCOUNT_LOCKED


def test_nobody_costs_a_bind(directory: Directory) -> None:
    """Who was looked up in vain is refused by a server that was asked."""
    told = bind(directory, "nobody", None)
    assert (told.reason, told.person) == (Reason.UNKNOWN_USER, None)
    assert told.server


def test_groups_that_the_server_cuts_off_are_refused(slapd: Slapd) -> None:
    """A rule that keeps a group out would not see the twenty-first."""
    directory = Directory(settings(slapd, groups=Groups.SEARCH), time.monotonic)
    assert look_up(directory, "busy").reason is Reason.DIRECTORY_REFUSED
    assert only(directory).endswith("more than the server tells at once")
    directory.close()


# Who does


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.LDAPS])
@pytest.mark.parametrize("name", ["alice", "ALICE", "alice@corp.example"])
def test_person_is_found_and_gets_in(slapd: Slapd, tls: Tls, name: str) -> None:
    """By any of their names, over TLS of either kind, somebody is one person."""
    directory = Directory(settings(slapd, tls=tls), time.monotonic)
    person = look_up(directory, name).person
    assert person is not None
    assert (person.name, person.dn) == ("alice", ALICE)
    assert bind(directory, name, person).reason is None
    assert directory.remarks() == []
    directory.close()


def test_odd_names_are_names(directory: Directory) -> None:
    """Commas, brackets and two values in a distinguished name are no obstacle."""
    person = look_up(directory, "jane").person
    assert person is not None
    assert "HR" in person.dn
    assert log_in(directory, "jane") is None


def test_groups_are_those_that_ldapsearch_finds(slapd: Slapd) -> None:
    """By members, and by names of members, in one search."""
    directory = Directory(settings(slapd, groups=Groups.SEARCH), time.monotonic)
    person = look_up(directory).person
    assert person is not None
    assert person.groups == ("owners", "staff", "wheel")
    (slapd.folder / "password").write_bytes(SERVICE_PASSWORD)
    words = ["-x", "-LLL", "-ZZ", "-H", f"ldap://{LOOPBACK}:{slapd.port}", "-D", SERVICE]
    words += ["-y", str(slapd.folder / "password"), "-b", BASE]
    found = subprocess.run(
        ["ldapsearch", *words, f"(|(member={ALICE})(memberUid=alice))", "cn"],
        env={"LDAPTLS_CACERT": str(slapd.ca_file)},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line[4:] for line in found.stdout.splitlines() if line.startswith("cn: ")]
    assert sorted(names) == list(person.groups)
    directory.close()


@pytest.mark.parametrize(
    ("attribute", "expected"), [("cn", "staff"), ("dn", f"cn=staff,ou=groups,{BASE}")]
)
def test_groups_of_the_entry(slapd: Slapd, attribute: str, expected: str) -> None:
    """`memberOf` says it without a second search."""
    directory = Directory(
        settings(slapd, groups=Groups.MEMBER_OF, group_attribute=attribute), time.monotonic
    )
    person = look_up(directory).person
    assert person is not None
    assert person.groups == (expected,)
    directory.close()


def test_attributes_are_read(slapd: Slapd) -> None:
    """Several values, none, and one that is no text."""
    wanted = ("employeeType", "jpegPhoto", "description")
    directory = Directory(settings(slapd, attributes=wanted), time.monotonic)
    bob, photo = (look_up(directory, name).person for name in ("bob", "photo"))
    assert bob is not None
    assert photo is not None
    assert dict(bob.attributes) == {
        "employeeType": ("contractor", "night"),
        "jpegPhoto": (),
        "description": (),
    }
    assert dict(photo.attributes)["jpegPhoto"] == ()
    assert dict(photo.attributes)["description"] == ("plain",)
    directory.close()


def test_own_entry_is_read_without_a_service(slapd: Slapd) -> None:
    """With `bind_as` nobody else's password is needed: who is bound reads their own groups."""
    directory = Directory(settings(slapd, groups=Groups.SEARCH, **BY_DN), time.monotonic)
    told = bind(directory, "Alice", None)
    assert told.reason is None
    assert told.person is not None
    assert (told.person.name, told.person.groups) == ("alice", ("owners", "staff", "wheel"))
    for name, password in (("alice", "wrong"), ("nobody", PASSWORD), ("alice,ou=x", PASSWORD)):
        told = bind(directory, name, None, password)
        assert (told.reason, told.person) == (Reason.BAD_PASSWORD, None)


def test_configuration_of_the_page_works(slapd: Slapd, tmp_path: Path) -> None:
    """What docs/directories.md shows for OpenLDAP lets people in, but for host and port."""
    page = Path(__file__).parents[2] / "docs" / "directories.md"
    block = page.read_text(encoding="utf-8").split("## OpenLDAP")[1].split("```yaml\n")[1]
    text = block.split("```")[0].replace(
        "ldap://ldap1.corp.example, ldap://ldap2.corp.example", f"'ldap://{LOOPBACK}:{slapd.port}'"
    )
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ldap").write_bytes(SERVICE_PASSWORD)
    (tmp_path / "secrets" / "ldap").chmod(0o600)
    shutil.copy(slapd.ca_file, tmp_path / "ca.pem")
    smallest = (
        'listen: [{udp: "127.0.0.1:1812"}]\nstore: {sqlite: s}\nkeys: {file: k}\n'
        "clients: [{name: x, networks: [127.0.0.1], secret: {file: secrets/ldap}}]\n"
    )
    (tmp_path / "f.yaml").write_text(smallest + text)
    config = read.load(tmp_path / "f.yaml")
    assert config.warnings == ()
    directory = Directory(config.directories[0], time.monotonic)
    person = look_up(directory, "bob").person
    assert person is not None
    assert person.groups == ("staff",)
    assert person.attributes == (("employeeType", ("contractor", "night")),)
    assert log_in(directory, "bob") is None
    directory.close()


# Servers come and go


def test_server_killed_in_mid_load(ca: trustme.CA, tmp_path: Path) -> None:
    """Nobody gets in wrongly or waits long; later logins use the other server, then the first."""
    first, second = (Slapd(tmp_path / name, ca, LOOPBACK) for name in ("first", "second"))
    directory = Directory(settings(first, second, threads=4, timeout=2), time.monotonic)
    names = [f"{LOOPBACK}:{one.port}" for one in (first, second)]
    told: list[tuple[float, Told]] = []
    is_over = threading.Event()
    begun = threading.Barrier(5)

    def work() -> None:
        begun.wait(LIMIT)
        while not is_over.is_set():
            found = look_up(directory)
            told.append((time.monotonic(), found))
            if found.person is not None:
                found = bind(directory, "alice", found.person)
                told.append((time.monotonic(), found))

    threads = [threading.Thread(target=work) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        begun.wait(LIMIT)
        _until(lambda: len(told) > 50)
        killed = time.monotonic()
        first.kill()
        _until(lambda: sum(one.server == names[1] for _, one in told) > 50)
        first.start()
        back = time.monotonic()
        _until(lambda: any(at > back and one.server == names[0] for at, one in told))
    finally:
        is_over.set()
        for thread in threads:
            thread.join(LIMIT)
        first.kill()
        second.kill()
        directory.close()
    reasons = [one.reason for _, one in told if one.reason is not None]
    # Whose password was on its way has to try again: it is not sent to a second server.
    assert set(reasons) <= {Reason.DIRECTORY_UNREACHABLE}
    assert len(reasons) <= len(threads)
    assert max(one.seconds for _, one in told) < LIMIT
    assert {one.server for at, one in told if at < killed} == {names[0]}
    assert any(remark.endswith("it answers again") for remark in directory.remarks())


def test_frozen_server_costs_one_login_its_patience(ca: trustme.CA, tmp_path: Path) -> None:
    """A server that accepts and is silent is waited for once; then the other one is asked."""
    first, second = (Slapd(tmp_path / name, ca, LOOPBACK) for name in ("first", "second"))
    directory = Directory(settings(first, second, timeout=1), time.monotonic)
    try:
        first.freeze()
        slow, quick = look_up(directory), look_up(directory)
        for told in (slow, quick):
            assert told.reason is None
            assert told.server == f"{LOOPBACK}:{second.port}"
        assert slow.seconds >= 1
        assert quick.seconds < slow.seconds
        assert only(directory).endswith("it does not answer in time")
    finally:
        first.kill()
        second.kill()
        directory.close()


def test_server_started_again_costs_nobody_a_login(ca: trustme.CA, tmp_path: Path) -> None:
    """Kept connections that a restart has ended are replaced, unseen."""
    slapd = Slapd(tmp_path / "one", ca, LOOPBACK)
    directory = Directory(settings(slapd), time.monotonic)
    try:
        assert log_in(directory, "alice") is None
        slapd.kill()
        slapd.start()
        assert log_in(directory, "alice") is None
        assert directory.remarks() == []
    finally:
        slapd.kill()
        directory.close()


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 3 * LIMIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
