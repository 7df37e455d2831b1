"""The composition root: everything or nothing is opened, reloaded, and stopped in order."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING, Final, Self, final

import pyotp
import pytest
from twisted.logger import capturedLogs, formatEvent

from radiusmfa.cli.exchange import login_request
from radiusmfa.config import read
from radiusmfa.interfaces import KeysError, RadiusmfaError, StoreError
from radiusmfa.primary import hashing
from radiusmfa.secret import Secret
from radiusmfa.server.service import Service
from radiusmfa.server.udp import ListenError
from radiusmfa.stores import database, people, tokens
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault
from radiusmfa.wire import codec, numbers
from tests.fakes import START, FakeReactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from radiusmfa.config.model import Level
    from radiusmfa.server.udp import UdpPort

SECRET: Final = b"a shared secret of 30 octets.."
SEED: Final = b"twenty octets of seed"
PASSWORD: Final = b"correct horse"
LIGHT: Final = hashing.Parameters(memory_kib=512, passes=1, lanes=1)
ACTOR: Final = Actor("root", START)
CLIENT: Final = "{{name: {name}, networks: [{network}], secret: {{file: secret}}, mode: {mode}}}"
FACTS: Final = """
store: {sqlite: radiusmfa.db}
keys: {file: keys}
passwords: {memory_kib: 512, passes: 1, threads: 1}
"""


def text(
    *, mode: str = "auto", network: str = "127.0.0.1", listen: Sequence[str] = ("127.0.0.1:0",)
) -> str:
    """Return a configuration."""
    addresses = ", ".join(f'{{udp: "{address}"}}' for address in listen)
    client = CLIENT.format(name="nas", network=network, mode=mode)
    return (
        f"listen: [{addresses}]\naccounting: [{{udp: '127.0.0.1:0'}}]\nclients: [{client}]{FACTS}"
    )


@final
class Site:
    """A folder with everything that a server needs, and the server."""

    def __init__(self, folder: Path) -> None:
        """Make keys, secret, store and a person with a token."""
        self.folder = folder
        self.path = folder / "radiusmfa.yaml"
        self.reactor = FakeReactor()
        self.levels: list[Level] = []
        (folder / "secret").write_bytes(SECRET)
        (folder / "secret").chmod(0o600)
        vault = Vault.create(folder / "keys")
        database.create(folder / "radiusmfa.db", vault)
        with database.connect(folder / "radiusmfa.db", vault) as store:
            stored = hashing.hash_password(PASSWORD, LIGHT)
            people.add(store, ACTOR, "alice", password=stored)
            new = tokens.NewToken(serial="T-1", kind="totp", seed=Secret(SEED), user="alice")
            tokens.enroll(store, ACTOR, new, status="active")
        self.write(text())
        self._running: list[Service] = []

    def __enter__(self) -> Self:
        """End with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what runs."""
        for service in self._running:
            self.end(service)

    def write(self, configuration: str) -> None:
        """Put another configuration in the file's place."""
        self.path.write_text(configuration)

    def open(self) -> Service:
        """Return a server that is not started."""
        service = Service(self.reactor, read.load(self.path), self.levels.append)
        self._running.append(service)
        return service

    def start(self) -> Service:
        """Return a server that serves."""
        service = self.open()
        service.start()
        return service

    def end(self, service: Service) -> None:
        """Stop *service* and wait until it has."""
        self._running.remove(service)
        done: list[None] = []
        service.stop().addCallback(done.append)
        while not done:
            self.reactor.wait()
            self.reactor.advance(0.01)

    def ports(self) -> list[UdpPort]:
        """Return what is listened on."""
        return [port for port in self.reactor.readers if not port.fileno() < 0]  # type: ignore[misc]

    def access(self) -> tuple[str, int]:
        """Return the first address for Access-Requests."""
        return next(p.address for p in self.ports() if numbers.ACCESS_REQUEST in p.served)

    def ask(
        self,
        typed: bytes,
        state: bytes | None = None,
        *,
        source: str = "127.0.0.1",
        wait: bool = False,
    ) -> codec.Packet | None:
        """Send a login over a real socket and return the verified reply, None for silence."""
        key = codec.SigningKey(Secret(SECRET))
        octets = login_request(key, b"alice", Secret(typed), state)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nas:
            nas.bind((source, 0))
            nas.settimeout(0)
            nas.sendto(octets, self.access())
            self.reactor.read()
            if wait:
                self.reactor.wait()
            return _reply(nas, octets, key)


def _reply(nas: socket.socket, octets: bytes, key: codec.SigningKey) -> codec.Packet | None:
    try:
        packet = codec.decode(nas.recv(4096))
    except BlockingIOError:
        return None
    codec.verify_reply(packet, octets[4:20], key, require_signature=True)
    return packet


