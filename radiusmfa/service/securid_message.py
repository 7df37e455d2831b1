"""
What RSA's SecurID Authentication API is told, and what it answers, without the HTTP.

Everything in an answer is looked at before it is believed: what has to be there and is not,
or is of another type, is a MalformedError; what is only to be shown is left out instead.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeGuard

if TYPE_CHECKING:
    from radiusmfa.config.service_model import SecurId

SUCCESS: Final = "SUCCESS"
CHALLENGE: Final = "CHALLENGE"
FAIL: Final = "FAIL"
IN_PROCESS: Final = "IN_PROCESS"

SECURID: Final = "SECURID"
NEXT_TOKENCODE: Final = "SECURID_NEXT_TOKENCODE"
NEW_PIN: Final = "SECURID_NEWPIN"
NEW_PIN_CONFIRM: Final = "SECURID_NEWPIN_CONFIRM"
SYSTEM_PIN: Final = "SECURID_SYSTEM_GENERATED_PIN"
TOKEN: Final = "TOKEN"  # noqa: S105 - the name of a method
EMERGENCY: Final = "EMERGENCY_TOKENCODE"
APPROVE: Final = "APPROVE"
FINGERPRINT: Final = "FINGERPRINT"
SMS: Final = "SMS"
VOICE: Final = "VOICE"

FOLDER: Final = "/mfa/v1_1/authn"
ATTEMPT_SECONDS: Final = 180
"""How long an attempt lives: as long as a challenge of ours does, unless that was changed."""

_LANGUAGE: Final = "en_US"
_NOT_APPLICABLE: Final = "METHOD_NOT_APPLICABLE"
_ID: Final = re.compile(r"[!-~]{1,255}")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_PIN: Final = re.compile(r"[!-~]{1,32}")
_HOLE: Final = re.compile(r"\{([0-9])\}")
_DIGITS_ONLY: Final = re.compile(r"\^?(?:\\d|\[0-9\])(?:[+*]|\{[0-9,]*\})?\$?")
_LONGEST_TEXT: Final = 200
_LONGEST_DEVICE: Final = 40
_LONGEST_PIN: Final = 64
_MOST_METHODS: Final = 32
_LAST: Final = 1000  # priority of what has none
_SHOWN_DIGITS: Final = 4


class MalformedError(ValueError):
    """What came is no answer of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """
    One way to go on with an attempt.

    Attributes:
        id: As `SECURID`.
        version: Of the method.
        reference: What a push that is under way is known by; empty: none is.
        text: The server's prompt, printable, in one line; never the PIN that it made.
        least: Characters of a new PIN at least; 0: not said.
        most: Characters of a new PIN at most; 0: not said.
        digits: A new PIN has nothing but digits.
        device: Where the person is asked, masked; empty: not said.
        pin: The PIN that the server has made.
        number: What the person has to choose on the device.
        needs_value: Something has to be typed for it.
        is_there: The person has what it takes.
        priority: The server's own order, the lowest first.
    """

    id: str
    version: str = "1.0.0"
    reference: str = field(default="", repr=False)
    text: str = ""
    least: int = 0
    most: int = 0
    digits: bool = False
    device: str = ""
    pin: str = field(default="", repr=False)
    number: str = ""
    needs_value: bool = True
    is_there: bool = True
    priority: int = _LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """
    What became of a method that was tried.

    Attributes:
        method: Its id.
        code: SUCCESS, FAIL, or something else: not decided yet.
        reason: Why; may be empty.
    """

    method: str
    code: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What the server says of an attempt.

    Attributes:
        attempt: Its id.
        message: Id of this answer: the next request is in response to it.
        code: SUCCESS, CHALLENGE, FAIL, IN_PROCESS; anything else is a failure.
        reason: Why; may be empty.
        results: Of the methods tried with the request.
        offers: Alternatives, each with all the methods that it needs.
    """

    attempt: str = field(repr=False)
    message: str = field(repr=False)
    code: str
    reason: str = ""
    results: tuple[Result, ...] = ()
    offers: tuple[tuple[Method, ...], ...] = ()

    def result(self, method: str) -> str:
        """Return what became of *method*, the only one that was tried; empty: nothing is said."""
        if len(self.results) == 1:
            return self.results[0].code
        return next((one.code for one in self.results if one.method == method), "")

    def reasons(self) -> str:
        """Return every reason that is given, in one text."""
        return " ".join([self.reason, *(one.reason for one in self.results)])

    def offered(self, method: str) -> Method | None:
        """Return the method of that id, if it is among the offers."""
        return next((one for some in self.offers for one in some if one.id == method), None)


def initialize(settings: SecurId, subject: str, message: str, passcode: str = "") -> bytes:
    """
    Return the request that opens an attempt.

    Args:
        settings: Which agent, which policy.
        subject: Whose attempt.
        message: A new id.
        passcode: Tried at once, as SECURID; empty: what can be tried is asked for.
    """
    body: dict[str, object] = {
        "clientId": settings.agent,
        "subjectName": subject,
        "lang": _LANGUAGE,
        "authnAttemptTimeout": ATTEMPT_SECONDS,
        "sessionAttributes": [],
        "keepAttempt": False,
        "subjectCredentials": [_credential(Method(id=SECURID), passcode)] if passcode else [],
        "context": {"messageId": message},
    }
    if settings.policy:
        body["assurancePolicyId"] = settings.policy
    return _octets(body)


def verify(attempt: str, message: str, reply_to: str, method: Method, value: str) -> bytes:
    """
    Return the request that tries a method, or asks how a push is getting on.

    Args:
        attempt: Its id.
        message: A new id.
        reply_to: Id of the server's latest answer.
        method: As it was offered.
        value: What was typed; empty: it is to begin.
    """
    return _octets({
        "subjectCredentials": [_credential(method, value)],
        "context": {"authnAttemptId": attempt, "messageId": message, "inResponseTo": reply_to},
    })  # fmt: skip


def cancel(attempt: str, message: str, reply_to: str) -> bytes:
    """Return the request that ends an attempt; its form is an assumption, its answer no matter."""
    return _octets({
        "authnAttemptId": attempt,
        "cancelReason": "USER_ACTION",
        "context": {"authnAttemptId": attempt, "messageId": message, "inResponseTo": reply_to},
    })  # fmt: skip


def read(octets: bytes, message: str, attempt: str = "") -> Answer:
    """
    Return what the server says.

    Args:
        octets: The body.
        message: Id of the request: an answer to another one is none.
        attempt: Id of the attempt; empty: it begins.

    Raises:
        MalformedError: That is no answer to the request.
    """
    whole = _mapping(_json(octets))
    context = _mapping(whole.get("context"))
    answer = Answer(
        attempt=_matching(context.get("authnAttemptId"), _ID),
        message=_matching(context.get("messageId"), _ID),
        code=_matching(whole.get("attemptResponseCode"), _CODE),
        reason=_reason(whole.get("attemptReasonCode")),
        results=tuple(map(_result, _items(whole.get("credentialValidationResults")))),
        offers=_offers(whole.get("challengeMethods")),
    )
    if context.get("inResponseTo") != message or attempt not in {"", answer.attempt}:
        raise MalformedError
    return answer


def masked(text: str) -> str:
    """Return a telephone number or address of which nobody learns more than its end."""
    name, at, domain = text.partition("@")
    if at:
        return f"{name[:1]}***@{domain}"[:_LONGEST_DEVICE]
    digits = re.sub(r"[^0-9]", "", text)
    letters = re.sub(r"[^A-Za-z]", "", text.replace("x", "").replace("X", ""))
    if letters and len(digits) <= _SHOWN_DIGITS:
        return text[:_LONGEST_DEVICE]  # the name of a device
    return f"***{digits[-_SHOWN_DIGITS:]}" if digits else ""


def _credential(method: Method, value: str) -> dict[str, object]:
    return {
        "methodId": method.id,
        "versionId": method.version,
        "referenceId": method.reference or None,
        # "The input's name equals the method id."
        "collectedInputs": [{"name": method.id, "value": value, "dataType": "STRING"}],
    }


def _octets(body: dict[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _json(octets: bytes) -> object:
    try:
        return json.loads(octets.decode("utf-8", "strict"))
    except (ValueError, RecursionError):
        raise MalformedError from None


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError
    return value


def _items(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST_METHODS:
        raise MalformedError
    return value


def _matching(value: object, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise MalformedError
    return value


def _reason(value: object) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _result(value: object) -> Result:
    found = _mapping(value)
    return Result(
        method=_matching(found.get("methodId"), _ID),
        code=_matching(found.get("methodResponseCode"), _CODE),
        reason=_reason(found.get("methodReasonCode")),
    )


def _offers(value: object) -> tuple[tuple[Method, ...], ...]:
    if value is None:
        return ()
    challenges = [_mapping(one) for one in _items(_mapping(value).get("challenges"))]
    found = [tuple(map(_method, _items(one.get("requiredMethods")))) for one in challenges]
    # What needs nothing lets nobody in.
    offers = tuple(some for some in found if some)
    if sum(map(len, offers)) > _MOST_METHODS:
        raise MalformedError
    return offers


def _method(value: object) -> Method:
    found = _mapping(value)
    name = _matching(found.get("methodId"), _ID)
    versions = [_mapping(one) for one in _items(found.get("versions"))]
    version = versions[0] if versions else {}
    prompt = version.get("prompt")
    prompt = prompt if isinstance(prompt, dict) else {}
    attributes = _attributes(version.get("methodAttributes"))
    arguments = _arguments(prompt.get("promptArgs"))
    text = _filled(_shown(prompt.get("defaultText"), _LONGEST_TEXT), arguments)
    pin = _pin(prompt, arguments, attributes) if name == SYSTEM_PIN else ""
    return Method(
        id=name,
        version=_shown(version.get("versionId"), _LONGEST_TEXT) or "1.0.0",
        reference=_reference(version.get("referenceId")),
        text=text if not pin or pin not in text else "",
        least=_size(prompt.get("minLength")),
        most=_size(prompt.get("maxLength")),
        digits=_is_digits(prompt.get("formatRegex")),
        device=_device(attributes),
        pin=pin,
        number=_number(attributes),
        needs_value=version.get("valueRequired") is not False,
        is_there=_NOT_APPLICABLE not in attributes,
        priority=_priority(found.get("priority")),
    )


def _reference(value: object) -> str:
    return "" if value is None or value == "" else _matching(value, _ID)


def _attributes(value: object) -> dict[str, str]:
    """Return what a method says of itself, by name in capitals."""
    found = (one for one in _items(value) if isinstance(one, dict))
    return {
        name.upper(): _shown(one.get("value"), _LONGEST_TEXT)
        for one in found
        if isinstance(name := one.get("name"), str)
    }


def _arguments(value: object) -> list[str]:
    return [_shown(one, _LONGEST_TEXT) for one in _items(value)]


def _filled(text: str, arguments: list[str]) -> str:
    def put(hole: re.Match[str]) -> str:
        at = int(hole[1])
        return arguments[at] if at < len(arguments) else ""

    return _HOLE.sub(put, text)[:_LONGEST_TEXT]


def _pin(prompt: dict[str, Any], arguments: list[str], attributes: dict[str, str]) -> str:
    """Return the PIN that the server has made; where it stands is an assumption."""
    places = [prompt.get("defaultValue"), *arguments, *attributes.values()]
    return next((one for one in places if isinstance(one, str) and _PIN.fullmatch(one)), "")


def _device(attributes: dict[str, str]) -> str:
    """Return where the person is asked; that these names say it is an assumption."""
    for name, value in attributes.items():
        if any(word in name for word in ("PHONE", "DEVICE", "EMAIL")) and value:
            return masked(value)
    return ""


def _number(attributes: dict[str, str]) -> str:
    """Return what has to be chosen on the device; that such a name says it is an assumption."""
    for name, value in attributes.items():
        if "SELECTION" in name and _PIN.fullmatch(value):
            return value
    return ""


def _size(value: object) -> int:
    return value if _is_number(value) and 0 < value <= _LONGEST_PIN else 0


def _priority(value: object) -> int:
    return value if _is_number(value) and 0 <= value < _LAST else _LAST


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_digits(value: object) -> bool:
    return isinstance(value, str) and bool(_DIGITS_ONLY.fullmatch(value))


def _shown(value: object, most: int) -> str:
    if not isinstance(value, str):
        return ""
    text = " ".join(value.split())
    return "".join(one for one in text if one.isprintable())[:most]
