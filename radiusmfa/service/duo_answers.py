"""What Duo answers: envelopes, devices and states out of octets; no type in JSON is trusted."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.service.duo_words import plain

if TYPE_CHECKING:
    from radiusmfa.service.dialogue import Reply

_OK: Final = 200
_ERRORS: Final = range(400, 600)
_ID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_TRANSACTION: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_NUMBER: Final = re.compile(r"[0-9A-Za-z]{1,12}")
_DIGITS: Final = re.compile(r"[0-9]{1,10}")
_CODE: Final = re.compile(r"[0-9]{5}")
_PORTAL: Final = re.compile(r"https://[!-~]{1,2000}")
_CAPABILITIES: Final = ("push", "phone", "sms", "mobile_otp")
_MOST_DEVICES: Final = 100
_NOT_LAST_DIGITS: Final = re.compile(r"[0-9](?=(?:[^0-9]*[0-9]){4})")
_LONGEST_LABEL: Final = 40
_LATEST: Final = 1 << 40  # seconds since 1970; no clock says more


class MalformedError(ValueError):
    """What came is no answer of the Auth API."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    An answer that is an error.

    Attributes:
        code: Of Duo: the status of HTTP and two digits; 00 where it does not say.
        detail: What it is about, for the log.
    """

    code: int
    detail: str = ""

    @property
    def status(self) -> int:
        """Status of HTTP."""
        return self.code // 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """
    A device of somebody's.

    Attributes:
        id: Of Duo.
        label: What the person knows it by.
        masked: What the audit calls it: at most four digits of a number.
        can: Some of `push`, `phone`, `sms`, `mobile_otp`.
        is_token: It shows passcodes, and can do nothing else.
        next_code: First digits of the next passcode that was sent to it; empty: none was.
    """

    id: str
    label: str = ""
    masked: str = ""
    can: frozenset[str] = frozenset()
    is_token: bool = False
    next_code: str = ""

    @property
    def has_codes(self) -> bool:
        """Whether it can have a passcode now."""
        return self.is_token or "mobile_otp" in self.can or bool(self.next_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preauth:
    """
    What somebody may do.

    Attributes:
        result: `auth`, `allow`, `deny` or `enroll`.
        text: For the person.
        devices: In Duo's order.
        portal: Where somebody enrols; empty: not said.
        txid: Of a push with a number that is to be shown; empty: none.
        number: That number.
    """

    result: str
    text: str = ""
    devices: tuple[Device, ...] = ()
    portal: str = ""
    txid: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """
    How an authentication stands.

    Attributes:
        result: `allow`, `deny` or `waiting`: this alone decides.
        status: Why; empty where it does not say.
        text: For the person.
    """

    result: str
    status: str = ""
    text: str = ""


def response(reply: Reply) -> object:
    """
    Return what a reply holds, or the Refusal that it is.

    Raises:
        MalformedError: It is neither.
    """
    if reply.status in _ERRORS:
        return _refusal(reply)
    if reply.status != _OK:
        raise MalformedError
    whole = _json(reply.octets)
    if whole.get("stat") != "OK" or "response" not in whole:
        raise MalformedError
    return whole["response"]


def time(found: object) -> int:
    """
    Return what `ping` or `check` says.

    Raises:
        MalformedError: It is no time.
    """
    moment = _mapping(found).get("time")
    if not isinstance(moment, int) or isinstance(moment, bool) or not 0 < moment < _LATEST:
        raise MalformedError
    return moment


def preauth(found: object) -> Preauth:
    """
    Return what `preauth` says.

    Raises:
        MalformedError: It does not say what it must.
    """
    fields = _mapping(found)
    result = _text(fields, "result")
    if result not in {"auth", "allow", "deny", "enroll"}:
        raise MalformedError
    portal, txid = _text(fields, "enroll_portal_url"), _text(fields, "txid")
    number = _text(fields, "verification_code")
    is_verified = _TRANSACTION.fullmatch(txid) and _NUMBER.fullmatch(number)
    return Preauth(
        result=result,
        text=plain(_text(fields, "status_msg")),
        devices=_devices(fields.get("devices")) if result == "auth" else (),
        portal=portal if _PORTAL.fullmatch(portal) else "",
        txid=txid if is_verified else "",
        number=number if is_verified else "",
    )


def transaction(found: object) -> str:
    """
    Return the number of what `auth` has begun.

    Raises:
        MalformedError: It has none.
    """
    txid = _text(_mapping(found), "txid")
    if not _TRANSACTION.fullmatch(txid):
        raise MalformedError
    return txid


def state(found: object) -> State:
    """
    Return what `auth_status`, or an `auth` that has waited, says.

    Raises:
        MalformedError: It does not say what it must.
    """
    fields = _mapping(found)
    result = _text(fields, "result")
    if result not in {"allow", "deny", "waiting"}:
        raise MalformedError
    return State(result, _text(fields, "status"), plain(_text(fields, "status_msg")))


def masked(text: str) -> str:
    """Return *text* with nothing but the last four of its digits."""
    return _NOT_LAST_DIGITS.sub("X", plain(text))[-_LONGEST_LABEL:]


def _refusal(reply: Reply) -> Refusal:
    usual = reply.status * 100
    try:
        whole = _json(reply.octets)
    except MalformedError:  # of something before Duo
        return Refusal(usual)
    written = whole.get("code")
    if isinstance(written, bool) or not isinstance(written, int | str):
        return Refusal(usual, plain(_text(whole, "message_detail")))
    # Some write it as a text, some with four digits.
    text = str(written) if isinstance(written, str) or 0 <= written < usual * 10 else ""
    code = int(text) if _CODE.fullmatch(text) else 0
    is_meant = code // 100 == reply.status
    return Refusal(code if is_meant else usual, plain(_text(whole, "message_detail"))[:80])


def _devices(found: object) -> tuple[Device, ...]:
    if not isinstance(found, list):
        return ()
    made = (_device(one) for one in found[:_MOST_DEVICES] if isinstance(one, dict))
    return tuple(device for device in made if device is not None)


def _device(fields: dict[str, object]) -> Device | None:
    number, name = _text(fields, "number"), _text(fields, "name")
    id_ = _text(fields, "device")
    if not _ID.fullmatch(id_):
        return None
    if _text(fields, "type") == "token":
        return Device(id=id_, label=masked(name), masked=masked(name) or id_, is_token=True)
    capabilities = fields.get("capabilities")
    listed = capabilities if isinstance(capabilities, list) else []
    digits = _text(fields, "sms_nextcode")
    label = masked(number) or masked(_text(fields, "display_name")) or masked(name)
    return Device(
        id=id_,
        label=label,
        masked=label or id_,
        can=frozenset(word for word in _CAPABILITIES if word in listed),
        next_code=digits if _DIGITS.fullmatch(digits) else "",
    )


def _mapping(found: object) -> dict[str, object]:
    if not isinstance(found, dict):
        raise MalformedError
    return found


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _json(octets: bytes) -> dict[str, object]:
    try:
        return _mapping(json.loads(octets))
    except (ValueError, RecursionError):  # too deep for the parser
        raise MalformedError from None
