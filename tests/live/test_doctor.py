"""`radiusmfa doctor`, `probe` and `try` against real token servers: every cause by its name."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from tests.live.clients import FAST, need
from tests.live.token_server import UPSTREAM_SECRET, Signature, TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE
from tests.live.world import World, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE: Final = "127.0.0.1"
_TIMEOUT: Final = "2"


@final
class Clinic:
    """A site whose upstreams are made one by one."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        """Have no upstream yet."""
        self.world = World(folder)
        self._folder = folder
        self._stack = stack
        self._upstreams: dict[str, object] = {}

    def server(self, name: str, plays: str = "generic", **more: Any) -> TokenServer:  # noqa: ANN401
        """Start a token server in a folder called *name*; it answers its first client."""
        server = TokenServer(self._folder / name, plays, **more)
        server.start(source=more.get("clients", [HERE])[0])
        self._stack.callback(server.stop)
        return server

    def silent(self) -> int:
        """Return a port where somebody listens and never answers."""
        channel = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        channel.bind((HERE, 0))
        port: int = channel.getsockname()[1]
        return port

    def upstream(self, name: str, port: int, **more: object) -> None:
        """Have an upstream called *name* with one server at *port* of this host."""
        dialogue = more.pop("dialogue", "generic")
        server = {"host": HERE, "port": port, "secret": {"file": "upstream-secret"}} | more
        self._upstreams[name] = {"servers": [server], "dialogue": dialogue}

    def configure(self) -> None:
        """Write the configuration."""
        secret = self.world.folder / "upstream-secret"
        secret.write_bytes(UPSTREAM_SECRET)
        secret.chmod(0o600)
        names = list(self._upstreams)
        self.world.configure(
            [
                {"name": "self", "networks": [f"{HERE}/32"], "factors": names},
                {"name": "step", "networks": ["127.0.0.2/32"], "mode": "step-up"},
            ],
            upstreams=self._upstreams,
            factors={name: {"upstream": name} for name in names},
            passwords=FAST,
        )

    def doctor(self, *words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        """Return the exit code and the findings by upstream; "" has those of our own side."""
        done = self.world.run("doctor", "--timeout", _TIMEOUT, "--json", *words, expect=None)
        found: dict[str, list[dict[str, Any]]] = {}
        for one in json.loads(done.stdout)["findings"]:
            subject = one["subject"].split()
            name = subject[1] if subject[0] == "upstream" else ""
            found.setdefault(name, []).append(one)
        assert UPSTREAM_SECRET.decode() not in done.stdout
        return done.returncode, found


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """Return a site without upstreams."""
    need("freeradius")
    with ExitStack() as stack:
        yield Clinic(tmp_path, stack)


def _faults(found: list[dict[str, Any]]) -> list[str]:
    return [one["cause"] for one in found if one["level"] == "fault"]


def test_every_cause_is_named(clinic: Clinic) -> None:
    """Each way in which a token server fails us has its name, and what to do about it."""
    ports = {
        "secret": clinic.server("secret", secret=b"another-secret-of-it").port,
        "strict": clinic.server(
            "strict", secret=b"another-secret-of-it", requires_signature=True
        ).port,
        "strangers": clinic.server("strangers", clients=["127.0.0.9"]).port,
        "unsigned": clinic.server("unsigned", signature=Signature.NONE).port,
        "statusless": clinic.server("statusless", status_server=False).port,
        "closed": free_ports(1)[0],
        "silent": clinic.silent(),
    }
    for name, port in ports.items():
        clinic.upstream(name, port, alive_check="status-server")
    clinic.configure()

    code, found = clinic.doctor()

    assert code == 1
    assert {name: _faults(found[name]) for name in ports} == {
        "secret": ["other-secret"],
        "strict": ["silent"],
        "strangers": ["silent"],
        "unsigned": ["unsigned-replies"],
        "statusless": ["no-status-server"],
        "closed": ["nothing-listens"],
        "silent": ["silent"],
    }
    faults = [one for ones in found.values() for one in ones if one["level"] == "fault"]
    assert all(one["advice"] for one in faults)


def test_site_without_a_fault_is_well(clinic: Clinic) -> None:
    """A running server and good token servers: exit code 0, with every answer's time."""
    first = clinic.server("first", "securid")
    other = clinic.server("other", "nps", status_server=False)
    clinic.upstream("rsa", first.port, dialogue="securid", alive_check="status-server")
    clinic.upstream("nps", other.port, dialogue="nps")
    clinic.configure()
    clinic.world.start()

    code, found = clinic.doctor()

    assert code == 0
    assert clinic.world.stop() == 0
    assert [one["text"] for one in found["rsa"]] == [
        "Status-Server answered, Message-Authenticator right, first",
        "refuses radiusmfa-probe, who does not exist, Message-Authenticator right, first",
    ]
    assert [one["text"] for one in found["nps"]] == [
        "refuses radiusmfa-probe, who does not exist, Message-Authenticator right, first"
    ]
    assert all(one["milliseconds"] > 0 for one in found["rsa"] + found["nps"])
    listening = [one for one in found[""] if one["subject"].startswith(f"listen {HERE}:")]
    assert [one["text"] for one in listening] == 2 * ["a server runs and answers Status-Server"]


