"""
A YubiKey, and the servers that know its secrets: ykval's validation protocol 2.0 and ykksm.

The key is written from its own specification, with nothing of radiusmfa. The servers check in the
order in which ykval does, and sign each answer with what ykval signs it with: most early refusals
with a key of no octets. They misbehave when a test says so.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self, final
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    import socket

    from trustme import CA

MODHEX: Final = "cbdefghijklnrtuv"
DVORAK: Final = "jxe.uidchtnbpygk"
CLIENT_ID: Final = "87"
CLIENT_SECRET: Final = base64.b64decode("mG5be6ZJU1qBGz24yPh/ESM3UdU=")
VERIFY: Final = "/wsapi/2.0/verify"
DECRYPT: Final = "/wsapi/decrypt/"
PATIENCE: Final = 30.0
_OTP: Final = re.compile(f"([{MODHEX}]{{0,16}})([{MODHEX}]{{32}})")
_NONCE: Final = re.compile("[A-Za-z0-9]{16,40}")
_LEVELS: Final = {"fast": 1, "secure": 40}
_DEFAULT_LEVEL: Final = 0


def modhex(octets: bytes) -> str:
    """Return octets in ModHex."""
    return "".join(MODHEX[octet >> 4] + MODHEX[octet & 15] for octet in octets)


def from_modhex(text: str) -> bytes:
    """Return what ModHex says."""
    return bytes(
        MODHEX.index(high) << 4 | MODHEX.index(low)
        for high, low in zip(text[::2], text[1::2], strict=True)
    )


def checksum(octets: bytes) -> int:
    """Return CRC-16 of ISO 13239: that of binascii, with every octet and the sum turned around."""
    turned = bytes(int(f"{octet:08b}"[::-1], 2) for octet in octets)
    return int(f"{binascii.crc_hqx(turned, 0xFFFF):016b}"[::-1], 2)


def signature(secret: bytes, parameters: dict[str, str]) -> str:
    """Return `h` of *parameters*."""
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name != "h")
    return base64.b64encode(hmac.digest(secret, text.encode(), "sha1")).decode()


@final
@dataclass(kw_only=True)
class Key:
    """
    A YubiKey: it is touched, and types.

    Attributes:
        public_id: In ModHex.
        private_id: 6 octets.
        aes_key: 16 octets.
        plugged: How often it was plugged in.
        made: How many passwords it has made since.
        ticks: Its clock, eighths of a second.
    """

    public_id: str = field(default_factory=lambda: "cccccc" + modhex(secrets.token_bytes(3)))
    private_id: bytes = field(default_factory=lambda: secrets.token_bytes(6))
    aes_key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    plugged: int = 1
    made: int = 0
    ticks: int = 0x10

    def touch(self, *, number: int | None = None) -> str:
        """Return the next password; *number*: instead of two octets by chance."""
        chance = secrets.randbits(16) if number is None else number
        plain = b"".join((
            self.private_id,
            self.plugged.to_bytes(2, "little"),
            self.ticks.to_bytes(3, "little"),
            self.made.to_bytes(1, "little"),
            chance.to_bytes(2, "little"),
        ))  # fmt: skip
        plain += (0xFFFF & ~checksum(plain)).to_bytes(2, "little")
        self.made += 1
        self.ticks += 0x20
        return self.public_id + modhex(self.encrypted(plain))

    def plug(self) -> None:
        """Be taken out, and plugged in again."""
        self.plugged, self.made = self.plugged + 1, 0

    def encrypted(self, plain: bytes) -> bytes:
        """Return a block as the key types it."""
        encryptor = Cipher(algorithms.AES128(self.aes_key), modes.ECB()).encryptor()  # noqa: S305
        return encryptor.update(plain)

    def opened(self, block: str) -> bytes | None:
        """Return what a block of this key says; None: it is of another one."""
        decryptor = Cipher(algorithms.AES128(self.aes_key), modes.ECB()).decryptor()  # noqa: S305
        plain = decryptor.update(from_modhex(block))
        is_whole = checksum(plain) == 0xF0B8
        return plain if is_whole and plain[:6] == self.private_id else None


class Fault(Enum):
    """What is wrong with a server."""

    NONE = auto()
    WRONG_H = auto()
    NO_H = auto()
    WRONG_OTP = auto()
    WRONG_NONCE = auto()
    NO_STATUS = auto()
    LINE_FEEDS = auto()
    """LF without CR."""
    BLANK_LINES = auto()
    BACKEND_ERROR = auto()
    REPLAYED_REQUEST = auto()
    OPERATION_NOT_ALLOWED = auto()
    HTTP_500 = auto()
    NOT_FOUND = auto()
    BUSY = auto()
    """429."""
    HTML = auto()
    """A page, with status 200."""
    LARGE = auto()
    """A megabyte."""
    TWICE = auto()
    """Says `status` twice."""
    SILENT = auto()
    """No answer."""
    HANG_UP = auto()


@final
@dataclass(kw_only=True)
class Simulator:
    """
    One validation server with its key storage module.

    Attributes:
        clients: Secrets by number.
        inactive: Numbers of clients that are switched off.
        keys: By public id.
        disabled: Public ids.
        seen: Counters and nonce of each key's last password.
        peers: Other servers that are told of each password.
        is_reachable: Whether peers can tell this one.
        fault: What is wrong.
        spells: How many requests more that is so; below 0: all.
        asked: Parameters of every request, oldest first.
        open: Connections that are open now.
    """

    clients: dict[str, bytes] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    inactive: set[str] = field(default_factory=set)
    keys: dict[str, Key] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    seen: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    peers: list[Simulator] = field(default_factory=list)
    is_reachable: bool = True
    fault: Fault = Fault.NONE
    spells: int = -1
    asked: list[dict[str, str]] = field(default_factory=list)
    open: set[socket.socket] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, key: Key) -> Key:
        """Know *key*."""
        self.keys[key.public_id] = key
        return key

    def present_fault(self) -> Fault:
        """Return what is wrong with the answer that is due, and count it."""
        with self.lock:
            if self.spells == 0:
                return Fault.NONE
            self.spells -= self.spells > 0
            return self.fault

    def verify(self, asked: dict[str, str], fault: Fault) -> dict[str, str]:
        """Return the answer to /wsapi/2.0/verify, its lines in order."""
        otp = asked.get("otp", "").lower()
        if otp and set(otp) <= set(DVORAK):
            otp = otp.translate(str.maketrans(DVORAK, MODHEX))
        early = _early_refusal(asked, otp)
        identity = asked.get("id", "")
        if not early and (identity not in self.clients or identity in self.inactive):
            early = "NO_SUCH_CLIENT"
        if early:
            return self._answer(early, b"", fault)
        secret = self.clients[identity]
        if "h" in asked and asked["h"] != signature(secret, asked):
            return self._answer("BAD_SIGNATURE", secret, fault)
        if fault is Fault.OPERATION_NOT_ALLOWED:
            return self._answer("OPERATION_NOT_ALLOWED", secret, fault)
        plain = self._decrypted(otp)
        if fault is Fault.BACKEND_ERROR or plain is None:
            what = "BACKEND_ERROR" if fault is Fault.BACKEND_ERROR else "BAD_OTP"
            return self._answer(what, secret, fault)
        body = {"otp": otp, "nonce": asked["nonce"]}
        status, level = self._counted(otp, plain, asked)
        if level is not None:
            body["sl"] = str(level)
        if asked.get("timestamp") == "1" and status == "OK":
            body["timestamp"] = str(int.from_bytes(plain[8:11], "little"))
            body["sessioncounter"] = str(int.from_bytes(plain[6:8], "little") & 0x7FFF)
            body["sessionuse"] = str(plain[11])
        return self._answer(status, secret, fault, body)

    def decrypt(self, asked: dict[str, str]) -> str:
        """Return the answer of the key storage module."""
        otp = asked.get("otp", "")
        if not otp:
            return "ERR No OTP provided"
        match = _OTP.fullmatch(otp)
        if match is None:
            return "ERR Invalid OTP format"
        if match[1] not in self.keys or match[1] in self.disabled:
            return "ERR Unknown yubikey"
        plain = self.keys[match[1]].opened(match[2])
        if plain is None:
            return "ERR Corrupt OTP"
        counter, low = plain[7::-1][:2].hex(), plain[9:7:-1].hex()
        return f"OK counter={counter} low={low} high={plain[10]:02x} use={plain[11]:02x}"

    def told(self, public_id: str, counter: int, use: int, nonce: str) -> bool | None:
        """Hear from a peer; say whether that is news. None: nobody hears it."""
        if not self.is_reachable:
            return None
        with self.lock:
            known = self.seen.get(public_id, (-1, -1, ""))
            if known[:2] < (counter, use):
                self.seen[public_id] = counter, use, nonce
                return True
            return known == (counter, use, nonce)

    def _decrypted(self, otp: str) -> bytes | None:
        public_id, block = otp[:-32], otp[-32:]
        if public_id in self.disabled or public_id not in self.keys:
            return None
        return self.keys[public_id].opened(block)

    def _counted(self, otp: str, plain: bytes, asked: dict[str, str]) -> tuple[str, int | None]:
        counter, use = int.from_bytes(plain[6:8], "little") & 0x7FFF, plain[11]
        nonce, public_id = asked["nonce"], otp[:-32]
        with self.lock:
            known = self.seen.get(public_id, (-1, -1, ""))
            if known == (counter, use, nonce):
                return "REPLAYED_REQUEST", None
            if known[:2] >= (counter, use):
                return "REPLAYED_OTP", None
            self.seen[public_id] = counter, use, nonce
        heard = [peer.told(public_id, counter, use, nonce) for peer in self.peers]
        if False in heard:
            return "REPLAYED_OTP", None
        reached = 100 * heard.count(True) // len(heard) if heard else 100
        wanted = asked.get("sl", str(_DEFAULT_LEVEL))
        level = _LEVELS.get(wanted) or int(wanted)
        return ("OK" if reached >= level else "NOT_ENOUGH_ANSWERS"), reached

    def _answer(
        self, status: str, secret: bytes, fault: Fault, body: dict[str, str] | None = None
    ) -> dict[str, str]:
        now = datetime.now(UTC)
        moment = f"{now:%Y-%m-%dT%H:%M:%S}Z0{now.microsecond // 1000:03d}"
        if fault is Fault.REPLAYED_REQUEST and body:
            status = "REPLAYED_REQUEST"
        lines = {"t": moment, **(body or {}), "status": status}
        if fault is Fault.WRONG_OTP and body:
            lines["otp"] = lines["otp"][::-1]
        if fault is Fault.WRONG_NONCE and body:
            lines["nonce"] = lines["nonce"][::-1]
        if fault is Fault.NO_STATUS:
            del lines["status"]
        h = signature(b"another secret" if fault is Fault.WRONG_H else secret, lines)
        return lines if fault is Fault.NO_H else {"h": h, **lines}


def _early_refusal(asked: dict[str, str], otp: str) -> str:
    """Return why ykval does not even look for the client, or nothing."""
    if "nonce" not in asked:
        return "MISSING_PARAMETER"
    if "sl" in asked:
        level = _LEVELS.get(asked["sl"]) or _whole(asked["sl"])
        if level < 1:
            return "MISSING_PARAMETER"
    if "timeout" in asked and not asked["timeout"].isdigit():
        return "MISSING_PARAMETER"
    if not _OTP.fullmatch(otp):
        return "BAD_OTP"
    if _whole(asked.get("id", "")) < 1 or not _NONCE.fullmatch(asked["nonce"]):
        return "MISSING_PARAMETER"
    return ""


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve(urlsplit(self.path).query)

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self, query: str) -> None:
        simulator, path = self.server.simulator, urlsplit(self.path).path
        asked = dict(parse_qsl(query, keep_blank_values=True))
        simulator.asked.append(asked)
        if path == DECRYPT:
            self._send(200, simulator.decrypt(asked).encode() + b"\n")
            return
        fault = simulator.present_fault()
        if fault is Fault.SILENT:
            simulator.released.wait(PATIENCE)
        if fault in (Fault.SILENT, Fault.HANG_UP):
            self.close_connection = True
            return
        statuses = {Fault.HTTP_500: 500, Fault.NOT_FOUND: 404, Fault.BUSY: 429}
        if fault in statuses or path != VERIFY:
            self._send(statuses.get(fault, 404), b"<html>no</html>", "text/html")
            return
        self._send(200, written(simulator.verify(asked, fault), fault))

    def _send(self, status: int, octets: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)


def written(lines: dict[str, str], fault: Fault) -> bytes:
    """Return an answer as it goes over the wire."""
    end = "\n" if fault is Fault.LINE_FEEDS else "\r\n"
    text = "".join(f"{name}={value}{end}" for name, value in lines.items()) + end
    match fault:
        case Fault.BLANK_LINES:
            text = end + text.replace(end, end * 2)
        case Fault.HTML:
            text = "<html><body>status=OK is what this page says</body></html>"
        case Fault.LARGE:
            text += "#" * 2**20
        case Fault.TWICE:
            text = text.replace(f"status={lines['status']}", f"status=OK{end}status=OK")
        case _:
            pass
    return text.encode()


class _Server(ThreadingHTTPServer):
    """Serves one simulator by TLS."""

    daemon_threads = False  # they are waited for

    def __init__(self, simulator: Simulator, context: ssl.SSLContext) -> None:
        self.simulator = simulator
        self._context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the handshake is made in the connection's thread."""
        accepted, address = super().get_request()
        accepted = self._context.wrap_socket(
            accepted, server_side=True, do_handshake_on_connect=False
        )
        self.simulator.open.add(accepted)
        return accepted, address

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Close."""
        self.simulator.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up, or do not trust us."""


@final
class Running:
    """
    A simulator that is served.

    Attributes:
        simulator: What is served.
        url: Where passwords are verified.
        decrypt_url: Where they are decrypted.
    """

    def __init__(self, ca: CA, *, name: str = "127.0.0.1") -> None:
        """Serve on a port of loopback, with a certificate of *ca* for *name*."""
        self.simulator = Simulator()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert(name).configure_cert(context)
        self._server = _Server(self.simulator, context)
        place = f"https://127.0.0.1:{self._server.server_address[1]}"
        self.url, self.decrypt_url = place + VERIFY, place + DECRYPT
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop: hang up, and wait for every thread."""
        self.stop()

    def stop(self) -> None:
        """Be gone: whoever asks from now on is refused."""
        self.simulator.released.set()
        self._server.shutdown()
        for one in list(self.simulator.open):
            _hang_up(one)
        self._server.server_close()
        self._thread.join()


def _hang_up(one: socket.socket) -> None:
    try:
        one.shutdown(2)
    except OSError:
        return  # the other end was faster
