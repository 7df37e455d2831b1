"""Debian's Samba as the domain controller of an Active Directory, on a host of its own."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from socket import create_connection
from typing import TYPE_CHECKING, Final, final

import trustme

from tests.live.clients import need
from tests.live.world import START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.live.namespace import Namespace

DOMAIN: Final = "CORP"
REALM: Final = "corp.example.com"
BASE: Final = "DC=corp,DC=example,DC=com"
PEOPLE: Final = f"OU=People,{BASE}"
GROUPS: Final = f"OU=Groups,{BASE}"
SERVER_NAME: Final = f"dc1.{REALM}"
PASSWORD: Final = "correct horse"
LDAP_PORT: Final = 389
LDAPS_PORT: Final = 636
# Wrong passwords until the domain locks an account, for half an hour.
THRESHOLD: Final = 5

_LONG_AGO: Final = "132223104000000000"  # 2020, in 100 ns since 1601
# What an account has to have so that the domain refuses it although the password is right.
DISABLED: Final = {"userAccountControl": "514"}
EXPIRED: Final = {"accountExpires": _LONG_AGO}
MUST_CHANGE: Final = {"pwdLastSet": "0"}
NO_HOURS: Final = {"logonHours": bytes(21)}  # a bit for each hour of the week
ELSEWHERE: Final = {"userWorkstations": "RECEPTION"}

_PATIENCE: Final = 10.0
_FOLDERS: Final = ("private", "state", "cache", "run", "rpc", "dns", "winbind", "time")
# Nothing but LDAP, and nothing outside of the folder. `tls verify peer` is for Samba's own client,
# which cannot look for an address in a certificate.
_CONFIGURATION: Final = """
[global]
    workgroup = {domain}
    realm = {realm}
    netbios name = DC1
    server role = active directory domain controller
    server services = ldap
    interfaces = {addresses}
    bind interfaces only = yes
    disable netbios = yes
    load printers = no
    private dir = {here}/private
    state directory = {here}/state
    cache directory = {here}/cache
    lock directory = {here}/run
    pid directory = {here}/run
    ncalrpc dir = {here}/rpc
    binddns dir = {here}/dns
    winbindd socket directory = {here}/winbind
    ntp signd socket directory = {here}/time
    posix:eadb = {here}/attributes.tdb
    tls enabled = yes
    tls cafile = {here}/ca.pem
    tls certfile = {here}/certificate.pem
    tls keyfile = {here}/key.pem
    tls verify peer = ca_and_name_if_available
    log file = {here}/log
    log level = 0 auth_json_audit:3
[sysvol]
    path = {here}/state/sysvol
[netlogon]
    path = {here}/state/sysvol/{realm}/scripts
"""
_DOMAIN_RULES: Final = {"lockoutThreshold": str(THRESHOLD), "pwdProperties": "0", "minPwdAge": "0"}
# Else the time of a password's last change is what the server says (DSDB_CONTROL_BYPASS_...).
_BYPASS_PASSWORD_HASH: Final = "local_oid:1.3.6.1.4.1.7165.4.3.12:0"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    Somebody in the domain; no two of the names are equal.

    Attributes:
        name: sAMAccountName.
        upn: userPrincipalName.
        mail: Of another domain.
        dn: Distinguished name.
        password: The right one.
    """

    name: str
    upn: str
    mail: str
    dn: str
    password: str = field(default=PASSWORD, repr=False)