def code() -> bytes:
    """Return a passcode that is valid now."""
    return pyotp.TOTP(base64.b32encode(SEED).decode()).now().encode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Everything that a server needs."""
    with Site(tmp_path) as made:
        yield made


def test_wrong_passcode_is_rejected_and_right_one_accepted_over_a_socket(site: Site) -> None:
    """A started server refuses a wrong code and accepts a right one, once."""
    # Each request has a port of its own here: by chance it would be a retry of the last.
    settings = "mode: step-up, primary: none, retry_window: 0"
    site.write(text(mode="step-up").replace("mode: step-up", settings))
    site.start()
    typed = code()
    replies = [site.ask(one) for one in (b"000000x", typed, typed)]
    assert [reply and reply.code for reply in replies] == [3, 2, 3]


def test_taken_port_opens_nothing(site: Site) -> None:
    """A taken port is one clear error, and the store is free again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        site.write(text(listen=("127.0.0.1:0", f"127.0.0.1:{port}")))
        with pytest.raises(ListenError, match=f"cannot listen on udp 127.0.0.1:{port}"):
            site.open()
        database.lock_file(site.folder / "radiusmfa.db").close()


def test_second_server_on_a_store_is_refused(site: Site) -> None:
    """Two servers on one store would each believe their own memory: the second is refused."""
    site.start()
    with pytest.raises(StoreError, match="the server is running on this store"):
        site.open()


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        pytest.param("keys", KeysError, id="no keys file"),
        pytest.param("radiusmfa.db", StoreError, id="no store"),
    ],
)
def test_missing_file_opens_nothing(site: Site, harm: str, error: type[RadiusmfaError]) -> None:
    """Without keys or store nothing starts, and the port is free again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    site.write(text(listen=(f"127.0.0.1:{port}",)))
    (site.folder / harm).unlink()
    with pytest.raises(error):
        site.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))


def test_reload_swaps_clients(site: Site) -> None:
    """After a reload the clients of the new file are served, and those it lacks get silence."""
    service = site.start()
    site.write(text(network="127.0.0.2"))
    service.reload()
    assert site.ask(PASSWORD, wait=False) is None
    reply = site.ask(PASSWORD, source="127.0.0.2", wait=True)
    assert reply is not None
    assert reply.code == numbers.ACCESS_CHALLENGE


@pytest.mark.parametrize("window", [9, 10], ids=["same-client", "changed-client"])
def test_reload_knows_the_logins_under_way(site: Site, window: int) -> None:
    """Who waits for an upstream is asked once; a retry is known, unless the client has changed."""
    settings = "mode: step-up, primary: none, retry_window: {}"
    site.write(text(mode="step-up").replace("mode: step-up", settings.format(9)))
    service = site.start()
    before = service.pipeline.parts.sites["nas"]
    site.write(text(mode="step-up").replace("mode: step-up", settings.format(window)))
    service.reload()
    after = service.pipeline.parts.sites["nas"]

    assert after is not before
    assert after.waiting is before.waiting
    assert (after.retries is before.retries) is (window == 9)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        pytest.param("clients: [", "expected", id="no YAML"),
        pytest.param(text() + "nonsense: 1\n", "nonsense", id="an unknown setting"),
        pytest.param(
            text().replace("radiusmfa.db", "other.db"), "cannot change while", id="another store"
        ),
        pytest.param(
            text().replace("file: keys", "file: secret"), "cannot change while", id="other keys"
        ),
    ],
)
def test_bad_reload_leaves_the_old_configuration_running(site: Site, broken: str, why: str) -> None:
    """A file that cannot be loaded changes nothing, and the log says why."""
    service = site.start()
    before = service.configuration
    site.write(broken)
    with capturedLogs() as said:
        service.reload()
    lines = [formatEvent(event) for event in said]
    assert any(why in line for line in lines)
    assert any("stays in force" in line for line in lines)
    assert service.configuration is before
    assert site.ask(PASSWORD, wait=True) is not None


def test_reload_with_a_taken_port_changes_nothing(site: Site) -> None:
    """A reload that cannot listen everywhere it should listens as before and swaps nothing."""
    service = site.start()
    listening = site.ports()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        site.write(text(network="127.0.0.2", listen=("127.0.0.1:0", taken)))
        service.reload()
    assert site.ports() == listening
    assert site.ask(PASSWORD, wait=True) is not None


def test_reload_opens_and_closes_listeners(site: Site) -> None:
    """A reload listens where the new file says, and no longer where it does not."""
    service = site.start()
    (before,) = (port for port in site.ports() if numbers.ACCESS_REQUEST in port.served)
    site.write(text(listen=("127.0.0.2:0",)))
    service.reload()
    assert before.fileno() == -1
    assert site.access()[0] == "127.0.0.2"
    assert site.ask(PASSWORD, wait=True) is not None


def test_stop_answers_what_is_pending(site: Site) -> None:
    """A login whose password is being checked when the end comes is still answered."""
    service = site.start()
    key = codec.SigningKey(Secret(SECRET))
    octets = login_request(key, b"alice", Secret(PASSWORD + code()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nas:
        nas.bind(("127.0.0.1", 0))
        nas.settimeout(0)
        nas.sendto(octets, site.access())
        site.end(service)
        reply = _reply(nas, octets, key)
    assert reply is not None
    assert reply.code == numbers.ACCESS_ACCEPT
    assert site.ports() == []


def test_open_challenge_survives_a_restart(site: Site) -> None:
    """Whoever was asked for a code before a restart may answer after it."""
    first = site.start()
    challenge = site.ask(PASSWORD, wait=True)
    assert challenge is not None
    site.end(first)
    site.start()
    reply = site.ask(code(), challenge.value(numbers.STATE))
    assert reply is not None
    assert reply.code == numbers.ACCESS_ACCEPT


def test_weakening_settings_are_said_at_start_and_reload(site: Site) -> None:
    """A waiver is loud whenever the configuration is loaded."""
    site.write(text().replace("mode: auto", "mode: auto, require_message_authenticator: no"))
    with capturedLogs() as said:
        service = site.start()
        service.reload()
    warnings = [formatEvent(event) for event in said if event["log_level"].name == "warn"]
    assert sum("require_message_authenticator" in line for line in warnings) == 2


def test_systemd_hears_of_start_reload_and_stop(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service manager is told when the server is ready, reloads, lives and stops."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        service = site.start()
        service.reload()
        site.reactor.advance(1.1)
        site.end(service)
        heard = _heard(manager)
    firsts = [message.split("\n")[0] for message in heard]
    assert firsts == ["READY=1", "RELOADING=1", "READY=1", "WATCHDOG=1", "STOPPING=1"]
    assert "MONOTONIC_USEC=" in heard[1]


def _heard(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_counters_go_to_the_log_without_secrets(site: Site) -> None:
    """The counters are written on demand, by their standard names."""
    service = site.start()
    site.ask(PASSWORD, wait=True)
    with capturedLogs() as said:
        service.log_counters()
    line, reasons = [formatEvent(event) for event in said]
    assert "total_access_requests=1" in line
    assert "total_access_challenges=1" in line
    assert reasons == "reasons: passcode-wanted=1"


def test_no_decision_yet_is_said(site: Site) -> None:
    """A server that has decided nothing says so, and counts no reason."""
    service = site.start()
    with capturedLogs() as said:
        service.log_counters()
    assert formatEvent(said[1]) == "reasons: none yet"


def test_level_of_the_log_follows_the_configuration(site: Site) -> None:
    """A reload changes how much is logged."""
    service = site.start()
    site.write(text() + "log: {level: debug}\n")
    service.reload()
    assert [level.value for level in site.levels] == ["info", "debug"]


def test_upstream_is_asked_over_a_socket_and_counted(site: Site) -> None:
    """A server passes a login on, answers it in another turn, and says at its end what passed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream, capturedLogs() as events:
        upstream.bind(("127.0.0.1", 0))
        upstream.settimeout(5)
        port = upstream.getsockname()[1]
        server = f"{{host: 127.0.0.1, port: {port}, secret: {{file: secret}}}}"
        configuration = text(mode="proxy, primary: rsa")
        site.write(f"{configuration}upstreams: {{rsa: {{servers: [{server}]}}}}\n")
        service = site.start()
        key = codec.SigningKey(Secret(SECRET))
        octets = login_request(key, b"alice", Secret(b"right"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nas:
            nas.settimeout(0)
            nas.sendto(octets, site.access())
            site.reactor.read()
            asked, source = upstream.recvfrom(4096)
            answer = codec.reply(numbers.ACCESS_ACCEPT, codec.decode(asked), key)
            assert answer is not None
            upstream.sendto(answer, source)
            site.reactor.read()
            reply = _reply(nas, octets, key)
        site.end(service)

    assert reply is not None
    assert reply.code == numbers.ACCESS_ACCEPT
    (line,) = [formatEvent(one) for one in events if one.get("upstream") == "rsa"]
    assert "access_requests=1" in line
    assert "access_accepts=1" in line
