"""Debian's slapd with the people of a run, in a directory of its own, as a child; TLS only."""

from __future__ import annotations

import base64
import hashlib
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import trustme

from bench.processes import BenchError, Server

if TYPE_CHECKING:
    from pathlib import Path

    from bench.people import Person

BASE: Final = "dc=bench,dc=example"
SERVICE: Final = f"cn=service,{BASE}"
SERVICE_PASSWORD: Final = "service-password-of-the-bench"
GROUP: Final = f"cn=owners,ou=groups,{BASE}"
_BINARY: Final = "/usr/sbin/slapd"
_START_SECONDS: Final = 30.0
_SALT: Final = b"8 octets"

_CONFIGURATION: Final = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {here}/slapd.pid
argsfile {here}/slapd.args
threads 4
TLSCACertificateFile {here}/ca.pem
TLSCertificateFile {here}/server.pem
TLSCertificateKeyFile {here}/server.key
TLSVerifyClient never
security simple_bind=128
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {here}/data
maxsize 1073741824
index objectClass,uid,mail eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by anonymous auth
"""
_TOP: Final = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: bench
o: Bench

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: service
userPassword: {SERVICE_PASSWORD}

"""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """
    A running slapd.

    Attributes:
        server: The process; its port is that of LDAP with StartTLS.
        ca_file: Who signed its certificate.
    """

    server: Server
    ca_file: Path

    def freeze(self) -> None:
        """Let it accept connections and say nothing, until `stop`."""
        self.server.child.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End it, frozen or not."""
        self.server.child.kill()
        self.server.child.wait()


def find() -> str | None:
    """Return the path of slapd, if it is installed."""
    return shutil.which(_BINARY)


def start(here: Path, everybody: list[Person]) -> Directory:
    """Fill a directory with *everybody*, all of one group, and wait until it listens."""
    here.mkdir(mode=0o700)
    (here / "data").mkdir()
    port = _free_port()
    ca = trustme.CA()
    certificate = ca.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(here / "server.pem"))
    certificate.private_key_pem.write_to_path(str(here / "server.key"))
    ca.cert_pem.write_to_path(str(here / "ca.pem"))
    (here / "slapd.conf").write_text(_CONFIGURATION.format(here=here, base=BASE, service=SERVICE))
    (here / "all.ldif").write_text(_TOP + "\n".join(map(_entry, everybody)))
    # AppArmor keeps the one in its place out of folders like this one.
    binary = str(shutil.copy(_BINARY, here / "slapd"))
    _run(here, binary, "-T", "add", "-q", "-l", "all.ldif", "-f", "slapd.conf")
    with (here / "output").open("wb") as output:
        child = subprocess.Popen(
            [binary, "-f", "slapd.conf", "-h", f"ldap://127.0.0.1:{port}", "-d", "none"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=here,
        )  # fmt: skip
    server = Server(child=child, port=port, secret=SERVICE_PASSWORD, log=here / "output")
    until = time.monotonic() + _START_SECONDS
    while not _listens(port):
        if child.poll() is not None or time.monotonic() > until:
            server.stop()
            said = server.log.read_text(errors="replace")[-2000:]
            raise BenchError(f"slapd does not listen:\n{said}")
        time.sleep(0.02)
    return Directory(server=server, ca_file=here / "ca.pem")


def _run(here: Path, *words: str) -> None:
    done = subprocess.run(words, cwd=here, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"slapd could not be filled:\n{done.stderr[-2000:]}")


def _entry(person: Person) -> str:
    digest = hashlib.sha1(person.password + _SALT, usedforsecurity=False).digest()
    stored = "{SSHA}" + base64.b64encode(digest + _SALT).decode()
    return "\n".join(
        (
            f"dn: uid={person.name},ou=people,{BASE}",
            "objectClass: inetOrgPerson",
            f"uid: {person.name}",
            f"cn: {person.name}",
            f"sn: {person.name}",
            f"userPassword: {stored}",
            f"memberOf: {GROUP}",
            "",
        )
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