@final
class DomainController:
    """
    A domain in a folder, and the server that may run on it.

    Attributes:
        address: The server's; its certificate is for this and for `SERVER_NAME`.
        other: A second address of it, which the certificate does not name.
        ca_file: Who has signed the certificate.
        searcher: An account without rights that may look others up.
    """

    def __init__(self, folder: Path, network: Namespace) -> None:
        """Provision the domain, which takes some seconds; `start` comes next."""
        need("samba", "samba-tool", "ldbmodify", "ldbsearch")
        self._folder = folder
        self._output = folder / "output"
        self._network = network
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0
        self.address, self.other = network.addresses
        self.ca_file = folder / "ca.pem"
        self._write_configuration()
        self._provision()
        self._modify(_entry(BASE, _DOMAIN_RULES, replace=True))
        for unit in (PEOPLE, GROUPS):
            self._modify(_entry(unit, {"objectClass": "organizationalUnit"}))
        self.searcher = self.add()

    # -- who is in the domain --

    def add(
        self, attributes: Mapping[str, str | bytes] | None = None, *, called: str = ""
    ) -> Account:
        """
        Return somebody new.

        Args:
            attributes: What else their entry holds, or holds instead.
            called: How the entry is called (its CN); by default as the account.
        """
        self._number += 1
        name = f"person{self._number:03d}"
        entry: dict[str, str | bytes] = {
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": f"{name}.upn@{REALM}",
            "mail": f"{name}@mail.example.org",
            "userAccountControl": "512",
            "unicodePwd": f'"{PASSWORD}"'.encode("utf-16-le"),
            **(attributes or {}),
        }
        account = Account(
            name=str(entry["sAMAccountName"]),
            upn=str(entry["userPrincipalName"]),
            mail=str(entry["mail"]),
            dn=f"CN={_escaped(called or name)},{PEOPLE}",
        )
        self._modify(_entry(account.dn, entry))
        return account

    def add_group(self, name: str, *members: str) -> str:
        """Return the DN of a new group called *name* (its CN) of *members*, which are DNs."""
        dn = f"CN={_escaped(name)},{GROUPS}"
        usual = {"objectClass": "group", "sAMAccountName": _account_name(name)}
        self._modify(_entry(dn, usual, ("member", members)))
        return dn

    def add_member(self, group: str, member: str) -> None:
        """Add *member* to *group*, both DNs."""
        lines = [_line("dn", group), "changetype: modify", "add: member", _line("member", member)]
        self._modify("\n".join([*lines, "", ""]))

    def let_password_expire(self, account: Account) -> None:
        """Let the password of *account* be older than the 42 days that the domain allows."""
        old = {"pwdLastSet": _LONG_AGO}
        entry = _entry(account.dn, old, replace=True)
        self._modify(entry, f"--controls={_BYPASS_PASSWORD_HASH}")

    def lock(self, account: Account) -> None:
        """Send wrong passwords until the domain has locked *account*."""
        for number in range(THRESHOLD):
            # Samba's own client, so that nothing of ours takes part in it.
            words = [f"--simple-bind-dn={account.dn}", f"--password=guess {number}"]
            self._run("ldbsearch", *self._remote(), *words, expect=1)
        assert self.wrong_passwords(account) == THRESHOLD

    def wrong_passwords(self, account: Account) -> int:
        """Return how many wrong passwords the domain counts for *account* (badPwdCount)."""
        done = self._run("ldbsearch", *self._local(), "-b", account.dn, "-s", "base", "badPwdCount")
        return int(done.partition("badPwdCount: ")[2].split()[0])

    def logins(self, account: Account) -> list[str]:
        """
        Return what came of each password that the server has checked for *account*.

        By the server's own log: `OK`, `WRONG_PASSWORD`, `ACCOUNT_LOCKED_OUT` and so on.
        """
        told = [
            json.loads(line)["Authentication"]
            for line in self._output.read_text(errors="replace").splitlines()
            if '"type": "Authentication"' in line
        ]
        return [
            one["status"].removeprefix("NT_STATUS_")
            for one in told
            if one["mappedAccount"] == account.name
        ]

    # -- the process --

    def start(self) -> None:
        """Start the server and wait until it answers over TLS."""
        assert self._process is None
        options = ["--interactive", "--no-process-group", "--model=single"]
        with self._output.open("ab") as output:
            # It ends when its standard input does: also if the tests are killed.
            self._process = subprocess.Popen(
                self._network.command("samba", *options, f"--configfile={self._configuration}"),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        trusted = ssl.create_default_context(cafile=str(self.ca_file))
        until = time.monotonic() + START_SECONDS
        while not self._answers(trusted):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                said = self._output.read_text(errors="replace")
                message = f"Samba does not answer:\n{said[-2000:]}"
                raise AssertionError(message)

    def stop(self) -> None:
        """End the server, if it runs."""
        self._end(SIGTERM)

    def kill(self) -> None:
        """End the server with SIGKILL: what was asked of it gets no answer."""
        self._end(SIGKILL)

    def freeze(self) -> None:
        """Let the server say nothing more; the kernel still takes connections for it."""
        self._signal(SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(SIGCONT)

    def _signal(self, number: Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            assert process.stdin is not None
            process.stdin.close()

    def _answers(self, trusted: ssl.SSLContext) -> bool:
        try:
            with (
                create_connection((self.address, LDAPS_PORT), timeout=_PATIENCE) as channel,
                trusted.wrap_socket(channel, server_hostname=self.address),
            ):
                return True
        except OSError:
            time.sleep(0.05)
            return False

    # -- the folder --

    def _write_configuration(self) -> None:
        for folder in _FOLDERS:
            (self._folder / folder).mkdir(mode=0o700)
        self._configuration = self._folder / "smb.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                domain=DOMAIN,
                realm=REALM.upper(),
                addresses=" ".join(self._network.addresses),
                here=self._folder,
            )
        )
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        issued = authority.issue_cert(SERVER_NAME, self.address)
        issued.cert_chain_pems[0].write_to_path(str(self._folder / "certificate.pem"))
        key = self._folder / "key.pem"
        key.touch(mode=0o600)  # Samba takes no key that others may read
        issued.private_key_pem.write_to_path(str(key))

    def _provision(self) -> None:
        options = ["--quiet", "--server-role=dc", "--dns-backend=NONE", "--host-name=dc1"]
        self._run(
            "samba-tool",
            "domain",
            "provision",
            *options,
            f"--realm={REALM}",
            f"--domain={DOMAIN}",
            f"--host-ip={self.address}",
            f"--configfile={self._configuration}",
        )

    def _modify(self, entry: str, *options: str) -> None:
        self._run("ldbmodify", *self._local(), *options, typed=entry)

    def _local(self) -> list[str]:
        # Not over the network: whoever may write to the files may do everything.
        return ["-H", str(self._folder / "private/sam.ldb"), f"--configfile={self._configuration}"]

    def _remote(self) -> list[str]:
        return ["-H", f"ldaps://{self.address}", f"--configfile={self._configuration}"]

    def _run(self, *words: str, typed: str = "", expect: int = 0) -> str:
        done = subprocess.run(
            words,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == expect, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout


def _entry(
    dn: str,
    attributes: Mapping[str, str | bytes],
    *several: tuple[str, Iterable[str]],
    replace: bool = False,
) -> str:
    """Return a change in LDIF (RFC 2849): a new entry, or other values of one."""
    lines = [_line("dn", dn), "changetype: modify" if replace else "changetype: add"]
    for name, value in attributes.items():
        lines += [f"replace: {name}"] if replace else []
        lines += [_line(name, value), *(["-"] if replace else [])]
    lines += [_line(name, value) for name, values in several for value in values]
    return "\n".join([*lines, "", ""])


def _line(name: str, value: str | bytes) -> str:
    octets = value if isinstance(value, bytes) else value.encode()
    return f"{name}:: {base64.b64encode(octets).decode()}"


def _account_name(name: str) -> str:
    """Return *name* without what no sAMAccountName may hold (MS-SAMR section 3.1.1.6)."""
    return "".join("_" if one in '"/\\[]:|<>+=;?,*' else one for one in name)


def _escaped(value: str) -> str:
    """Return *value* as a distinguished name holds it (RFC 4514 section 2.4)."""
    return "".join(f"\\{one}" if one in ',+"\\<>;=' else one for one in value)
