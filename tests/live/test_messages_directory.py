"""Codes to people whom a directory knows: where the directory says, and nowhere else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from radiusmfa.wire import numbers
from tests import mail_server
from tests.live.clients import FAST, need
from tests.live.slapd import BASE, LOOPBACK, PASSWORD, SERVICE, SERVICE_PASSWORD, Slapd
from tests.live.test_messages import answer, asked
from tests.live.world import SECRET, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trustme import CA

VPN: Final = "127.0.14.1"


@final
class Site:
    """A directory, a mail server, and the server that uses them."""

    def __init__(self, folder: Path, ca: CA) -> None:
        self.slapd = Slapd(folder / "slapd", ca, LOOPBACK)
        self.mail = mail_server.Running(ca)
        self.world = World(folder)
        for name, octets in (
            ("vpn", SECRET),
            ("ldap", SERVICE_PASSWORD),
            ("mail", mail_server.PASSWORD.encode()),
        ):
            file = self.world.folder / name
            file.write_bytes(octets)
            file.chmod(0o600)
        self.world.config.write_text(json.dumps(self.settings()))

    def settings(self, attribute: str = "mail") -> dict[str, Any]:
        """Return the configuration; the address is in *attribute*."""
        ldap = {
            "servers": [f"ldap://{LOOPBACK}:{self.slapd.port}"],
            "base": BASE,
            "bind_dn": SERVICE,
            "bind_password": {"file": "ldap"},
            "ca_file": str(self.slapd.ca_file),
            "groups": "none",
            "attributes": ["mail"],
        }
        smtp = {
            "host": LOOPBACK,
            "port": self.mail.port,
            "user": mail_server.USER,
            "password": {"file": "mail"},
            "sender": "login@example.com",
            "attribute": attribute,
        }
        client = {"name": "vpn", "networks": [VPN], "secret": {"file": "vpn"}, "primary": "corp"}
        return {
            "listen": [{"udp": f"127.0.0.1:{self.world.port}"}],
            "store": {"sqlite": "radiusmfa.db"},
            "keys": {"file": "keys"},
            "passwords": FAST,
            "primaries": {"corp": {"ldap": ldap}},
            "services": {"mail": {"smtp": smtp, "ca_file": str(self.slapd.ca_file)}},
            "factors": {"totp": {}, "email": {"service": "mail"}},
            "clients": [client | {"retry_window": 0}],
        }

    def code(self, address: str) -> str:
        """Return the last code that was sent to *address*."""
        mail = next(one for one in reversed(self.mail.office.mails) if one.to == [address])
        match = re.search(r"is ([0-9]{6})\.", mail.message.get_content())
        assert match
        return match[1]

    def last(self, user: str) -> dict[str, Any]:
        """Return somebody's last audit line."""
        return self.world.audit(kind="login", user=user)[-1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ca: CA) -> Iterator[Site]:
    """Return all of them, running."""
    need("slapd")
    site = Site(tmp_path_factory.mktemp("codes"), ca)
    site.world.start(source=VPN)
    yield site
    assert site.world.stop() == 0
    site.mail.__exit__()
    site.slapd.kill()
    assert site.world.faults() == []
    site.world.run("audit", "verify")


def test_nobody_without_an_address_gets_in(site: Site) -> None:
    """The directory says nothing of where they are reached."""
    with site.world.nas(VPN) as nas:
        assert nas.login("photo", PASSWORD) == numbers.ACCESS_REJECT
    assert site.last("photo")["reason"] == "no-usable-device"


def test_wrong_password_sends_nothing(site: Site) -> None:
    """The directory says no before."""
    before = len(site.mail.office.mails)
    with site.world.nas(VPN) as nas:
        assert nas.login("alice", "wrong") == numbers.ACCESS_REJECT
    assert len(site.mail.office.mails) == before


def test_an_attribute_that_no_directory_reads_is_a_fault(site: Site) -> None:
    """Else nobody would get in, and nobody would know why."""
    site.world.config.write_text(json.dumps(site.settings("mobile")))
    done = site.world.run("check", expect=3)
    site.world.config.write_text(json.dumps(site.settings()))
    assert "mail: no directory reads mobile" in done.stderr


def test_the_directory_says_where(site: Site) -> None:
    """Somebody whom the store does not know gets in; another code, too, in the second round."""
    with site.world.nas(VPN) as nas:
        state, text = asked(nas, "alice", PASSWORD)
        assert text == "Enter the code sent to a***@corp.example: "
        reply = answer(nas, "alice", "email", state)
        assert reply.code == numbers.ACCESS_CHALLENGE
        code = site.code("alice@corp.example")
        assert answer(nas, "alice", code, reply.state).code == numbers.ACCESS_ACCEPT
    line = site.last("alice")
    assert (line["factor"], line["upstreams"][-1]["device"]) == ("email", "a***@corp.example")


def test_an_enrolled_address_goes_before_the_directorys(site: Site) -> None:
    """Whoever can change the directory does not get the codes of somebody with a device."""
    site.world.run("user", "add", "bob", "--no-password")
    site.world.run("token", "enroll", "bob", "--type", "email", "--to", "bob@home.example")
    with site.world.nas(VPN) as nas:
        state, text = asked(nas, "bob", PASSWORD)
        assert text == "Enter the code sent to b***@home.example: "
        code = site.code("bob@home.example")
        assert answer(nas, "bob", code, state).code == numbers.ACCESS_ACCEPT
