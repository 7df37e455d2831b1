"""
Duo's Auth API v2 as it behaves: people, devices, codes, transactions, signatures, faults.

Nothing here opens a socket or reads a clock: `tests.duo_server` does. Every code of an error
is the one that Duo documents.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import secrets
import uuid
from collections import deque
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final
from urllib.parse import parse_qsl, quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable

IKEY: Final = "DIXXXXXXXXXXXXXXXXXX"
SKEY: Final = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
PNG: Final = b"\x89PNG\r\n\x1a\n of a logo"
WINDOW: Final = 300.0
LONGEST_POLL: Final = 60.0
_SMS_CODES: Final = 10
_MOST_BYPASS_CODES: Final = 10
_LOCKS_AFTER: Final = 10
_SHA1_DIGITS: Final = 40
_MESSAGES: Final = {
    40001: "Missing required request parameters",
    40002: "Invalid request parameters",
    40101: "Missing request credentials",
    40102: "Invalid integration key in request credentials",
    40103: "Invalid signature in request credentials",
    40104: "Missing request timestamp",
    40105: "Bad request timestamp",
    40106: "Unsupported request content type",
    40301: "Access forbidden",
    40401: "Resource not found",
    42901: "Too Many Requests",
    50000: "Internal server error",
    50301: "Service unavailable",
}


class Outcome(StrEnum):
    """What somebody does when their phone rings."""

    APPROVE = "approve"
    DENY = "deny"
    FRAUD = "fraud"
    TIMEOUT = "timeout"
    FAILS = "push_failed"
    """The push is not delivered; then the time runs out."""
    LOCKED = "locked_out"


class Kind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """Another status, and nothing is done."""
    EMPTY = "empty"
    BAD_JSON = "bad json"
    NO_RESPONSE = "no response"
    """`stat: OK`, and nothing else."""
    PAGE = "page"
    """Somebody else's page, with status 200."""
    SLOW = "slow"
    RESET = "reset"
    """It is done, and the connection ends without an answer."""
    BAD_HEADER = "bad header"


@dataclass(kw_only=True)
class Fault:
    """
    What goes wrong, and how often.

    Attributes:
        kind: What.
        path: End of the paths it concerns; empty: every one.
        times: How many requests.
        status: Of `STATUS`.
        code: Of it; 0: the usual one of the status.
        retry_after: Sent with it; empty: not sent.
        header: Name that `retry_after` is sent by.
        seconds: Of `SLOW`.
    """

    kind: Kind
    path: str = ""
    times: int = 1
    status: int = 503
    code: int = 0
    retry_after: str = ""
    header: str = "Retry-After"
    seconds: float = 0.0


class Asked(NamedTuple):
    """A request as it came; names of headers are small."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """A response. Status 0: none, the connection ends."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    delay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Hold:
    """
    The answer comes later.

    Attributes:
        transaction: Its number.
        at: When to look again.
        until: When the wait is over at the latest.
        is_sync: The caller of `/auth` waits, not that of `/auth_status`.
        fault: What goes wrong with the answer.
    """

    transaction: str
    at: float
    until: float
    is_sync: bool = False
    fault: Fault | None = None


class State(NamedTuple):
    """What `auth_status` says."""

    result: str
    status: str
    text: str


_ENDS: Final = {
    Outcome.APPROVE: State("allow", "allow", "Success. Logging you in..."),
    Outcome.DENY: State("deny", "deny", "Login request denied."),
    Outcome.FRAUD: State("deny", "fraud", "Login request reported as fraudulent."),
    Outcome.TIMEOUT: State("deny", "timeout", "Login timed out."),
    Outcome.FAILS: State("deny", "timeout", "Login timed out."),
    Outcome.LOCKED: State("deny", "locked_out", "Account is locked out"),
}
_SENDING: Final = State("waiting", "sending", "Sending new SMS passcodes...")
_SENT: Final = State("deny", "sent", "New SMS passcodes sent.")
_WRONG: Final = State("deny", "deny", "Incorrect passcode. Please try again.")
_USED: Final = State(
    "deny",
    "deny",
    "This passcode has already been used. Please generate a new passcode and try again.",
)


