"""Debian's FreeRADIUS with `rlm_totp` or as a proxy, in a directory of its own, as a child."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import processes
from bench.slapd import BASE, GROUP, SERVICE, SERVICE_PASSWORD

if TYPE_CHECKING:
    from bench.people import Person
    from bench.slapd import Directory

MODES: Final = ("step-up", "append", "challenge")
_LIBRARIES: Final = "/usr/lib/freeradius"

# Without `threads` FreeRADIUS decides in the thread that receives (`-s`).
_POOL: Final = """
thread pool {{
    start_servers = {threads}
    max_servers = {threads}
    min_spare_servers = 1
    max_spare_servers = {threads}
    max_requests_per_server = 0
    auto_limit_acct = no
}}
"""

_MAIN: Final = """
prefix = /usr
libdir = {libraries}
confdir = {here}
raddbdir = {here}
logdir = {here}
run_dir = {here}
db_dir = {here}
radacctdir = {here}
name = bench
pidfile = {here}/bench.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 65536
hostname_lookups = no
log {{
    destination = files
    file = {here}/radius.log
    auth = no
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = yes
}}
proxy_requests = {proxies}
client bench {{
    ipaddr = 127.0.0.1
    secret = {secret}
    require_message_authenticator = yes
}}
{pool}
modules {{
    files {{
        usersfile = {here}/users
        key = "%{{%{{Stripped-User-Name}}:-%{{User-Name}}}}"
    }}
    pap {{
        normalise = no
    }}
    totp {{
    }}
    expr {{
    }}
    always reject {{
        rcode = reject
    }}
{modules}
}}
server bench {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
{virtual}
}}
"""

# Debian's proxy.conf, less its comments; `require_message_authenticator` signs what is sent.
_PROXY: Final = """
proxy server {{
    default_fallback = no
}}
home_server home {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
    secret = {secret}
    require_message_authenticator = yes
    response_window = 20
    zombie_period = 40
    revive_interval = 120
    status_check = status-server
    check_interval = 30
    check_timeout = 4
    num_answers_to_alive = 3
    max_outstanding = 65536
}}
home_server_pool pool {{
    type = fail-over
    home_server = home
}}
realm forwarded {{
    auth_pool = pool
    nostrip
}}
"""

_FORWARD: Final = """
    authorize {
        update control {
            &Proxy-To-Realm := forwarded
        }
    }
    authenticate {
    }
"""

_STEP_UP: Final = """
    authorize {
        files
        update request {
            &TOTP-Password := "%{User-Password}"
        }
        update control {
            &Auth-Type := second
        }
    }
    authenticate {
        Auth-Type second {
            totp
        }
    }
"""

_APPEND: Final = """
    authorize {
        files
        if (&User-Password =~ /^(.*)([0-9]{6})$/) {
            update request {
                &User-Password := "%{1}"
                &TOTP-Password := "%{2}"
            }
        }
        pap
        update control {
            &Auth-Type := both
        }
    }
    authenticate {
        Auth-Type both {
            totp
            if (ok) {
                pap
            }
        }
    }
"""

_CHALLENGE: Final = """
    authorize {
        files
        if (&State) {
            if (!&session-state:Tmp-String-0 || &session-state:Tmp-String-0 != &User-Name) {
                reject
            }
            update request {
                &TOTP-Password := "%{User-Password}"
            }
            update control {
                &Auth-Type := second
            }
        }
        else {
            pap
            update control {
                &Auth-Type := first
            }
        }
    }
    authenticate {
        Auth-Type first {
            pap
            if (ok) {
                update session-state {
                    &Tmp-String-0 := &User-Name
                }
                update control {
                    &Response-Packet-Type := Access-Challenge
                }
                update reply {
                    &Reply-Message := "Passcode: "
                    &Prompt := No-Echo
                }
            }
        }
        Auth-Type second {
            totp
        }
    }
"""

# One search a login: the groups stand in the person's entry.
_LDAP: Final = """
    ldap {{
        server = "127.0.0.1"
        port = {port}
        identity = "{service}"
        password = "{password}"
        base_dn = "ou=people,{base}"
        user {{
            base_dn = "${{..base_dn}}"
            filter = "(&(objectClass=person)(uid=%{{User-Name}}))"
        }}
        group {{
            base_dn = "${{..base_dn}}"
            membership_attribute = "memberOf"
            cacheable_dn = yes
            cacheable_name = no
        }}
        options {{
            chase_referrals = no
            res_timeout = 5
        }}
        tls {{
            start_tls = yes
            ca_file = "{ca_file}"
            require_cert = "demand"
        }}
        pool {{
            start = 5
            min = 5
            max = 32
            spare = 3
            uses = 0
            lifetime = 0
            idle_timeout = 60
        }}
    }}