def test_waiver_is_taken_and_named(clinic: Clinic) -> None:
    """A server whose unsigned replies are taken is no fault; what that means is said."""
    unsigned = clinic.server("unsigned", signature=Signature.NONE)
    signed = clinic.server("signed")
    for name, port in (("unsigned", unsigned.port), ("signed", signed.port)):
        clinic.upstream(name, port, require_message_authenticator=False)
    clinic.configure()

    code, found = clinic.doctor()

    assert code == 0
    assert found["unsigned"][-1]["cause"] == "unsigned-replies"
    assert found["signed"][-1]["cause"] == "needless-waiver"


def test_server_that_lets_anybody_in_is_an_alarm(clinic: Clinic) -> None:
    """A server that accepts whoever asks is the worst that can be found."""
    server = clinic.server("open")
    server.stop()
    with (server.folder / "users").open("a") as users:
        users.write('radiusmfa-probe Token-Mode := "anybody", Token-Wait := "0"\n')
    server.start()
    clinic.upstream("open", server.port, alive_check="status-server")
    clinic.configure()

    code, found = clinic.doctor()

    assert code == 1
    assert _faults(found["open"]) == ["lets-anybody-in"]


def test_dead_servers_are_waited_for_together(clinic: Clinic) -> None:
    """Ten silent servers take no longer than one."""
    for at in range(10):
        clinic.upstream(f"silent-{at}", clinic.silent())
    clinic.configure()
    start = time.monotonic()

    code, found = clinic.doctor()

    assert code == 1
    assert sum(_faults(ones) == ["silent"] for ones in found.values()) == 10
    assert time.monotonic() - start < 15


def test_probe_speaks_with_a_token_server(clinic: Clinic) -> None:
    """The dialogue of a token server is played without our server, its events named."""
    server = clinic.server("rsa", "securid", signature=Signature.LAST)
    clinic.upstream("rsa", server.port, dialogue="securid", alive_check="status-server")
    clinic.configure()
    (clinic.world.folder / "codes").write_text(f"{NEXT_CODE}\n")
    words = ["--password-file", "-", "--code-file", str(clinic.world.folder / "codes"), "--json"]

    done = clinic.world.run("probe", "next", "--upstream", "rsa", *words, typed=PASSCODE)
    told = json.loads(done.stdout)
    assert told["decision"] == "accept"
    assert [one.get("event") for one in told["packets"] if one["way"] == "received"] == [
        "next-code-wanted",
        None,
    ]
    for secret in (PASSCODE, NEXT_CODE, UPSTREAM_SECRET.decode()):
        assert secret not in done.stdout
    words = ["probe", "normal", "--upstream", "rsa", "--password-file", "-"]
    assert clinic.world.run(*words, typed=CODE, expect=1).stdout
    clinic.world.run("probe", "--status", "--upstream", "rsa")


def test_try_asks_a_token_server_only_on_demand(clinic: Clinic) -> None:
    """Without --ask-upstreams it stops before the token server; with it, the server decides."""
    server = clinic.server("rsa", "securid")
    clinic.upstream("rsa", server.port, dialogue="securid", alive_check="status-server")
    clinic.configure()
    words = ["try", "normal", "--client", "step", "--password-file", "-"]

    done = clinic.world.run(*words, typed=PASSCODE, expect=1)
    assert 'unasked   upstream rsa would be asked about "normal"' in done.stdout
    assert server.requests("normal") == []
    done = clinic.world.run(*words, "--ask-upstreams", typed=PASSCODE)
    assert "decision  accept: passed (rsa)" in done.stdout
    assert server.passwords("normal") == [PASSCODE]
    done = clinic.world.run(*words, "--ask-upstreams", typed=CODE, expect=1)
    assert "decision  reject: upstream-refused" in done.stdout
    assert clinic.world.audit(kind="login") == []