@dataclass(kw_only=True)
class Device:
    """
    A phone, or a hardware token.

    Attributes:
        id: Of Duo.
        type: `phone` or `token`.
        name: The owner's label; a token's serial.
        number: Masked, or empty.
        capabilities: What a phone can do.
        sms: Codes that were sent to it and not used yet.
    """

    id: str
    type: str = "phone"
    name: str = ""
    number: str = "XXX-XXX-0100"
    display_name: str = "Android (XXX-XXX-0100)"
    capabilities: tuple[str, ...] = ("auto", "push", "sms", "phone", "mobile_otp")
    sms: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, object]:
        """Return it as `preauth` shows it."""
        if self.type == "token":
            return {"device": self.id, "type": "token", "name": self.name}
        found: dict[str, object] = {
            "device": self.id,
            "type": "phone",
            "name": self.name,
            "display_name": self.display_name,
            "number": self.number,
            "capabilities": list(self.capabilities),
        }
        if self.sms:
            found["sms_nextcode"] = self.sms[0][0]
        return found


def phone(last: str = "0100", *capabilities: str) -> Device:
    """Return a phone whose number ends in *last*, that can do all, or only *capabilities*."""
    masked = f"XXX-XXX-{last}"
    made = Device(id=f"DP{_letters(18)}", number=masked, display_name=f"Android ({masked})")
    made.capabilities = capabilities or made.capabilities
    return made


def token(serial: str = "123456") -> Device:
    """Return a hardware token."""
    return Device(id=f"DH{_letters(18)}", type="token", name=serial, number="", capabilities=())


@dataclass(kw_only=True)
class User:
    """
    Somebody.

    Attributes:
        name: Username.
        id: Of Duo.
        status: `active`, `bypass`, `disabled`, `locked_out`, `unenrolled`.
        devices: In order.
        codes: Passcodes of apps and tokens, and bypass codes, not used yet.
        used: Those that were.
        does: What they do when a phone rings.
        after: Seconds until they do it.
        verified: How a push is verified: empty: not; `preauth`: only with the txid of a
            preauth that shows a number; `message`: the number stands in the status.
        remembers: Devices may be remembered: an allow brings a token.
        failures: Wrong codes in a row.
        activation: Code of an enrolment that waits; empty: none.
    """

    name: str
    id: str = field(default_factory=lambda: f"DU{_letters(18)}")
    status: str = "active"
    devices: list[Device] = field(default_factory=lambda: [phone()])
    codes: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    does: Outcome = Outcome.TIMEOUT
    after: float = 60.0
    verified: str = ""
    remembers: bool = False
    failures: int = 0
    activation: str = ""


@dataclass(kw_only=True)
class Transaction:
    """
    One authentication under way.

    Attributes:
        id: `txid`.
        user: Whose.
        factor: What was asked for.
        steps: What it says from when on, in order; the last one is the end.
        told: How many of them somebody knows.
        is_forgotten: Its end was told.
    """

    id: str
    user: User
    factor: str
    steps: list[tuple[float, State]]
    told: int = 0
    is_forgotten: bool = False

    def index(self, now: float) -> int:
        """Return which step it is at."""
        return max((at for at, (when, _) in enumerate(self.steps) if when <= now), default=0)

    def next_change(self, now: float) -> float:
        """Return when it goes on."""
        return min((when for when, _ in self.steps if when > now), default=math.inf)

    def is_open(self, now: float) -> bool:
        """Return whether it has not ended."""
        return self.steps[self.index(now)][1].result == "waiting"


class Ring(NamedTuple):
    """Somebody's phone rings, or gets a message."""

    at: float
    user: str
    factor: str
    device: str
    parameters: dict[str, str]


