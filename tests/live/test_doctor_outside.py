"""`radiusmfa doctor` against real directories, slapd and Samba, and a simulated ServiceNow."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final, final

import pytest
import trustme

from tests import servicenow
from tests.live import samba
from tests.live import slapd as ldap
from tests.live.clients import FAST, need
from tests.live.slapd import LOOPBACK, SERVICE, SERVICE_PASSWORD, Slapd
from tests.live.world import World
from tests.servicenow import Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.samba import DomainController

_TIMEOUT: Final = "5"
_WRONG: Final = "not the service password"


@final
class Site:
    """A configuration that asks somebody outside, and what `doctor` says of it."""

    def __init__(self, folder: Path) -> None:
        """Ask nobody yet."""
        self.world = World(folder)
        self._secrets: list[str] = []

    def secret(self, name: str, text: str) -> dict[str, str]:
        """Return a setting that names a file with *text*."""
        file = self.world.folder / name
        file.write_text(text)
        file.chmod(0o600)
        self._secrets.append(text)
        return {"file": name}

    def doctor(self, **sections: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Return what is found of directories and approvals; nothing secret is shown."""
        client = {"name": "nas", "networks": ["127.0.0.1"]}
        self.world.configure([client], passwords=FAST, **sections)
        done = self.world.run("doctor", "--timeout", _TIMEOUT, "--json", expect=None)
        told = json.loads(done.stdout)
        for secret in self._secrets:
            assert secret not in done.stdout + done.stderr
        found = [
            one
            for one in told["findings"]
            if one["subject"].split()[0] in {"directory", "approval"}
        ]
        assert done.returncode == (0 if told["well"] else 1)
        assert told["well"] is not any(one["level"] == "fault" for one in told["findings"])
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that asks nobody."""
    return Site(tmp_path)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the servers' certificates."""
    return trustme.CA()


