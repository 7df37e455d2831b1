"""
Services that mean harm, or are broken: nobody gets in by them, and nobody else waits for them.

Each has a service, a client and a person of its own, so that what one of them has done is no
reason to ask another one no more.
"""

from __future__ import annotations

import datetime as dt
import gzip
import secrets
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import pytest
import trustme

from radiusmfa.wire import numbers
from tests.duo import IKEY, SKEY
from tests.live.clients import FAST, need
from tests.live.hostile_service import HostileService, drips, floods, says, silent
from tests.live.upstreams import ends, import_users
from tests.live.world import PASSWORD, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.hostile_service import Act

_CODES: Final = "127.0.12.250"
_OK: Final = b"HTTP/1.1 200 OK\r\n"
_JSON: Final = b"Content-Type: application/json\r\n"
_ALLOW: Final = b'{"stat":"OK","response":{"result":"allow","status_msg":"x"}}'
_SIZE: Final = b"Content-Length: %d\r\n" % len(_ALLOW)
_MOST_OCTETS: Final = 150_000_000
"""By which the server may grow while somebody sends without end."""


def _bomb(times: int) -> bytes:
    octets = bytes(1024 << 20)
    for _ in range(times):
        octets = gzip.compress(octets, 9)
    return octets


def _body(octets: bytes, *headers: bytes) -> Act:
    size = b"Content-Length: %d\r\n" % len(octets)
    return says(_OK, _JSON, size, *headers, b"\r\n", octets)


def _chunks(octets: bytes) -> Act:
    return says(_OK, _JSON, b"Transfer-Encoding: chunked\r\n\r\n", octets)