"""
_OWNERS: Final = """
        ldap
        if (!(&LDAP-Group == "{group}")) {{
            reject
        }}
"""

_SIGN: Final = """
    post-auth {
        update reply {
            &Message-Authenticator := 0x00
        }
        Post-Auth-Type REJECT {
            update reply {
                &Message-Authenticator := 0x00
            }
        }
        Post-Auth-Type Challenge {
            update reply {
                &Message-Authenticator := 0x00
            }
        }
    }
"""

_VIRTUAL: Final = {"step-up": _STEP_UP, "append": _APPEND, "challenge": _CHALLENGE}


def find() -> str | None:
    """Return the path of FreeRADIUS, if it is installed."""
    return shutil.which("freeradius", path="/usr/sbin:/usr/bin") or shutil.which("radiusd")


def start(
    here: Path, mode: str, people: list[Person], *, secret: str, threads: int
) -> processes.Server:
    """
    Write the configuration below *here* and start the server.

    Args:
        here: An empty directory.
        mode: One of `MODES`.
        people: Every user with password and seed.
        secret: Shared secret of the one client, 127.0.0.1.
        threads: Worker threads; 0 decides in the thread that receives.
    """
    here.mkdir()
    (here / "users").write_text("".join(_entry(person, mode) for person in people))
    return _launch(here, _VIRTUAL[mode], secret=secret, threads=threads)


def start_proxy(
    here: Path, home: processes.Server, *, secret: str, threads: int
) -> processes.Server:
    """Start it as a proxy that forwards every login to *home*; see `start`."""
    here.mkdir()
    (here / "users").write_text("")
    proxy = _PROXY.format(port=home.port, secret=home.secret)
    return _launch(here, _FORWARD, secret=secret, threads=threads, proxy=proxy)


def has_ldap() -> bool:
    """Say whether it can ask directories."""
    return find() is not None and Path(_LIBRARIES, "rlm_ldap.so").exists()


def start_ldap(  # noqa: PLR0913 - as `start`, and the directory
    here: Path, mode: str, people: list[Person], asked: Directory, *, secret: str, threads: int
) -> processes.Server:
    """Start it with *asked* for groups (`step-up`), or for passwords; see `start`."""
    here.mkdir()
    (here / "users").write_text("".join(_entry(person, "step-up") for person in people))
    virtual = _VIRTUAL[mode]
    if mode == "step-up":
        virtual = virtual.replace(
            "        files\n", "        files\n" + _OWNERS.format(group=GROUP)
        )
    else:
        # Looked up before, bound as afterwards.
        head, _, tail = virtual.partition("    authenticate {")
        head = head.replace("        pap\n", "        ldap\n").replace("    pap\n", "    ldap\n")
        virtual = f"{head}    authenticate {{{tail.replace(' pap', ' ldap')}"
    modules = _LDAP.format(
        port=asked.server.port, service=SERVICE, password=SERVICE_PASSWORD, base=BASE,
        ca_file=asked.ca_file,
    )  # fmt: skip
    return _launch(here, virtual, secret=secret, threads=threads, modules=modules)


def _launch(  # noqa: PLR0913 - the parts of its configuration
    here: Path, virtual: str, *, secret: str, threads: int, proxy: str = "", modules: str = ""
) -> processes.Server:
    here.chmod(0o700)
    port = processes.free_port()
    pool = _POOL.format(threads=threads) if threads else ""
    (here / "dictionary").write_text("")
    (here / "radiusd.conf").write_text(
        _MAIN.format(
            libraries=_LIBRARIES,
            here=here,
            secret=secret,
            pool=pool + proxy,
            proxies="yes" if proxy else "no",
            port=port,
            virtual=virtual + _SIGN,
            modules=modules,
        )
    )
    binary = find()
    assert binary is not None
    arguments = [binary, "-f", *([] if threads else ["-s"]), "-d", str(here), "-n", "radiusd"]
    check = subprocess.run([*arguments, "-CX"], capture_output=True, text=True, check=False)
    if check.returncode:
        message = f"FreeRADIUS refuses its configuration:\n{check.stdout[-1000:]}"
        raise processes.BenchError(message)
    return processes.start(arguments, port=port, secret=secret, log=here / "output")


def _entry(person: Person, mode: str) -> str:
    seed = base64.b32encode(person.seed).decode()
    line = f'{person.name} TOTP-Secret := "{seed}"'
    if mode != "step-up":
        salt = person.seed[:8]
        digest = hashlib.sha256(person.password + salt).digest() + salt
        line += f", SSHA2-256-Password := 0x{digest.hex()}"
    return line + "\n"
