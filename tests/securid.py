"""
RSA's SecurID Authentication API on loopback, strict where RSA is, and wrong where a test says so.

RSA publishes no client in Python to prove it with. What it is made after: the exchanges and the
signature in `tests/vectors/securid.json`, which it must take and give. Where RSA's own form is not
known (the PIN that it makes, the number to choose, cancel, status, HMAC's headers) this is the form
that `radiusmfa.service.securid_message` assumes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from trustme import CA

KEY: Final = "k" * 64
ACCESS_ID: Final = "i" * 64
AGENT: Final = "radiusmfa"
PHONE: Final = "+49 151 23456789"
MASKED_PHONE: Final = "***6789"
DEVICE: Final = "Alice's iPhone"
PIN: Final = "1234"
MADE_PIN: Final = "483920"
CODES: Final = ("159759", "765432", "246810", "135791", "112233", "445566")
SENT_CODE: Final = "50927413"
SOFT_CODE: Final = "60718293"
EMERGENCY_CODE: Final = "70819203"
HTML: Final = b"<html><body>Service unavailable</body></html>"
PATIENCE: Final = 30.0
_FOLDER: Final = "/mfa/v1_1/authn/"
_MOST_BAD: Final = 3
_PIN_SIZES: Final = range(4, 9)
_NAMES: Final = {
    "SECURID": "SecurID",
    "TOKEN": "Authenticate Tokencode",
    "APPROVE": "Approve",
    "FINGERPRINT": "Device Biometrics",
    "SMS": "SMS Tokencode",
    "VOICE": "Voice Tokencode",
    "EMERGENCY_TOKENCODE": "Emergency Tokencode",
    "QRCODE": "QR Code",
}
_TEXTS: Final = {
    "SECURID": "Enter passcode:",
    "SECURID_NEXT_TOKENCODE": "Enter next token code:",
    "SECURID_NEWPIN": "Enter a new PIN:",
    "SECURID_NEWPIN_CONFIRM": "Confirm the new PIN:",
    "SECURID_SYSTEM_GENERATED_PIN": "Your new PIN is {0}",
}
_PROMPT_IDS: Final = {
    "SECURID": "SecurID.Resource.Prompt.Passcode",
    "SECURID_NEXT_TOKENCODE": "SecurID.Resource.Prompt.Next.Tokencode",
}


class Mode(Enum):
    """In which state a token is."""

    NORMAL = auto()
    NEXT = auto()
    """A right passcode is answered with the wish for the next tokencode."""
    NEW_PIN = auto()
    """There is no PIN: the tokencode alone is right, then a PIN has to be set."""
    SYSTEM_PIN = auto()
    """The same, and RSA makes the PIN."""
    CHOICE = auto()
    """The same, either way."""


class Mood(Enum):
    """How the server behaves."""

    WELL = auto()
    ERROR = auto()
    """It says ERROR."""
    UNKNOWN = auto()
    """It says a word that nobody knows."""
    HTML = auto()
    """A page, with status 200."""
    TRUNCATED = auto()
    """JSON that ends in the middle, and a Content-Length that fits."""
    SHORT = auto()
    """Fewer octets than Content-Length says, then the end of the connection."""
    LARGE = auto()
    """A megabyte."""
    SILENT = auto()
    """No answer."""
    RESET = auto()
    """The connection is reset."""
    OTHERS = auto()
    """A success: an answer to somebody else's request."""
    OTHER_ATTEMPT = auto()
    """A success: of another attempt."""


