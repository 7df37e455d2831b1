"""Debian's slapd on loopback: a child with people, groups, a password policy, and TLS."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Final, final

from tests.live.world import START_SECONDS, free_ports

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

BASE: Final = "dc=corp,dc=example"
SERVICE: Final = f"cn=radiusmfa,{BASE}"
SERVICE_PASSWORD: Final = b"service-password-0123"
PASSWORD: Final = "right horse"
LOOPBACK: Final = "127.0.0.1"
_BINARY: Final = "/usr/sbin/slapd"
_TLS_ONLY: Final = "security simple_bind=128"

_CONFIGURATION: Final = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {here}/slapd.pid
argsfile {here}/slapd.args
threads 4
{tls}
{security}
database mdb
suffix "{base}"
rootdn "cn=policy,{base}"
directory {here}/data
maxsize 104857600
dbnosync
sizelimit 20
overlay memberof
overlay ppolicy
ppolicy_default "cn=default,ou=policies,{base}"
ppolicy_use_lockout
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=groups,{base}" by users read
access to * by dn.exact="{service}" read by self read by anonymous auth
"""
_TLS: Final = """\
TLSCACertificateFile {here}/ca.pem
TLSCertificateFile {here}/server.pem
TLSCertificateKeyFile {here}/server.key
TLSVerifyClient never
"""
_TOP: Final = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{BASE}
objectClass: organizationalUnit
ou: groups

dn: ou=policies,{BASE}
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,{BASE}
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 5
pwdMustChange: TRUE

dn: cn=old,ou=policies,{BASE}
objectClass: device
objectClass: pwdPolicy
cn: old
pwdAttribute: userPassword
pwdMaxAge: 60

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: radiusmfa
userPassword: {SERVICE_PASSWORD.decode()}

dn: ou=elsewhere,{BASE}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=elsewhere,{BASE}
"""


def person(uid: str, *more: str, rdn: str = "") -> str:
    """Return the entry of somebody below `ou=people`, with *more* lines."""
    return "\n".join(
        (
            f"dn: {rdn or f'uid={uid}'},ou=people,{BASE}",
            "objectClass: inetOrgPerson",
            f"uid: {uid}",
            f"cn: {uid}",
            f"sn: {uid}",
            f"userPassword: {PASSWORD}",
            *more,
            "",
        )
    )


def group(name: str, *uids: str) -> str:
    """Return a group that has its members by their distinguished names."""
    members = [f"member: uid={uid},ou=people,{BASE}" for uid in uids]
    head = (f"dn: cn={name},ou=groups,{BASE}", "objectClass: groupOfNames", f"cn: {name}")
    return "\n".join((*head, *members, ""))


PEOPLE: Final = (
    person("alice", "mail: alice@corp.example", f"memberOf: cn=staff,ou=groups,{BASE}"),
    person("bob", "mail: bob@corp.example", "employeeType: contractor", "employeeType: night"),
    person("carol", "mail: shared@corp.example"),
    person("dave", "mail: shared@corp.example"),
    person("erin", "uid: erin.old", "mail: erin@corp.example"),
    person(
        "jane",
        "mail: jane@corp.example",
        rdn="cn=Doe\\, Jane (HR)+uid=jane",
    ).replace("cn: jane", "cn: Doe, Jane (HR)"),
    person("locked", "pwdAccountLockedTime: 000001010000Z"),
    person("reset", "pwdReset: TRUE"),
    person(
        "expired",
        f"pwdPolicySubentry: cn=old,ou=policies,{BASE}",
        "pwdChangedTime: 20200101000000Z",
    ),
    person("nopassword").replace(f"userPassword: {PASSWORD}\n", ""),
    person("photo", "jpegPhoto:: /9j/4AAQSkZJRgAB", "description: plain"),
    person("guessed"),
    person("busy", *(f"memberOf: cn=g{at},ou=groups,{BASE}" for at in range(30))),
)
GROUPS: Final = (
    group("staff", "alice", "bob"),
    group("owners", "alice"),
    "\n".join(
        (
            f"dn: cn=wheel,ou=groups,{BASE}",
            "objectClass: posixGroup",
            "cn: wheel",
            "gidNumber: 100",
            "memberUid: alice",
            "",
        )
    ),
    *(group(f"g{at}", "busy") for at in range(30)),
)


@final
class Slapd:
    """
    A running slapd.

    Attributes:
        folder: Where everything of it lies.
        port: Of LDAP and StartTLS, on 127.0.0.1.
        tls_port: Of LDAPS.
        ca_file: Who signed its certificate.
    """

    def __init__(
        self, folder: Path, ca: trustme.CA, *names: str, security: str = _TLS_ONLY
    ) -> None:
        """
        Fill it, start it, and wait until it listens.

        Args:
            folder: To be made.
            ca: Who signs its certificate.
            names: In its certificate; none: it has no TLS at all.
            security: What it demands; usually it takes no password without TLS.
        """
        folder.mkdir(mode=0o700)
        (folder / "data").mkdir()
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self.port, self.tls_port = free_ports(2)
        self._names = names
        if names:
            certificate = ca.issue_cert(*names)
            certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
            certificate.private_key_pem.write_to_path(str(folder / "server.key"))
        ca.cert_pem.write_to_path(str(self.ca_file))
        tls = _TLS.format(here=folder) if names else ""
        (folder / "slapd.conf").write_text(
            _CONFIGURATION.format(
                here=folder, base=BASE, service=SERVICE, security=security, tls=tls
            )
        )
        (folder / "all.ldif").write_text("\n".join((_TOP, *PEOPLE, *GROUPS)))
        # AppArmor keeps the one in its place out of folders like this one.
        self._binary = shutil.copy(_BINARY, folder / "slapd")
        self._run("-T", "add", "-l", str(folder / "all.ldif"))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, again too, and wait until it listens."""
        urls = f"ldap://{LOOPBACK}:{self.port}"
        urls += f" ldaps://{LOOPBACK}:{self.tls_port}" if self._names else ""
        ports = (self.port, self.tls_port) if self._names else (self.port,)
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [self._binary, "-f", "slapd.conf", "-h", urls, "-d", "none"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        until = time.monotonic() + START_SECONDS
        while not all(_listens(port) for port in ports):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                said = (self.folder / "output").read_text(errors="replace")
                message = f"slapd does not listen:\n{said[-2000:]}"
                raise AssertionError(message)
            time.sleep(0.02)

    def kill(self) -> None:
        """End it without a word, by its process id."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it accept connections and say nothing, until it is killed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [self._binary, *words, "-f", "slapd.conf"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
