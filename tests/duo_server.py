"""
Serves `tests.duo` on a port of loopback, by TLS, with room for ten thousand who wait.

In a thread of a test's own (`Running`), or as a process (`Process`; `python -m
tests.duo_server CERTIFICATE`), which is told what to do at a second port without TLS.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from asyncio import sslproto
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, final
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from tests.duo import Answer, Asked, Fault, Hold, Kind, Outcome, Simulator, User, phone

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustme import CA

_ROOT: Final = Path(__file__).resolve().parents[1]
_BACKLOG: Final = 4096
_BUFFER_OCTETS: Final = 16_384
PATIENCE: Final = 30.0


@final
class _Connection(asyncio.Protocol):
    """One client: HTTP/1.1, one request after the other."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._octets = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._hold: Hold | None = None
        self._is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._service.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        del exc
        self._transport = None
        self._service.connections.discard(self)
        self._forget()

    def data_received(self, data: bytes) -> None:
        """Take octets."""
        self._octets += data
        self._read()

    def hang_up(self) -> None:
        """End at once."""
        self._forget()
        if self._transport is not None:
            self._transport.abort()

    def look(self) -> None:
        """See whether what waits has come."""
        hold = self._hold
        self._forget()
        if hold is not None:
            self._take(self._service.simulator.resume(hold, time.time()))

    def _read(self) -> None:
        while not self._is_busy and self._transport is not None:
            head, end, rest = self._octets.partition(b"\r\n\r\n")
            if not end:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            size = int(headers.get("content-length", "0"))
            if len(rest) < size:
                return
            self._octets = rest[size:]
            method, target, _ = first.split(" ")
            # Through a CONNECT tunnel some clients send the whole address.
            parts = urlsplit(target)
            asked = Asked(method, parts.path, parts.query, headers, rest[:size])
            self._is_busy = True
            self._take(self._service.answer(asked))

    def _take(self, found: Answer | Hold) -> None:
        if isinstance(found, Hold):
            self._hold = found
            self._service.hold(found.transaction, self)
            self._later(found.at - time.time(), self.look)
        elif found.delay:
            self._later(found.delay, lambda: self._send(found))
        else:
            self._send(found)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        # The loop's clock and ours differ by less than this.
        self._timer = asyncio.get_running_loop().call_later(max(0.0, seconds) + 0.002, do)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._hold is not None:
            self._service.release(self._hold.transaction, self)
        self._timer = self._hold = None

    def _send(self, answer: Answer) -> None:
        if self._transport is None:
            return
        if not answer.status:
            self._transport.abort()
            return
        names = {name.lower() for name, _ in answer.headers}
        lines = [f"HTTP/1.1 {answer.status} Simulated"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if "content-length" not in names:
            lines.append(f"Content-Length: {len(answer.body)}")
        head = "\r\n".join(lines).encode("latin-1")
        self._transport.write(head + b"\r\n\r\n" + answer.body)
        self._is_busy = False
        self._read()


@final
class _Control(asyncio.Protocol):
    """Whoever starts the process: one request a connection, without TLS."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._octets = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take octets, and answer."""
        self._octets += data
        head, end, rest = self._octets.partition(b"\r\n\r\n")
        lowered = head.lower()
        size = 0
        if b"content-length:" in lowered:
            size = int(lowered.split(b"content-length:")[1].split(b"\r\n")[0])
        if not end or len(rest) < size or self._transport is None:
            return
        parts = urlsplit(head.split(b" ")[1].decode())
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        told = self._service.control(parts.path, query, rest[:size])
        octets = json.dumps(told).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
            % (len(octets), octets)
        )
        self._transport.close()