class Asked(NamedTuple):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@final
@dataclass(kw_only=True)
class Person:
    """
    Somebody whom RSA knows.

    Attributes:
        offers: Alternatives, each with the methods that it needs.
        absent: Methods that are listed and that the person has nothing for.
        pin: Of the token; empty: none.
        codes: What the token shows, one after the other; each counts once, none before the last.
        mode: Of the token.
        bad: Wrong passcodes in a row: three, and the next code is wanted, too.
        confirms: RSA itself asks for a new PIN twice.
        says: What the person does with a push: `approve`, `deny`, `nothing`.
        polls: How often RSA is asked before it knows.
        number: What has to be chosen on the device; empty: nothing.
        locked: RSA has locked the person.
    """

    offers: list[list[str]] = field(default_factory=lambda: [["SECURID"]])
    absent: set[str] = field(default_factory=set)
    pin: str = PIN
    codes: list[str] = field(default_factory=lambda: list(CODES))
    mode: Mode = Mode.NORMAL
    bad: int = 0
    confirms: bool = False
    says: str = "approve"
    polls: int = 1
    number: str = ""
    locked: bool = False

    def passcode(self) -> str:
        """Return what the person types now."""
        return self.pin + self.codes[0]

    def takes(self, code: str) -> bool:
        """Use up a code; say whether it was right."""
        if code not in self.codes:
            return False
        del self.codes[: self.codes.index(code) + 1]
        return True


@dataclass(kw_only=True)
class _Attempt:
    """An attempt: whose, what it waits for, and how far it is."""

    person: Person
    ends: float
    offers: list[list[str]]
    message: str = ""
    done: list[str] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)
    reference: str = ""
    polls: int = 0
    new_pin: str = ""


class _Unauthorized(Exception):  # noqa: N818 - an answer, no error
    """Status 401."""


class _Malformed(Exception):  # noqa: N818 - an answer, no error
    """Status 400."""


