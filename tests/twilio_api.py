"""
Twilio on loopback: Messages, Calls, and Verify with real checks, and errors as Twilio has them.

Which number says what was decided by a test; codes of Verify are made here, and "heard" by
whoever looks into the outbox.
"""

from __future__ import annotations

import base64
import random
import re
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Final, NamedTuple, final

from tests.web_site import Answer, Asked, as_json

ACCOUNT: Final = f"AC{'0a' * 16}"
TOKEN: Final = "what the account says"
KEY: Final = f"SK{'1b' * 16}"
KEY_SECRET: Final = "what the key says"
SERVICE: Final = f"VA{'2c' * 16}"
SENDER: Final = "+15005550006"
MESSAGING: Final = f"MG{'3d' * 16}"
MOST_CHECKS: Final = 5
MOST_SENDS: Final = 5
LIFETIME: Final = 600.0

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+")
_ACCOUNTS: Final = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})(?:/(\w+)(?:/(\w+))?)?\.json")
_SERVICES: Final = re.compile(r"/v2/Services/(VA[0-9a-f]{32})(?:/(\w+)(?:/(\w+))?)?")
_TEXTS: Final = {
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url parameter is required."),
    21211: (400, "The 'To' number is not a valid phone number."),
    21212: (400, "The 'From' number is not a valid phone number, shortcode, or sender ID"),
    21218: (400, "Invalid TwiML"),
    21408: (403, "Permission to send an SMS has not been enabled for the region"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The From phone number is not a valid, SMS-capable number for your account."),
    21608: (400, "The number is unverified. Trial accounts cannot send to unverified numbers"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    60200: (400, "Invalid parameter"),
    60202: (429, "Max check attempts reached"),
    60203: (429, "Max send attempts reached"),
}


class Message(NamedTuple):
    """A text, a call or a code that left."""

    to: str
    text: str
    way: str


@dataclass(kw_only=True)
class Verification:
    """One verification of Verify."""

    sid: str
    to: str
    channel: str
    code: str
    began: float
    status: str = "pending"
    sends: list[dict[str, str]] = field(default_factory=list)
    checks: int = 0


@final
@dataclass(kw_only=True)
class Twilio:
    """
    Twilio.

    Attributes:
        outbox: What left, oldest first.
        errors: By number or address: the error that it earns.
        error: Earned by every number; 0: none.
        dead: Messages to these fail at once, with status 201.
        kind: Of the account: `Full` or `Trial`.
        ahead: Seconds that its clock is ahead.
        verifications: Those that are open.
    """

    outbox: list[Message] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    error: int = 0
    dead: set[str] = field(default_factory=set)
    kind: str = "Full"
    ahead: float = 0.0
    verifications: list[Verification] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(20260101))

    def answer(self, asked: Asked) -> Answer:
        """Do what is asked."""
        said = asked.headers.get("authorization", "").removeprefix("Basic ")
        known = {f"{ACCOUNT}:{TOKEN}", f"{KEY}:{KEY_SECRET}"}
        if base64.b64decode(said).decode() not in known:
            return error(20003)
        if match := _ACCOUNTS.fullmatch(asked.path):
            return self._of_account(asked, *match.groups())
        if match := _SERVICES.fullmatch(asked.path):
            return self._of_service(asked, *match.groups())
        return error(20404)

    # -- Messages and Calls --

    def _of_account(self, asked: Asked, account: str, what: str | None, sid: str | None) -> Answer:
        if account != ACCOUNT or sid is not None:
            return error(20404)
        if what is None and asked.method == "GET":
            found = {"sid": account, "status": "active", "type": self.kind, "friendly_name": "it"}
            return as_json(200, found)
        if asked.method != "POST" or what not in ("Messages", "Calls"):
            return error(20404)
        return self._message(asked.form) if what == "Messages" else self._call(asked.form)

    def _message(self, form: dict[str, str]) -> Answer:
        to, body = form.get("To", ""), form.get("Body", "")
        has_sender = "From" in form or "MessagingServiceSid" in form
        number = next(
            (
                number
                for number, is_wrong in (
                    (21604, not to),
                    (21603, not has_sender),
                    (21606, form.get("From", SENDER) not in (SENDER, "RadiusMFA")),
                    (20404, form.get("MessagingServiceSid", MESSAGING) != MESSAGING),
                    (21602, not body),
                    (21617, len(body) > 1600),
                )
                if is_wrong
            ),
            0,
        )
        if number := number or self._error_of(to):
            return error(number)
        assert 1 <= int(form.get("ValidityPeriod", "36000")) <= 36000
        self.outbox.append(Message(to, body, "sms"))
        is_dead = to in self.dead
        status = "queued" if "From" in form else "accepted"
        return as_json(
            201,
            {
                **self._record("SM", to, form.get("From")),
                "body": body,
                "status": "failed" if is_dead else status,
                "error_code": 30003 if is_dead else None,
                "error_message": None,
                "messaging_service_sid": form.get("MessagingServiceSid"),
                "num_segments": "1",
                "num_media": "0",
                "price": None,
                "price_unit": "USD",
                "date_sent": None,
                "subresource_uris": {},
            },
        )

    def _call(self, form: dict[str, str]) -> Answer:
        to = form.get("To", "")
        if not to:
            return error(21201)
        if form.get("From") != SENDER:
            return error(21212)
        if sum(name in form for name in ("Url", "Twiml", "ApplicationSid")) != 1:
            return error(21205)
        said = _said(form.get("Twiml", ""))
        if not said:
            return error(21218)
        assert 1 <= int(form.get("Timeout", "60")) <= 600
        if number := self._error_of(to):
            return error(number)
        self.outbox.append(Message(to, said, "call"))
        record = self._record("CA", to, SENDER)
        return as_json(201, {**record, "status": "queued", "to_formatted": to, "duration": None})

    def _record(self, kind: str, to: str, sender: str | None) -> dict[str, Any]:
        now = formatdate(self._now())
        return {
            "sid": f"{kind}{self.chance.getrandbits(128):032x}",
            "account_sid": ACCOUNT,
            "to": to,
            "from": sender,
            "direction": "outbound-api",
            "api_version": "2010-04-01",
            "date_created": now,
            "date_updated": now,
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/it.json",
        }

    def _error_of(self, to: str) -> int:
        return self.errors.get(to, self.error) or (0 if _NUMBER.fullmatch(to) else 21211)

    # -- Verify --

    def _of_service(self, asked: Asked, service: str, what: str | None, sid: str | None) -> Answer:
        if service != SERVICE or sid is not None:
            return error(20404)
        if what is None and asked.method == "GET":
            return as_json(200, {"sid": SERVICE, "account_sid": ACCOUNT, "code_length": 6})
        if asked.method == "POST" and what == "Verifications":
            return self._start(asked.form)
        if asked.method == "POST" and what == "VerificationCheck":
            return self._check(asked.form)
        return error(20404)

    def _start(self, form: dict[str, str]) -> Answer:
        to, channel = form.get("To", ""), form.get("Channel", "")
        if channel not in ("sms", "call", "email"):
            return error(60200)
        is_right = (_ADDRESS if channel == "email" else _NUMBER).fullmatch(to)
        if number := self.errors.get(to, self.error) or (0 if is_right else 60200):
            return error(number)
        found = self._open(to)
        if found is None:
            found = Verification(
                sid=f"VE{self.chance.getrandbits(128):032x}",
                to=to,
                channel=channel,
                code=f"{self.chance.randrange(10**6):06d}",
                began=self._now(),
            )
            self.verifications.append(found)
        if len(found.sends) >= MOST_SENDS:
            return error(60203)
        found.sends.append({"time": formatdate(self._now()), "channel": channel})
        self.outbox.append(Message(to, f"Your code is: {found.code}", channel))
        return as_json(201, self._shown(found))

    def _check(self, form: dict[str, str]) -> Answer:
        code = form.get("Code", "")
        name = form.get("VerificationSid") or form.get("To", "")
        if not 4 <= len(code) <= 10:
            return error(60200)
        found = self._open(name)
        if found is None:
            return error(20404)
        if found.checks >= MOST_CHECKS:
            return error(60202)
        found.checks += 1
        if code == found.code:
            found.status = "approved"
        return as_json(200, self._shown(found))

    def _open(self, name: str) -> Verification | None:
        for one in self.verifications:
            is_open = one.status == "pending" and self._now() < one.began + LIFETIME
            if name in (one.sid, one.to) and is_open:
                return one
        return None

    def _shown(self, found: Verification) -> dict[str, Any]:
        return {
            "sid": found.sid,
            "service_sid": SERVICE,
            "account_sid": ACCOUNT,
            "to": found.to,
            "channel": found.channel,
            "status": found.status,
            "valid": found.status == "approved",
            "amount": None,
            "payee": None,
            "lookup": {},
            "sna_attempts_error_codes": [],
            "send_code_attempts": found.sends,
            "date_created": "2026-01-01T00:00:00Z",
            "date_updated": "2026-01-01T00:00:00Z",
            "url": f"https://verify.twilio.com/v2/Services/{SERVICE}/Verifications/{found.sid}",
        }

    def _now(self) -> float:
        return time.time() + self.ahead


def error(number: int) -> Answer:
    """Return an error as Twilio writes it."""
    status, text = _TEXTS.get(number, (400, "No"))
    return as_json(
        status,
        {
            "code": number,
            "message": text,
            "more_info": f"https://www.twilio.com/docs/errors/{number}",
            "status": status,
        },
    )


def _said(twiml: str) -> str:
    """Return what a call says; empty: it is no TwiML."""
    if len(twiml) > 4000:
        return ""
    try:
        root = ET.fromstring(twiml)  # noqa: S314 - our own
    except ET.ParseError:
        return ""
    known = {"Say", "Pause"}
    if root.tag != "Response" or {one.tag for one in root} - known:
        return ""
    return " ".join(one.text or "" for one in root if one.tag == "Say")