@final
class Service:
    """
    A simulator on sockets of one loop.

    Attributes:
        simulator: It.
        connections: Those that are open.
        most_waiting: The most that have waited at the same time.
    """

    def __init__(self, simulator: Simulator) -> None:
        """Serve nobody yet."""
        self.simulator = simulator
        self.connections: set[_Connection] = set()
        self.most_waiting = 0
        self._waiting: dict[str, set[_Connection]] = {}
        self._number = 0
        simulator.on_change = self.wake

    @property
    def waiting(self) -> int:
        """How many wait for an answer."""
        return self._number

    def answer(self, asked: Asked) -> Answer | Hold:
        """Return what the simulator answers now."""
        return self.simulator.answer(asked, time.time())

    def hold(self, transaction: str, who: _Connection) -> None:
        """Note that *who* waits for news of *transaction*."""
        self._waiting.setdefault(transaction, set()).add(who)
        self._number += 1
        self.most_waiting = max(self.most_waiting, self._number)

    def release(self, transaction: str, who: _Connection) -> None:
        """Note that *who* does not wait any more."""
        held = self._waiting.get(transaction, set())
        if who in held:
            held.remove(who)
            self._number -= 1
        if not held:
            self._waiting.pop(transaction, None)

    def wake(self, transaction: str) -> None:
        """Have whoever waits for *transaction* look."""
        for one in list(self._waiting.get(transaction, ())):
            one.look()

    def control(  # noqa: C901 - a table
        self, path: str, query: dict[str, str], body: bytes
    ) -> object:
        """Do what the process is told."""
        simulator, told = self.simulator, json.loads(body) if body else {}
        match path.removeprefix("/_fake/"):
            case "users":
                for one in told:
                    does = Outcome(one.pop("does", Outcome.TIMEOUT))
                    simulator.add(**(one | {"does": does}))
            case "everybody":
                does, after = Outcome(told["does"]), float(told["after"])
                simulator.everybody = lambda name: User(
                    name=name, does=does, after=after, devices=[phone()]
                )
            case "answer":
                simulator.decide(query["user"], Outcome(query["result"]), time.time())
            case "everyone":
                simulator.decide_all(Outcome(told["result"]), time.time())
            case "fault":
                simulator.faults.append(Fault(**(told | {"kind": Kind(told["kind"])})))
            case "set":
                for name, value in told.items():
                    setattr(simulator, name, value)
            case "log":
                return [{"path": path, "parameters": what} for _, path, what in simulator.asked]
            case "rings":
                return [one._asdict() for one in simulator.rings]
            case _:
                assert path == "/_fake/state", path
        return {
            "waiting": self.waiting,
            "most_waiting": self.most_waiting,
            "connections": len(self.connections),
            "rings": len(simulator.rings),
        }

    async def listen(self, context: ssl.SSLContext | None) -> asyncio.Server:
        """Serve Duo's API on a port of loopback."""
        return await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), "127.0.0.1", 0, ssl=context, backlog=_BACKLOG
        )

    async def listen_for_orders(self) -> asyncio.Server:
        """Serve whoever started this process."""
        return await asyncio.get_running_loop().create_server(
            lambda: _Control(self), "127.0.0.1", 0
        )

    def hang_up(self) -> None:
        """End every connection."""
        for one in list(self.connections):
            one.hang_up()


@final
class Running:
    """
    A simulator that is served by a thread of the test's process.

    Attributes:
        simulator: What is served.
        port: Where, on 127.0.0.1.
        service: The sockets.
    """

    def __init__(self, ca: CA | None, *names: str) -> None:
        """Serve: with a certificate of *ca* for *names*, or 127.0.0.1; None: without TLS."""
        context = None
        if ca is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ca.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        self.simulator = Simulator()
        self.service = Service(self.simulator)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self.service.listen(context))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    @property
    def host(self) -> str:
        """Host and port, as a configuration has them."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, and end the thread."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(PATIENCE)
        # What is left: ends of connections.
        self._loop.run_until_complete(self._server.wait_closed())
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def decide(self, user: str, outcome: Outcome) -> None:
        """Have somebody answer what waits for them, now."""
        self._loop.call_soon_threadsafe(self.simulator.decide, user, outcome, time.time())

    def _stop(self) -> None:
        self._server.close()
        self.service.hang_up()
        self._loop.call_soon(self._loop.stop)


@final
class Process:
    """
    A simulator in a process of its own.

    Attributes:
        port: Of the API.
        orders: Of what it is told.
    """

    def __init__(self, ca: CA, folder: Path) -> None:
        """Start."""
        made = ca.issue_cert("127.0.0.1", "localhost")
        certificate = folder / "duo.pem"
        made.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.duo_server", str(certificate)],
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            text=True,
            env=dict(os.environ, PYTHONPATH=str(_ROOT)),
        )
        assert self._process.stdout is not None
        self.port, self.orders = map(int, self._process.stdout.readline().split())

    @property
    def host(self) -> str:
        """Host and port, as a configuration has them."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def tell(self, path: str, told: object = None) -> Any:  # noqa: ANN401 - JSON
        """Have it do something; return what it says."""
        body = None if told is None else json.dumps(told).encode()
        request = Request(f"http://127.0.0.1:{self.orders}/_fake/{path}", data=body)
        with urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310 - our own process
            return json.load(reply)

    def fault(self, fault: Fault) -> None:
        """Have something go wrong next."""
        self.tell("fault", asdict(fault))


async def _serve(certificate: str) -> None:
    # A quarter of a megabyte each is too much for ten thousand.
    sslproto.SSLProtocol.max_size = _BUFFER_OCTETS
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    service = Service(Simulator())
    api, orders = await service.listen(context), await service.listen_for_orders()
    print(*(one.sockets[0].getsockname()[1] for one in (api, orders)), flush=True)
    async with api, orders:
        await api.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