@final
@dataclass(kw_only=True)
class Simulator:
    """
    One server: its people, its attempts, its moods.

    Attributes:
        people: By name.
        hmac: Requests are signed; else they carry the key.
        mood: How it behaves.
        of: To which calls that and `status` apply; empty: to all.
        status: Answered to every request; 0: what it deserves.
        later: Seconds that its clock is ahead.
        policies: Which `assurancePolicyId` it knows: `ask`, or `allow` without a question.
        tries_at_once: It looks at what comes with `initialize`.
        asked: Every request, oldest first.
        open: Connections that are open now.
        sent: What was sent or told: person's number of codes.
    """

    people: dict[str, Person] = field(default_factory=dict)
    hmac: bool = False
    mood: Mood = Mood.WELL
    of: set[str] = field(default_factory=set)
    status: int = 0
    later: float = 0.0
    policies: dict[str, str] = field(default_factory=dict)
    tries_at_once: bool = True
    asked: list[Asked] = field(default_factory=list)
    open: set[socket.socket] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    _attempts: dict[str, _Attempt] = field(default_factory=dict)
    _messages: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def person(self, name: str, **values: Any) -> Person:  # noqa: ANN401 - see `Person`
        """Register somebody."""
        self.people[name] = Person(**values)
        return self.people[name]

    def let_go(self) -> None:
        """End what is silent, and nothing that comes later."""
        self.released.set()
        self.released = threading.Event()

    def calls(self) -> list[str]:
        """Return the last parts of the paths that were asked for."""
        return [one.path.removeprefix(_FOLDER) for one in self.asked]

    def bodies(self, call: str) -> list[dict[str, Any]]:
        """Return what was sent to one call."""
        return [json.loads(one.body) for one in self.asked if one.path == _FOLDER + call]

    def is_in(self, mood: Mood, call: str) -> bool:
        """Say whether *call* meets that mood."""
        return self.mood is mood and (not self.of or call in self.of)

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        """Return status and body of an answer."""
        call = asked.path.removeprefix(_FOLDER)
        self.asked.append(asked)
        if self.status and (not self.of or call in self.of):
            return self.status, b'{"error":"as a test says"}'
        try:
            with self._lock:
                found = self._answer(call, asked)
        except _Unauthorized:
            return 401, b'{"error":"unauthorized"}'
        except _Malformed as error:
            return 400, json.dumps({"error": str(error)}).encode()
        except KeyError as error:
            return 400, json.dumps({"error": f"{error} is missing"}).encode()
        if found is None:
            return 404, b"not found"
        return 200, json.dumps(self._spoiled(found, call)).encode()

    def _spoiled(self, found: dict[str, Any], call: str) -> dict[str, Any]:
        if self.is_in(Mood.ERROR, call):
            found["attemptResponseCode"] = "ERROR"
        elif self.is_in(Mood.UNKNOWN, call):
            found["attemptResponseCode"] = "PENDING_X"
        elif self.is_in(Mood.OTHERS, call):
            found["attemptResponseCode"] = "SUCCESS"
            found["context"]["inResponseTo"] = str(uuid.uuid4())
        elif self.is_in(Mood.OTHER_ATTEMPT, call):
            found["attemptResponseCode"] = "SUCCESS"
            found["context"]["authnAttemptId"] = str(uuid.uuid4())
        return found

    def _answer(self, call: str, asked: Asked) -> dict[str, Any] | None:
        if call not in {"initialize", "verify", "status", "cancel"}:
            return None
        self._authorize(asked)
        if asked.headers.get("content-type") != "application/json":
            raise _Malformed("Content-Type")
        try:
            body = json.loads(asked.body)
        except ValueError:
            raise _Malformed("no JSON") from None
        if call == "status":
            return self._status(body)
        message = body["context"]["messageId"]
        if str(uuid.UUID(message)) != message or message in self._messages:
            raise _Malformed("messageId has to be a new UUID")
        self._messages.add(message)
        if call == "initialize":
            return self._initialize(body, message)
        return self._verify(body, message) if call == "verify" else self._cancel(body, message)

    def _authorize(self, asked: Asked) -> None:
        headers = asked.headers
        if not self.hmac:
            if headers.get("client-key") != KEY:
                raise _Unauthorized
            return
        told = headers.get("client-key-hmac", ""), headers.get("access-id", "")
        digest = hashlib.sha512(asked.body).hexdigest()
        signed = "\n".join(("POST", digest, asked.path, headers.get("date", ""), ACCESS_ID))
        right = base64.b64encode(hmac.digest(KEY.encode(), signed.encode(), "sha256")).decode()
        if told != (right, ACCESS_ID) or KEY in repr(headers):
            raise _Unauthorized

    # -- the calls --

    def _initialize(self, body: dict[str, Any], message: str) -> dict[str, Any]:
        policy = body.get("assurancePolicyId")
        if body["clientId"] != AGENT or (policy and policy not in self.policies):
            return self._said("", message, "FAIL", "INVALID_AGENT_OR_POLICY")
        person = self.people.get(body["subjectName"])
        if person is None:
            return self._said("", message, "FAIL", "AUTHENTICATION_FAILED")
        if person.locked:
            return self._said("", message, "FAIL", "SUBJECT_LOCKED")
        if policy and self.policies[policy] == "allow":
            return self._said("", message, "SUCCESS", "CREDENTIAL_VERIFIED")
        name = str(uuid.uuid4())
        seconds = body.get("authnAttemptTimeout", 180)
        attempt = _Attempt(
            person=person,
            ends=self._now() + seconds,
            offers=[list(some) for some in person.offers],
        )
        self._attempts[name] = attempt
        if body.get("subjectCredentials") and self.tries_at_once:
            return self._tried(name, attempt, body, message)
        return self._challenged(name, message, ())

    def _verify(self, body: dict[str, Any], message: str) -> dict[str, Any]:
        context = body["context"]
        name = context["authnAttemptId"]
        attempt = self._attempts.get(name)
        if attempt is None:
            return self._said(name, message, "FAIL", "ATTEMPT_NOT_FOUND")
        if context["inResponseTo"] != attempt.message:
            return self._said(name, message, "FAIL", "OUT_OF_SEQUENCE")
        if self._now() >= attempt.ends:
            return self._end(name, message, "FAIL", "ATTEMPT_EXPIRED", ())
        return self._tried(name, attempt, body, message)

    def _status(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["authnAttemptId"]
        code = "CHALLENGE" if name in self._attempts else "FAIL"
        if body.get("removeAttemptId"):
            self._attempts.pop(name, None)
        return {"authnAttemptId": name, "attemptResponseCode": code, "attemptReasonCode": None}

    def _cancel(self, body: dict[str, Any], message: str) -> dict[str, Any]:
        if body["cancelReason"] != "USER_ACTION":
            raise _Malformed("cancelReason")
        name = body["authnAttemptId"]
        self._attempts.pop(name, None)
        return self._said(name, message, "FAIL", "CANCELLED")

    # -- methods --

    def _tried(
        self, name: str, attempt: _Attempt, body: dict[str, Any], message: str
    ) -> dict[str, Any]:
        (credential,) = body["subjectCredentials"]
        method = credential["methodId"]
        (given,) = credential["collectedInputs"]
        if given["name"] != method or given["dataType"] != "STRING":
            raise _Malformed("collectedInputs")
        is_offered = any(method in some for some in attempt.offers)
        if not is_offered or method in attempt.person.absent:
            return self._end(name, message, "FAIL", "VERIFY_ERROR", ())
        value, reference = given["value"], credential.get("referenceId")
        if method in {"APPROVE", "FINGERPRINT"}:
            return self._pushed(name, attempt, method, reference, message)
        if method in {"SMS", "VOICE"} and not value:
            attempt.sent.add(method)
            self.sent.append(method)
            return self._challenged(name, message, ())
        after = self._after(attempt, method, value)
        if after is None:
            is_over = method == "SECURID" and attempt.person.mode is Mode.NORMAL
            results = ((method, "FAIL"),)
            if is_over and attempt.person.bad >= _MOST_BAD:
                attempt.person.mode = Mode.NEXT
                return self._end(name, message, "FAIL", "VERIFY_ERROR", results)
            return self._challenged(name, message, results)
        return self._went_on(name, attempt, method, after, message)

    def _went_on(
        self, name: str, attempt: _Attempt, method: str, after: list[list[str]], message: str
    ) -> dict[str, Any]:
        """Answer a value that was right; *after* is what that method still wants."""
        results = ((method, "SUCCESS"),)
        if after:
            attempt.offers = after
            return self._challenged(name, message, results)
        attempt.done.append(method.removesuffix("_NEXT_TOKENCODE"))
        offers = [list(some) for some in attempt.person.offers if set(some) & set(attempt.done)]
        if any(set(some) <= set(attempt.done) for some in offers):
            return self._end(name, message, "SUCCESS", "CREDENTIAL_VERIFIED", results)
        attempt.offers = offers
        return self._challenged(name, message, results)

    def _pushed(
        self, name: str, attempt: _Attempt, method: str, reference: str | None, message: str
    ) -> dict[str, Any]:
        person = attempt.person
        if not attempt.reference:
            attempt.reference = str(uuid.uuid4())
            self.sent.append(method)
            return self._challenged(name, message, (), "IN_PROCESS")
        if reference != attempt.reference:
            return self._end(name, message, "FAIL", "VERIFY_ERROR", ())
        attempt.polls += 1
        if attempt.polls < person.polls or person.says == "nothing":
            return self._challenged(name, message, ((method, "IN_PROCESS"),), "IN_PROCESS")
        if person.says == "approve":
            return self._went_on(name, attempt, method, [], message)
        return self._end(name, message, "FAIL", "VERIFY_ERROR", ((method, "FAIL"),))

    def _after(self, attempt: _Attempt, method: str, value: str) -> list[list[str]] | None:  # noqa: PLR0911 - one return a method
        """Return what comes next in the same method: nothing, or more; None: the value is wrong."""
        person = attempt.person
        match method:
            case "SECURID":
                return self._after_passcode(person, value)
            case "SECURID_NEXT_TOKENCODE":
                if not person.takes(value):
                    return None
                person.mode = Mode.NORMAL
                return []
            case "SECURID_NEWPIN":
                if len(value) not in _PIN_SIZES or not value.isdigit():
                    return None
                attempt.new_pin = value
                if person.confirms:
                    return [["SECURID_NEWPIN_CONFIRM"]]
                return self._set(person, value)
            case "SECURID_NEWPIN_CONFIRM":
                return self._set(person, value) if value == attempt.new_pin else None
            case "SECURID_SYSTEM_GENERATED_PIN":
                return self._set(person, value) if value == MADE_PIN else None
            case "SMS" | "VOICE":
                return [] if method in attempt.sent and value == SENT_CODE else None
            case _:
                fixed = {"TOKEN": SOFT_CODE, "EMERGENCY_TOKENCODE": EMERGENCY_CODE}
                return [] if value == fixed.get(method) else None

    def _after_passcode(self, person: Person, value: str) -> list[list[str]] | None:
        is_without = person.mode in {Mode.NEW_PIN, Mode.SYSTEM_PIN, Mode.CHOICE}
        pin = "" if is_without else person.pin
        if not value.startswith(pin) or not person.takes(value.removeprefix(pin)):
            person.bad += 1
            return None
        person.bad = 0
        own, made = ["SECURID_NEWPIN"], ["SECURID_SYSTEM_GENERATED_PIN"]
        return {
            Mode.NORMAL: [],
            Mode.NEXT: [["SECURID_NEXT_TOKENCODE"]],
            Mode.NEW_PIN: [own],
            Mode.SYSTEM_PIN: [made],
            Mode.CHOICE: [own, made],
        }[person.mode]

    @staticmethod
    def _set(person: Person, pin: str) -> list[list[str]]:
        """Set a PIN; the person logs in with it and the next code."""
        person.pin, person.mode = pin, Mode.NORMAL
        return [["SECURID"]]

    # -- answers --

    def _end(
        self,
        name: str,
        message: str,
        code: str,
        reason: str,
        results: tuple[tuple[str, str], ...],
    ) -> dict[str, Any]:
        del self._attempts[name]
        return self._said(name, message, code, reason) | {
            "credentialValidationResults": [_result(*one) for one in results]
        }

    def _challenged(
        self,
        name: str,
        message: str,
        results: tuple[tuple[str, str], ...],
        code: str = "CHALLENGE",
    ) -> dict[str, Any]:
        attempt = self._attempts[name]
        said = self._said(name, message, code, "AUTHENTICATION_REQUIRED")
        attempt.message = said["context"]["messageId"]
        challenges = [
            {"methodSetId": None, "requiredMethods": [_method(attempt, one) for one in some]}
            for some in attempt.offers
        ]
        return said | {
            "credentialValidationResults": [_result(*one) for one in results],
            "challengeMethods": {"challenges": challenges},
        }

    def _said(self, name: str, message: str, code: str, reason: str) -> dict[str, Any]:
        return {
            "context": {
                "authnAttemptId": name or str(uuid.uuid4()),
                "messageId": str(uuid.uuid4()),
                "inResponseTo": message,
            },
            "credentialValidationResults": [],
            "attemptResponseCode": code,
            "attemptReasonCode": reason,
            "challengeMethods": None,
        }

    def _now(self) -> float:
        return time.monotonic() + self.later


def _result(method: str, code: str) -> dict[str, Any]:
    return {
        "methodId": method,
        "methodResponseCode": code,
        "methodReasonCode": None,
        "authnAttributes": [],
    }


def _method(attempt: _Attempt, name: str) -> dict[str, Any]:
    person = attempt.person
    is_push = name in {"APPROVE", "FINGERPRINT"}
    attributes = {}
    if name in person.absent:
        attributes["METHOD_NOT_APPLICABLE"] = "true"
    elif name in {"SMS", "VOICE"}:
        attributes["PHONE_NUMBER"] = PHONE
    elif is_push:
        attributes["DEVICE_NAME"] = DEVICE
    if is_push and attempt.reference and person.number:
        attributes["SELECTION_CODE"] = person.number
    version = {
        "versionId": "1.0.0",
        "methodAttributes": [
            {"name": key, "value": value, "dataType": "STRING"} for key, value in attributes.items()
        ],
        "valueRequired": not is_push,
        "referenceId": attempt.reference if is_push and attempt.reference else None,
        "prompt": _prompt(name),
    }
    return {
        "methodId": name,
        "displayName": _NAMES.get(name),
        "priority": None,
        "versions": [version],
    }


def _prompt(name: str) -> dict[str, Any]:
    is_pin = name.startswith("SECURID_NEWPIN")
    is_made = name == "SECURID_SYSTEM_GENERATED_PIN"
    return {
        "promptResourceId": _PROMPT_IDS.get(name, ""),
        "defaultText": _TEXTS.get(name, ""),
        "formatRegex": "[0-9]+" if is_pin else None,
        "defaultValue": None,
        "valueBeingDefined": is_pin,
        "sensitive": not is_made,
        "minLength": _PIN_SIZES[0] if is_pin else None,
        "maxLength": _PIN_SIZES[-1] if is_pin else None,
        "promptArgs": [MADE_PIN] if is_made else [],
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Answer a POST."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        simulator, call = self.server.simulator, self.path.removeprefix(_FOLDER)
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, octets = simulator.answer(Asked(self.path, headers, body))
        mood = simulator.mood if simulator.is_in(simulator.mood, call) else Mood.WELL
        match mood:
            case Mood.HTML:
                self._send(200, HTML)
            case Mood.TRUNCATED:
                self._send(200, octets[:-3])
            case Mood.SHORT:
                self._send(200, octets[:-3], missing=3)
            case Mood.LARGE:
                self._send(200, octets[:-1] + b" " * 2**20 + b"}")
            case Mood.SILENT:
                simulator.released.wait(PATIENCE)
                self.close_connection = True
            case Mood.RESET:
                self.server.reset(self.connection)
                self.close_connection = True
            case _:
                self._send(status, octets)

    def do_GET(self) -> None:
        """Answer a GET: nothing is to be had."""
        self._send(404, b"not found")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _send(self, status: int, octets: bytes, *, missing: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets) + missing))
        self.end_headers()
        self.wfile.write(octets)
        self.close_connection = self.close_connection or bool(missing)


