"""What people are asked in a dialogue with RSA, and what each question is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.config.upstream_model import Event
from radiusmfa.service import securid_message as rsa

if TYPE_CHECKING:
    from collections.abc import Collection

    from radiusmfa.service.securid_message import Method

WORDS: Final = {
    "push": (rsa.APPROVE, rsa.FINGERPRINT),
    "sms": (rsa.SMS,),
    "phone": (rsa.VOICE,),
}
"""What is typed to choose a method, instead of a code."""
PUSHES: Final = frozenset({rsa.APPROVE, rsa.FINGERPRINT})
SENT: Final = frozenset({rsa.SMS, rsa.VOICE})
CODES: Final = (rsa.SECURID, rsa.TOKEN, rsa.EMERGENCY)
"""Methods whose code the person has before anybody asks."""
FOLLOWING: Final = frozenset({
    rsa.NEXT_TOKENCODE, rsa.NEW_PIN, rsa.NEW_PIN_CONFIRM, rsa.SYSTEM_PIN,
})  # fmt: skip
"""Methods that come of another one, and are not chosen."""
PINS: Final = frozenset({rsa.NEW_PIN, rsa.NEW_PIN_CONFIRM, rsa.SYSTEM_PIN})
"""Those that set a PIN."""
METHODS: Final = (*CODES, *sorted(PUSHES), *sorted(SENT))
"""What `methods` may name."""
WAYS: Final = {
    rsa.APPROVE: "push",
    rsa.FINGERPRINT: "push",
    rsa.SMS: "sms",
    rsa.VOICE: "voice",
}
PASSCODE: Final = "passcode"

CHOICE: Final = "Do you want to enter your own PIN [y/n]? "
REENTER: Final = "Please re-enter new PIN: "
MISMATCH: Final = "PINs do not match. "
REJECTED: Final = "PIN rejected. "
WRONG: Final = "Not accepted. "
PIN_ACCEPTED: Final = (
    "PIN accepted. Wait for the token code to change, then enter the new passcode: "
)
_EVENTS: Final = {
    rsa.NEXT_TOKENCODE: Event.NEXT_CODE_WANTED,
    rsa.NEW_PIN: Event.NEW_PIN_WANTED,
    rsa.NEW_PIN_CONFIRM: Event.PIN_CONFIRM_WANTED,
    rsa.SMS: Event.CODE_SENT,
    rsa.VOICE: Event.CODE_SENT,
}
_USUAL: Final = {
    rsa.SECURID: "Enter passcode: ",
    rsa.TOKEN: "Enter the tokencode of the Authenticate app: ",
    rsa.EMERGENCY: "Enter emergency tokencode: ",
    rsa.NEXT_TOKENCODE: "Wait for token to change, then enter the new tokencode: ",
    rsa.NEW_PIN: "Enter a new PIN: ",
    rsa.SMS: "Enter the tokencode that was sent to you: ",
    rsa.VOICE: "Enter the tokencode that you were told by telephone: ",
}


def event(method: Method) -> Event:
    """Return what is asked with *method*."""
    return _EVENTS.get(method.id, Event.CODE_WANTED)


def question(method: Method, words: Collection[str] = ()) -> str:
    """
    Return what the person is asked for *method*: RSA's own words, where there are any.

    Args:
        method: As it was offered.
        words: What else could be typed.
    """
    text = method.text or _USUAL.get(method.id, _USUAL[rsa.SECURID])
    if method.id == rsa.NEW_PIN:
        text = _with_rules(method, text)
    if words:
        text = f"{text.rstrip(' :')}, or type {' or '.join(words)}:"
    return f"{text.rstrip()} "


def pin_shown(method: Method) -> str:
    """Return the question that shows a PIN of RSA's making."""
    return f"Your new PIN is: {method.pin}  Do you accept this [y/n]? "


def push_sent(method: Method) -> str:
    """Return what is shown while the person looks at a device."""
    where = f" on {method.device}" if method.device else ""
    if method.number:
        return f"Choose {method.number}{where or ' on your phone'}, then press Enter: "
    return f"Approve the request{where or ' on your phone'}, then press Enter: "


def _with_rules(method: Method, text: str) -> str:
    """Return *text* with what the PIN has to be like, unless it says so itself."""
    size = f"{method.least} to {method.most}" if method.least and method.most else ""
    if not size and method.least:
        size = f"at least {method.least}"
    if not size and method.most:
        size = f"at most {method.most}"
    numbers = {str(one) for one in (method.least, method.most) if one}
    if not size or all(one in text for one in numbers):
        return text
    kind = "digits" if method.digits else "characters"
    return f"{text.rstrip(' :')} ({size} {kind}):"