class _WrongError(Exception):
    """The request is refused."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@final
@dataclass(kw_only=True)
class Simulator:
    """
    Duo.

    Attributes:
        users: By name.
        everybody: How whoever is not among them is; None: unknown.
        new_users: What the policy says of the unknown: `enroll`, `allow` or `deny`.
        keys: Integration keys and their secrets.
        kind_of_key: `auth`, or another type of application, which may not use this API.
        skew: Seconds that its clock is ahead.
        push_seconds: After how many a push or a call is over.
        sms_seconds: Seconds until messages are sent.
        longest_poll: Seconds that `auth_status` waits at most.
        polls_run_out: Whether it then says 40002, else what it said last.
        forgets: Whether a transaction whose end was told is unknown afterwards.
        codes_as_text: Codes of errors are texts.
        has_logo: It shows one.
        faults: What goes wrong next.
        rings: Every ring, oldest first.
        asked: The last requests: method, path, parameters.
        on_change: Told which transaction goes on earlier than it was to.
    """

    users: dict[str, User] = field(default_factory=dict)
    everybody: Callable[[str], User] | None = None
    new_users: str = "enroll"
    keys: dict[str, str] = field(default_factory=lambda: {IKEY: SKEY})
    kind_of_key: str = "auth"
    skew: float = 0.0
    push_seconds: float = 60.0
    sms_seconds: float = 0.0
    longest_poll: float = LONGEST_POLL
    polls_run_out: bool = False
    forgets: bool = True
    codes_as_text: bool = False
    has_logo: bool = False
    faults: list[Fault] = field(default_factory=list)
    rings: list[Ring] = field(default_factory=list)
    asked: deque[tuple[str, str, dict[str, str]]] = field(
        default_factory=lambda: deque(maxlen=1000)
    )
    transactions: dict[str, Transaction] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    verifications: dict[str, tuple[str, str]] = field(default_factory=dict)
    on_change: Callable[[str], None] = lambda _: None

    def add(self, name: str, **values: Any) -> User:  # noqa: ANN401 - as the class has them
        """Enrol somebody."""
        user = self.users[name] = User(name=name, **values)
        return user

    def paths(self) -> list[str]:
        """Return the last parts of the paths that were asked for."""
        return [path.rpartition("/")[2] for _, path, _ in self.asked]

    def answer(self, asked: Asked, now: float) -> Answer | Hold:
        """
        Return what is answered to *asked*, or when to look again.

        Args:
            asked: As it came.
            now: Our own clock, which `skew` is added to.
        """
        fault = self._fault(asked.path)
        if fault is not None and fault.kind is Kind.STATUS:
            self.asked.append((asked.method, asked.path, {}))
            return self._failed(fault)
        try:
            found = self._answer(asked, now)
        except _WrongError as wrong:
            found = self._error(wrong.code, wrong.detail)
        if isinstance(found, Hold):
            return Hold(**(vars(found) | {"fault": fault}))
        return _spoiled(found, fault)

    def resume(self, hold: Hold, now: float) -> Answer | Hold:
        """Return the answer to what waited, or when to look again."""
        found = self._told(self.transactions[hold.transaction], hold, now)
        if isinstance(found, Hold):
            return Hold(**(vars(found) | {"fault": hold.fault}))
        return _spoiled(found, hold.fault)

    def decide(self, user: str, outcome: Outcome, now: float) -> None:
        """Have somebody answer whatever waits for them, now."""
        for transaction in list(self.transactions.values()):
            if transaction.user.name == user and transaction.is_open(now):
                past = [step for step in transaction.steps if step[0] <= now]
                transaction.steps = [*past, (now, _ENDS[outcome])]
                self.on_change(transaction.id)

    def decide_all(self, outcome: Outcome, now: float) -> None:
        """Have everybody answer whatever waits for them, now."""
        for transaction in list(self.transactions.values()):
            if transaction.is_open(now):
                past = [step for step in transaction.steps if step[0] <= now]
                transaction.steps = [*past, (now, _ENDS[outcome])]
                self.on_change(transaction.id)

    def enrolled(self, name: str) -> None:
        """Have somebody scan the code of their enrolment."""
        user = self.users[name]
        user.activation, user.status = "", "active"

    # -- requests --

    def _fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if path.endswith(fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def _failed(self, fault: Fault) -> Answer:
        code = {429: 42901, 500: 50000}.get(fault.status, fault.status * 100 + 1)
        found = self._error(fault.code or code)._replace(status=fault.status)
        if fault.retry_after:
            headers = (*found.headers, (fault.header, fault.retry_after))
            return found._replace(headers=headers)
        return found

    def _error(self, code: int, detail: str = "") -> Answer:
        told: dict[str, object] = {
            "stat": "FAIL",
            "code": str(code) if self.codes_as_text else code,
            "message": _MESSAGES.get(code, "Error"),
        }
        if detail:
            told["message_detail"] = detail
        return Answer(code // 100, json.dumps(told).encode())

    def _answer(self, asked: Asked, now: float) -> Answer | Hold:
        name = asked.path.removeprefix("/auth/v2/")
        methods = {"ping", "check", "logo", "auth_status"}
        parameters = _parameters(asked)
        self.asked.append((asked.method, asked.path, parameters))
        if not asked.path.startswith("/auth/v2/") or name not in _CALLS:
            raise _WrongError(40401)
        if (asked.method == "GET") != (name in methods):
            raise _WrongError(40401)
        if name != "ping":
            self._verify(asked, now)
        return _CALLS[name](self, parameters, now)

    def _verify(self, asked: Asked, now: float) -> None:
        ikey, signature = _credentials(asked.headers.get("authorization", ""))
        date = asked.headers.get("x-duo-date", asked.headers.get("date", ""))
        if not date:
            raise _WrongError(40104)
        try:
            moment = parsedate_to_datetime(date).timestamp()
        except (ValueError, TypeError):
            raise _WrongError(40105) from None
        if ikey not in self.keys:
            raise _WrongError(40102)
        if abs(moment - now - self.skew) > WINDOW:
            raise _WrongError(40105)
        if asked.method == "POST" and _content(asked) not in {_FORM, _JSON}:
            raise _WrongError(40106)
        known = signatures(asked, date, self.keys[ikey])
        if not any(hmac.compare_digest(signature, one) for one in known):
            raise _WrongError(40103)
        if self.kind_of_key != "auth":
            raise _WrongError(40301)

    def _ping(self, _parameters: dict[str, str], now: float) -> Answer:
        return _ok({"time": int(now + self.skew)})

    def _logo(self, _parameters: dict[str, str], _now: float) -> Answer:
        if self.has_logo:
            return Answer(200, PNG, (("Content-Type", "image/png"),))
        return self._error(40002)._replace(
            body=json.dumps({"stat": "FAIL", "code": 40002, "message": "Logo not found"}).encode()
        )

    def _enroll(self, parameters: dict[str, str], now: float) -> Answer:
        name = parameters.get("username") or f"user-{_letters(8).lower()}"
        if name in self.users:
            raise _WrongError(40002, "username")
        seconds = _number(parameters, "valid_secs", 86_400)
        count = _number(parameters, "bypass_codes", 0)
        if count > _MOST_BYPASS_CODES:
            raise _WrongError(40002, "bypass_codes")
        user = self.add(name, status="unenrolled", devices=[phone("", "push", "mobile_otp")])
        user.devices[0].number = ""
        user.activation = f"duo://{_letters(20)}-{_letters(20)}"
        codes = [_digits(9) for _ in range(count)]
        user.codes |= set(codes)
        told: dict[str, object] = {
            "activation_barcode": f"https://simulator/frame/qr?value={quote(user.activation)}",
            "activation_code": user.activation,
            "expiration": int(now + self.skew) + seconds,
            "user_id": user.id,
            "username": name,
        }
        return _ok(told | ({"bypass_codes": codes} if codes else {}))

    def _enroll_status(self, parameters: dict[str, str], _now: float) -> Answer:
        for name in ("user_id", "activation_code"):
            if not parameters.get(name):
                raise _WrongError(40001, name)
        user = next((one for one in self.users.values() if one.id == parameters["user_id"]), None)
        if user is None or user.activation not in {"", parameters["activation_code"]}:
            return _ok("invalid")
        return _ok("waiting" if user.activation else "success")

    def _preauth(self, parameters: dict[str, str], now: float) -> Answer:
        user = self._user(parameters)
        status = "unknown" if user is None else user.status
        if user is not None and status == "active" and not user.devices:
            status = "unenrolled"
        if status in {"unknown", "unenrolled"}:
            return self._new(self.new_users)
        if user is None or status == "bypass":
            return _ok({"result": "allow", "status_msg": "Account is active"})
        if status in {"disabled", "locked_out"}:
            why = "disabled" if status == "disabled" else "locked out"
            text = f"Your account is {why} and cannot access this application."
            return _ok({"result": "deny", "status_msg": text})
        known = parameters.get("trusted_device_token", "")
        if known and self.tokens.get(known) == user.name:
            return _ok({"result": "allow", "status_msg": "Account is active"})
        told: dict[str, object] = {
            "result": "auth",
            "status_msg": "Account is active",
            "devices": [device.shown() for device in user.devices],
        }
        if user.verified == "preauth" and parameters.get("client_supports_verified_push") == "1":
            txid, number = str(uuid.uuid4()), _digits(3)
            self.verifications[txid] = (user.name, number)
            told |= {"txid": txid, "verification_code": number}
            told["expiration"] = int(now + self.skew + self.push_seconds)
        return _ok(told)

    @staticmethod
    def _new(policy: str) -> Answer:
        if policy == "allow":
            return _ok({"result": "allow", "status_msg": "Account is active"})
        if policy == "deny":
            text = "Access denied. The username you have entered cannot authenticate with Duo."
            return _ok({"result": "deny", "status_msg": text})
        text = "Enroll an authentication device to proceed"
        url = "https://simulator/portal?code=1b2c3d4e5f&akey=DAXXXXXXXXXXXXXXXXXX"
        return _ok({"result": "enroll", "status_msg": text, "enroll_portal_url": url})

    def _auth(self, parameters: dict[str, str], now: float) -> Answer | Hold:
        user = self._user(parameters)
        factor = parameters.get("factor", "")
        if not factor:
            raise _WrongError(40001, "factor")
        if user is None or user.status in {"unenrolled", "unknown"}:
            raise _WrongError(40002, "username")
        transaction = Transaction(
            id=str(uuid.uuid4()), user=user, factor=factor,
            steps=self._steps(user, factor, parameters, now),
        )  # fmt: skip
        self.transactions[transaction.id] = transaction
        if parameters.get("async", "0") == "1":
            return _ok({"txid": transaction.id})
        until = now + 10 * self.push_seconds
        return self._told(
            transaction, Hold(transaction=transaction.id, at=now, until=until, is_sync=True), now
        )

    def _steps(
        self, user: User, factor: str, parameters: dict[str, str], now: float
    ) -> list[tuple[float, State]]:
        if user.status == "bypass":
            return [(now, State("allow", "bypass", "Success. Logging you in..."))]
        if user.status != "active":
            end = Outcome.LOCKED if user.status == "locked_out" else Outcome.DENY
            return [(now, _ENDS[end])]
        if factor == "passcode":
            return [(now, self._passcode(user, parameters))]
        if factor not in {"auto", "push", "phone", "sms"}:
            raise _WrongError(40002, "factor")
        device = _device(user, factor, parameters)
        if factor == "auto":
            factor = next((one for one in ("push", "phone") if one in device.capabilities), "")
        if factor not in device.capabilities:
            raise _WrongError(40002, "device")
        # Before the phone rings: what is refused now rings at nobody.
        number = self._verification(user, parameters, now) if factor == "push" else ""
        self.rings.append(Ring(now, user.name, factor, device.id, parameters))
        if factor == "sms":
            device.sms = [f"{(at + 1) % 10}{_digits(6)}" for at in range(_SMS_CODES)]
            return [(now, _SENDING), (now + self.sms_seconds, _SENT)]
        return self._ringing(user, factor, device, number, now)

    def _ringing(
        self, user: User, factor: str, device: Device, number: str, now: float
    ) -> list[tuple[float, State]]:
        if factor == "phone":
            begins = State("waiting", "calling", f"Dialing {device.number}...")
        elif number:
            text = f"Please enter verification code {number} into Duo Mobile..."
            begins = State("waiting", "pushed", text)
        else:
            begins = State("waiting", "pushed", "Pushed a login request to your device...")
        if user.does in {Outcome.TIMEOUT, Outcome.FAILS} or user.after >= self.push_seconds:
            steps = [(now, begins), (now + self.push_seconds, _ENDS[Outcome.TIMEOUT])]
            if user.does is Outcome.FAILS and factor == "push":
                failed = State("waiting", "push_failed", "The push could not be delivered.")
                steps.insert(1, (now + min(1.0, self.push_seconds / 2), failed))
            return steps
        return [(now, begins), (now + user.after, _ENDS[user.does])]

    def _verification(self, user: User, parameters: dict[str, str], now: float) -> str:
        del now
        if user.verified == "message":
            return _digits(3)
        if user.verified != "preauth":
            return ""
        # Taken out: one number is good for one push.
        whose, number = self.verifications.pop(parameters.get("txid", ""), ("", ""))
        if whose != user.name:
            raise _WrongError(40002, "factor")
        return number

    def _passcode(self, user: User, parameters: dict[str, str]) -> State:
        code = parameters.get("passcode", "")
        if not code:
            raise _WrongError(40001, "passcode")
        sent = next((device for device in user.devices if code in device.sms), None)
        if code in user.used:
            return _USED
        if sent is not None or code in user.codes:
            user.used.add(code)
            user.failures = 0
            user.codes.discard(code)
            if sent is not None:
                sent.sms.remove(code)
            return _ENDS[Outcome.APPROVE]
        user.failures += 1
        if user.failures >= _LOCKS_AFTER:
            user.status = "locked_out"
            return _ENDS[Outcome.LOCKED]
        return _WRONG

    def _auth_status(self, parameters: dict[str, str], now: float) -> Answer | Hold:
        txid = parameters.get("txid", "")
        if not txid:
            raise _WrongError(40001, "txid")
        transaction = self.transactions.get(txid)
        if transaction is None or (transaction.is_forgotten and self.forgets):
            raise _WrongError(40002, "txid")
        until = now + self.longest_poll
        return self._told(transaction, Hold(transaction=txid, at=now, until=until), now)

    def _told(self, transaction: Transaction, hold: Hold, now: float) -> Answer | Hold:
        index = transaction.index(now)
        _, state = transaction.steps[index]
        is_end = state.result != "waiting"
        if hold.is_sync and not is_end:
            return Hold(**(vars(hold) | {"at": min(transaction.next_change(now), hold.until)}))
        # Whoever has waited hears the end, also if somebody else heard it first.
        if index < transaction.told and not is_end:
            if now < hold.until:
                at = min(transaction.next_change(now), hold.until)
                return Hold(**(vars(hold) | {"at": at}))
            if self.polls_run_out:
                return self._error(40002, "txid")
        transaction.told = max(transaction.told, index + 1)
        transaction.is_forgotten = is_end
        told = {"result": state.result, "status": state.status, "status_msg": state.text}
        if state.result == "allow" and transaction.user.remembers:
            made = f"{base64.b64encode(secrets.token_bytes(9)).decode()}|1|{secrets.token_hex(8)}"
            self.tokens[made] = transaction.user.name
            told["trusted_device_token"] = made
        return _ok(told)

    def _user(self, parameters: dict[str, str]) -> User | None:
        name, number = parameters.get("username", ""), parameters.get("user_id", "")
        if not name and not number:
            raise _WrongError(40001, "username")
        if name and number:
            raise _WrongError(40002, "username")
        if number:
            return next((one for one in self.users.values() if one.id == number), None)
        if name not in self.users and self.everybody is not None:
            self.users[name] = self.everybody(name)
        return self.users.get(name)


_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_CALLS: Final[dict[str, Callable[[Simulator, dict[str, str], float], Answer | Hold]]] = {
    "ping": Simulator._ping,
    "check": Simulator._ping,
    "logo": Simulator._logo,
    "enroll": Simulator._enroll,
    "enroll_status": Simulator._enroll_status,
    "preauth": Simulator._preauth,
    "auth": Simulator._auth,
    "auth_status": Simulator._auth_status,
}


def signatures(asked: Asked, date: str, skey: str) -> list[str]:
    """Return every signature that would be right for *asked*: of versions 2, 4 and 5."""
    host = asked.headers.get("host", "").rpartition("@")[2].lower()
    host = host.rpartition(":")[0] if ":" in host else host
    is_json = asked.method == "POST" and _content(asked) == _JSON
    is_form = asked.method == "POST" and not is_json
    written = asked.body.decode() if is_form else asked.query
    lines = [date, asked.method.upper(), host, unquote(asked.path), canonical(_pairs(written))]
    known = [] if is_json else [_signed(skey, lines, "sha1"), _signed(skey, lines, "sha512")]
    if not is_form:
        lines.append(hashlib.sha512(asked.body).hexdigest())
        known.append(_signed(skey, lines, "sha512"))
        own = sorted(pair for pair in asked.headers.items() if pair[0].startswith("x-duo-"))
        told = "\0".join(part for pair in own for part in pair)
        lines.append(hashlib.sha512(told.encode()).hexdigest())
        known.append(_signed(skey, lines, "sha512"))
    return known


def canonical(pairs: list[tuple[str, str]]) -> str:
    """Return parameters in the form that is signed."""
    return "&".join(
        f"{name}={value}"
        for name, value in sorted((quote(name, "~"), quote(value, "~")) for name, value in pairs)
    )


def _signed(skey: str, lines: list[str], digest: str) -> str:
    return hmac.new(skey.encode(), "\n".join(lines).encode(), digest).hexdigest()


def _credentials(header: str) -> tuple[str, str]:
    kind, _, rest = header.partition(" ")
    try:
        ikey, colon, signature = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _WrongError(40101) from None
    if kind != "Basic" or not colon or len(signature) < _SHA1_DIGITS:
        raise _WrongError(40101)
    return ikey, signature


def _content(asked: Asked) -> str:
    return asked.headers.get("content-type", "").partition(";")[0].strip().lower()


def _pairs(written: str) -> list[tuple[str, str]]:
    return parse_qsl(written, keep_blank_values=True)


def _parameters(asked: Asked) -> dict[str, str]:
    if asked.method != "POST":
        return dict(_pairs(asked.query))
    if _content(asked) != _JSON:
        return dict(_pairs(asked.body.decode(errors="replace")))
    try:
        found = json.loads(asked.body or b"{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: _text(value) for name, value in found.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _device(user: User, factor: str, parameters: dict[str, str]) -> Device:
    wanted = parameters.get("device", "")
    if not wanted:
        raise _WrongError(40001, "device")
    for device in user.devices:
        if device.id == wanted or (wanted == "auto" and factor in device.capabilities):
            return device
    raise _WrongError(40002, "device")


def _number(parameters: dict[str, str], name: str, usual: int) -> int:
    written = parameters.get(name, str(usual))
    if not written.isdecimal():
        raise _WrongError(40002, name)
    return int(written)


def _ok(response: object) -> Answer:
    return Answer(200, json.dumps({"stat": "OK", "response": response}).encode())


def _spoiled(answer: Answer, fault: Fault | None) -> Answer:
    if fault is None:
        return answer
    return {
        Kind.EMPTY: answer._replace(body=b""),
        Kind.BAD_JSON: answer._replace(body=answer.body[:-2]),
        Kind.NO_RESPONSE: answer._replace(body=b'{"stat": "OK"}'),
        Kind.PAGE: Answer(
            200, b"<html>Log in to the hotel</html>", (("Content-Type", "text/html"),)
        ),
        Kind.SLOW: answer._replace(delay=fault.seconds),
        Kind.RESET: answer._replace(status=0),
        Kind.BAD_HEADER: answer._replace(headers=(("Content-Length", "many"),)),
    }.get(fault.kind, answer)


def _letters(count: int) -> str:
    return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(count))


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))