@pytest.fixture(scope="module")
def slapd(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A server that demands TLS, and locks accounts after five wrong passwords."""
    need("slapd")
    made = Slapd(tmp_path_factory.mktemp("slapd") / "one", authority, LOOPBACK)
    yield made
    made.kill()


def _causes(found: list[dict[str, Any]], level: str) -> list[str]:
    return [one["cause"] for one in found if one["level"] == level]


def _slapd(site: Site, slapd: Slapd, **changes: object) -> list[dict[str, Any]]:
    """Return what is found of *slapd*, asked over StartTLS."""
    usual = {
        "servers": [f"ldap://{LOOPBACK}:{slapd.port}"],
        "base": ldap.BASE,
        "ca_file": str(slapd.ca_file),
        "bind_dn": SERVICE,
        "bind_password": site.secret("service", SERVICE_PASSWORD.decode()),
    }
    settings = {name: value for name, value in (usual | changes).items() if value is not None}
    return site.doctor(primaries={"corp": {"ldap": settings}})


# -- slapd --


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_good_slapd_is_well(site: Site, slapd: Slapd, scheme: str) -> None:
    """Certificate, account, people, groups: each with its time; its policy is read."""
    port = slapd.port if scheme == "ldap" else slapd.tls_port
    found = _slapd(site, slapd, servers=[f"{scheme}://{LOOPBACK}:{port}"])

    assert _causes(found, "fault") == []
    assert [one["level"] for one in found[:4]] == ["ok"] * 4
    assert all(one["milliseconds"] > 0 for one in found[:4])
    # Its policy forgets nothing: pwdFailureCountInterval is not set.
    (note,) = found[4:]
    assert note["cause"] == "lockout-window-too-short"
    assert note["text"].startswith("locks an account after 5 wrong passwords,")


def test_other_authority_is_told(site: Site, slapd: Slapd, tmp_path: Path) -> None:
    """A certificate that another authority has signed ends it."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    found = _slapd(site, slapd, ca_file=str(other))

    assert _causes(found, "fault") == ["untrusted-certificate"]


def test_other_name_is_told(site: Site, slapd: Slapd) -> None:
    """A server that is asked by a name which its certificate does not have ends it."""
    found = _slapd(site, slapd, servers=[f"ldap://localhost:{slapd.port}"])

    assert _causes(found, "fault") == ["other-name"]


def test_waived_certificate_is_said_aloud(site: Site, slapd: Slapd) -> None:
    """With verify: no logins work; that the certificate could not be trusted is said."""
    found = _slapd(site, slapd, ca_file=None, verify=False)

    assert _causes(found, "fault") == []
    assert _causes(found, "note")[0] == "unchecked-certificate"


def test_missing_tls_is_told(site: Site, slapd: Slapd) -> None:
    """This server takes no password without TLS, and says so by its result code."""
    found = _slapd(site, slapd, ca_file=None, starttls=False)

    assert _causes(found, "note")[0] == "unprotected"
    assert _causes(found, "fault") == ["account-refused"]


def test_wrong_password_of_the_account_is_told(site: Site, slapd: Slapd) -> None:
    """The account that searches has another password there."""
    found = _slapd(site, slapd, bind_password=site.secret("wrong", _WRONG))

    assert _causes(found, "fault") == ["account-refused"]


def test_wrong_base_is_told(site: Site, slapd: Slapd) -> None:
    """People and groups are looked for where nothing is."""
    found = _slapd(site, slapd, base=f"ou=persons,{ldap.BASE}")

    assert _causes(found, "fault") == ["no-base", "no-base"]


def test_lockout_above_the_policy_is_told(site: Site, slapd: Slapd) -> None:
    """Five wrong passwords through us would lock the account there."""
    found = _slapd(site, slapd, lockout=5)

    assert _causes(found, "fault") == ["lockout-too-high"]
    (fault,) = [one for one in found if one["level"] == "fault"]
    assert fault["advice"] == "lockout: 4 at most"


def test_directory_without_an_account_is_told_in_part(site: Site, slapd: Slapd) -> None:
    """Where people bind by their own name, certificate and answer are seen."""
    changes = {"bind_dn": None, "bind_password": None, "bind_as": f"uid={{user}},{ldap.BASE}"}
    found = _slapd(site, slapd, **changes)

    assert [one["level"] for one in found] == ["ok", "ok", "note"]
    assert found[-1]["cause"] == "not-asked"


def test_dead_servers_cost_one_timeout(site: Site, slapd: Slapd) -> None:
    """Each server of a directory is asked by itself; those that are gone keep nobody waiting."""
    dead = [f"ldap://127.0.1.{at}:{slapd.port}" for at in range(1, 6)]
    start = time.monotonic()
    found = _slapd(site, slapd, servers=[f"ldap://{LOOPBACK}:{slapd.port}", *dead])

    assert _causes(found, "fault") == ["nothing-listens"] * 5
    assert _causes(found, "ok") == ["well"] * 4
    assert time.monotonic() - start < 3 * float(_TIMEOUT)


# -- Samba --


def _samba(site: Site, domain: DomainController, **changes: object) -> list[dict[str, Any]]:
    usual = {
        "servers": [f"ldaps://{domain.address}"],
        "kind": "active-directory",
        "base": samba.PEOPLE,
        "ca_file": str(domain.ca_file),
        "bind_dn": domain.searcher.dn,
        "bind_password": site.secret("searcher", domain.searcher.password),
    }
    return site.doctor(primaries={"corp": {"ldap": usual | changes}})


def test_domain_tells_when_it_locks(site: Site, domain: DomainController) -> None:
    """An ordinary account reads the domain's own numbers, though base lies deeper."""
    found = _samba(site, domain)

    assert [one["level"] for one in found] == ["ok"] * 5
    assert found[-1]["text"] == (
        f"locks an account after {samba.THRESHOLD} wrong passwords within 1800 s;"
        " we stop after 4 within 1800 s"
    )


def test_lockout_above_the_domain_is_told(site: Site, domain: DomainController) -> None:
    """As many as the domain takes are too many."""
    found = _samba(site, domain, lockout=samba.THRESHOLD)

    assert _causes(found, "fault") == ["lockout-too-high"]


def test_disabled_account_is_told(site: Site, domain: DomainController) -> None:
    """Why the domain does not take the account that searches is told."""
    account = domain.add(samba.DISABLED)
    found = _samba(site, domain, bind_dn=account.dn)

    assert _causes(found, "fault") == ["account-refused"]
    assert "The directory has disabled the account." in found[-1]["text"]


# -- ServiceNow --


@pytest.fixture
def running(authority: trustme.CA) -> Iterator[Running]:
    """An instance with our account and a change."""
    with Running(authority) as made:
        made.simulator.person(servicenow.ACCOUNT)
        made.simulator.change(made.simulator.person("alice"), time.time())
        yield made


def _approval(
    site: Site, running: Running, authority: trustme.CA, password: str = servicenow.PASSWORD
) -> list[dict[str, Any]]:
    ca_file = site.world.folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    service = {
        "url": running.url,
        "user": servicenow.ACCOUNT,
        "password": site.secret("servicenow", password),
        "ca_file": str(ca_file),
    }
    return site.doctor(approvals={"change": {"servicenow": service}})


def test_good_instance_is_well(site: Site, running: Running, authority: trustme.CA) -> None:
    """Certificate, and each table that logins read."""
    found = _approval(site, running, authority)

    assert [one["level"] for one in found] == ["ok"] * 3


def test_wrong_password_of_the_service_is_told(
    site: Site, running: Running, authority: trustme.CA
) -> None:
    """The account of the service has another password there."""
    found = _approval(site, running, authority, _WRONG)

    assert _causes(found, "fault") == ["account-refused"]


def test_missing_role_is_told(site: Site, running: Running, authority: trustme.CA) -> None:
    """Without the role, ServiceNow shows an empty table and no error."""
    running.simulator.hidden = {row["sys_id"] for row in running.simulator.tables["change_request"]}
    found = _approval(site, running, authority)

    assert _causes(found, "fault") == ["missing-right"]