class _Server(ThreadingHTTPServer):
    """Serves one simulator, over TLS if it has a context."""

    daemon_threads = False  # they are waited for

    def __init__(self, simulator: Simulator, context: ssl.SSLContext | None, port: int) -> None:
        self.simulator = simulator
        self._context = context
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the handshake is made in the connection's thread."""
        accepted, address = super().get_request()
        if self._context is not None:
            accepted = self._context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False
            )
        self.simulator.open.add(accepted)
        return accepted, address

    def reset(self, connection: socket.socket) -> None:
        """End a connection with a reset."""
        connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.simulator.open.discard(connection)
        connection.close()

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
        url: Where.
    """

    def __init__(self, ca: CA | None, simulator: Simulator | None = None, port: int = 0) -> None:
        """
        Serve.

        Args:
            ca: Signs the certificate; None: no TLS.
            simulator: What is served; None: a new one.
            port: Of loopback; 0: any.
        """
        self.simulator = simulator or Simulator()
        context = None
        if ca is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ca.issue_cert("127.0.0.1").configure_cert(context)
        self._server = _Server(self.simulator, context, port)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if ca else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop: hang up, and wait for every thread."""
        self.simulator.released.set()
        self._server.shutdown()
        for one in list(self.simulator.open):
            _hang_up(one.shutdown)
        self._server.server_close()
        self._thread.join()


def _hang_up(shutdown: Callable[[int], None]) -> None:
    try:
        shutdown(SHUT_RDWR)
    except OSError:
        return  # the other end was faster