# Whoever is asked so has not said yes, whatever else it says.
HOSTILE: Final[dict[str, Act]] = {
    "silent": silent,
    "header-drips": drips(_OK + b"X-A: "),
    "status-drips": drips(b"HTTP/1.1 2"),
    "body-drips": drips(_OK + b"Content-Length: 1000\r\n\r\n"),
    "chunks-drip": drips(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "headers-without-end": floods(_OK, b"X-A: a\r\n" * 10_000),
    "long-header": floods(_OK + b"X-A: ", b"a" * 65_536),
    "body-without-end": floods(_OK + b"\r\n", b" " * 65_536),
    "body-of-a-terabyte": floods(_OK + b"Content-Length: 1099511627776\r\n\r\n", b" " * 65_536),
    "chunks-without-end": floods(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 9999),
    "chunk-size-without-end": floods(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65_536),
    "continues-without-end": floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "large": _body(_ALLOW + b" " * 65_537),
    "gzip-bomb": _body(gzip.compress(bytes(64 << 20), 9), b"Content-Encoding: gzip\r\n"),
    "bomb-in-a-bomb": _body(_bomb(2), b"Content-Encoding: gzip, gzip\r\n"),
    "many-bombs": _body(_bomb(3), b"Content-Encoding: gzip, gzip, gzip\r\n"),
    "folded-header-without-end": floods(_OK + b"X-A: a\r\n", b" a\r\n" * 10_000),
    "cut": says(_OK, _SIZE, b"\r\n", _ALLOW[:-1]),
    "cut-in-a-chunk": _chunks(b"%x\r\n" % len(_ALLOW) + _ALLOW[:-1]),
    "size-too-small": says(_OK, b"Content-Length: 20\r\n\r\n", _ALLOW),
    "two-sizes": says(_OK, _SIZE, b"Content-Length: 1\r\n\r\n", _ALLOW),
    "size-below-zero": says(_OK, b"Content-Length: -1\r\n\r\n", _ALLOW),
    "size-in-words": says(_OK, b"Content-Length: ten\r\n\r\n", _ALLOW),
    "chunk-of-no-number": _chunks(b"zz\r\n" + _ALLOW),
    "chunk-below-zero": _chunks(b"-5\r\n" + _ALLOW),
    "chunk-too-short": _chunks(b"5\r\n" + _ALLOW + b"\r\n0\r\n\r\n"),
    "chunk-without-size": _chunks(b"\r\n" + _ALLOW),
    "http-0.9": says(_ALLOW),
    "until-the-end": says(_OK, b"\r\n", _ALLOW),
    "http-2": says(b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80"),
    "ssh": says(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "noise": says(secrets.token_bytes(20_000)),
    "status-in-words": says(b"HTTP/1.1 fine OK\r\n", _SIZE, b"\r\n", _ALLOW),
    "status-too-large": says(b"HTTP/1.1 99999999999999999999 OK\r\n", _SIZE, b"\r\n", _ALLOW),
    "no-content": says(b"HTTP/1.1 204 OK\r\n", _SIZE, b"\r\n", _ALLOW),
    "not-modified": says(b"HTTP/1.1 304 OK\r\n", _SIZE, b"\r\n", _ALLOW),
    "partial": says(b"HTTP/1.1 206 OK\r\n", _SIZE, b"\r\n", _ALLOW),
    "unauthorized": says(
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n", _SIZE, b"\r\n", _ALLOW
    ),
    "proxy-auth": says(b"HTTP/1.1 407 No\r\n", _SIZE, b"\r\n", _ALLOW),
    "upgrade": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
    "nesting": _body(b"[" * 60_000),
    "number-of-many-digits": _body(b'{"stat":"OK","response":{"result":' + b"9" * 20_000 + b"}}"),
    "no-utf-8": _body(b"\xff\xfe" + _ALLOW),
    "hangs-up": says(),
    "no-tls": silent,
}
_WITHOUT_TLS: Final = frozenset({"no-tls"})


@final
class Site:
    """
    The server, and everything that it asks.

    Attributes:
        world: The server.
        services: By name.
        elsewhere: Where redirections lead; nobody comes.
    """

    def __init__(self, folder: Path, ca: trustme.CA, ca_file: Path, stack: ExitStack) -> None:
        """Start everything."""
        self.world = World(folder)
        self.services: dict[str, HostileService] = {}
        self._settings: dict[str, Any] = {}
        self._clients: list[dict[str, Any]] = []
        self._stack = stack
        self._ca_file = ca_file
        self._key = self.world.folder / "skey"
        self._key.write_text(SKEY)
        self._key.chmod(0o600)
        good = _context(ca.issue_cert("127.0.0.1"))
        self.elsewhere = stack.enter_context(HostileService(_body(_ALLOW), good))
        there = f"https://{self.elsewhere.host}/auth/v2/preauth".encode()
        for status in (301, 302, 303, 307, 308):
            head = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\n" % (status, there)
            self._add(f"moved-{status}", says(head, _SIZE, b"\r\n", _ALLOW), good)
        for name, act in HOSTILE.items():
            self._add(name, act, None if name in _WITHOUT_TLS else good)
        week = dt.timedelta(days=7)
        past = dt.datetime.now(dt.UTC) - week
        for name, certificate in (
            ("expired", ca.issue_cert("127.0.0.1", not_before=past - week, not_after=past)),
            ("of-tomorrow", ca.issue_cert("127.0.0.1", not_before=past + 2 * week)),
            ("of-another-host", ca.issue_cert("duo.example.com", "127.0.0.2")),
            ("of-another-authority", trustme.CA().issue_cert("127.0.0.1")),
        ):
            self._add(f"certificate-{name}", _body(_ALLOW), _context(certificate))
        self._add("well", says(_OK, _SIZE, b"\r\n", _ALLOW, goes_on=True), good)
        self._add("http-1.0", says(b"HTTP/1.0 200 OK\r\n", _SIZE, b"\r\n", _ALLOW), good)
        cookie = b"Set-Cookie: session=1; Path=/\r\nSet-Cookie: JSESSIONID=2\r\n"
        self._add("cookies", says(_OK, cookie, _SIZE, b"\r\n", _ALLOW, goes_on=True), good)
        again = b"HTTP/1.1 100 Continue\r\n\r\n" * 100
        self._add("continues", says(again, _OK, _SIZE, b"\r\n", _ALLOW), good)
        self._write()
        self.world.populate(40)
        import_users(self.world, [f"h-{name}" for name in self.services], PASSWORD)
        self.world.start(source=_CODES)

    def log_in(self, name: str) -> int:
        """Let the person of a service log in; return the packet code."""
        source = next(one["networks"][0] for one in self._clients if one["name"] == name)
        with self.world.nas(source) as nas:
            return nas.ask(nas.request(f"h-{name}", PASSWORD), 20.0).code

    def size(self) -> int:
        """Return the most memory that the server has had, in octets."""
        status = Path(f"/proc/{self.world.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def _add(self, name: str, act: Act, context: ssl.SSLContext | None) -> None:
        service = self._stack.enter_context(HostileService(act, context))
        self.services[name] = service
        duo = {"host": service.host, "integration_key": IKEY, "secret_key": {"file": "skey"}}
        self._settings[name] = {"duo": duo, "ca_file": str(self._ca_file), "timeout": 2}
        self._clients.append({
            "name": name, "networks": [f"127.0.12.{len(self._clients) + 1}"],
            "factors": [name], "mode": "auto", "time_budget": 10,
        })  # fmt: skip

    def _write(self) -> None:
        codes = {"name": "codes", "networks": [_CODES], "mode": "step-up", "factors": ["totp"]}
        self.world.configure(
            [*self._clients, codes | {"retry_window": 0}],
            passwords=FAST,
            services=self._settings,
            factors={"totp": {}} | {name: {"service": name} for name in self._settings},
        )


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def site(ca: trustme.CA, ca_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the server; at its end nothing of it was broken, and no secret told."""
    need("oathtool")
    with ExitStack() as stack:
        made = Site(tmp_path_factory.mktemp("hostile"), ca, ca_file, stack)
        yield made
        assert made.world.stop() == 0
        assert made.world.faults() == []
        made.world.run("audit", "verify")
        said = made.world.log() + made.world.run("audit", "export").stdout
        for secret in (SKEY, PASSWORD, "Basic "):
            assert secret not in said


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_service_lets_nobody_in(site: Site, name: str) -> None:
    """Whatever it says that is no answer, the login is refused in time, and others get in."""
    before = site.size()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(site.log_in, name)
        person = site.world.person()
        with site.world.nas(_CODES) as nas:
            assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT
        assert asked.result() == numbers.ACCESS_REJECT
    ((decision, reason),) = ends(site.world, f"h-{name}")
    assert decision == "reject"
    assert reason.startswith(("upstream-", "bad-upstream"))
    assert site.size() - before < _MOST_OCTETS


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirection_is_not_followed(site: Site, status: int) -> None:
    """What is signed with our key goes to nobody else."""
    assert site.log_in(f"moved-{status}") == numbers.ACCESS_REJECT
    assert site.elsewhere.accepted == 0


@pytest.mark.parametrize(
    "name",
    ["expired", "of-tomorrow", "of-another-host", "of-another-authority"],
)
def test_certificate_that_is_not_theirs_is_refused(site: Site, name: str) -> None:
    """Nothing of the login is said to them."""
    assert site.log_in(f"certificate-{name}") == numbers.ACCESS_REJECT
    assert ends(site.world, f"h-certificate-{name}") == [("reject", "upstream-unreachable")]
    assert site.services[f"certificate-{name}"].asked == []
    assert "its certificate is not trusted" in site.world.log()


@pytest.mark.parametrize("name", ["well", "http-1.0", "continues"])
def test_service_that_is_only_odd_lets_in(site: Site, name: str) -> None:
    """An answer is an answer: with interim ones before it, or until the end of the connection."""
    assert site.log_in(name) == numbers.ACCESS_ACCEPT


def test_cookies_are_not_brought_back(site: Site) -> None:
    """Nor kept for anybody."""
    for _ in range(2):
        assert site.log_in("cookies") == numbers.ACCESS_ACCEPT
    asked = site.services["cookies"].asked
    assert len(asked) == 2
    assert not [one for one in asked if "cookie" in one.headers]
