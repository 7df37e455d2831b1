"""What Twilio's services answer: JSON objects, and errors with a number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.service.sending import Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from radiusmfa.outcome import Outcome
    from radiusmfa.service.dialogue import Reply

_LARGEST_CODE: Final = 99_999
_MEANINGS: Final = {
    20003: "does not take our account",
    20404: "does not know the account or the service",
    20429: "asks us to wait",
    21211: "does not know the number",
    21408: "may not send to that country; see its geographic permissions",
    21606: "may not send from the number `sender`",
    21608: "is a trial account, and the number is not verified",
    21610: "may not send: the person has answered STOP",
    21614: "knows the number for no mobile one",
    21659: "may not send from the number `sender`",
}


def read(octets: bytes) -> dict[str, Any] | None:
    """Return the JSON object in *octets*; None: it is none."""
    try:
        found = json.loads(octets)
    except (RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def code(found: dict[str, Any] | None) -> int:
    """Return the number of an error; 0: it has none."""
    number = 0 if found is None else found.get("code")
    return number if type(number) is int and 0 < number <= _LARGEST_CODE else 0


def told(status: int, found: dict[str, Any] | None) -> str:
    """Return what to log of an error: never its own text, which may quote what was sent."""
    number = code(found)
    meaning = _MEANINGS.get(number, "does not do it")
    return f"{meaning} ({number})" if number else f"answers {status} without saying why"


def failure(answer: Reply, meanings: Mapping[int, Outcome]) -> Sent | None:
    """Return what the number of an error means for a login; None: it means nothing there."""
    found = read(answer.octets)
    outcome = meanings.get(code(found))
    if outcome is None:
        return None
    return Sent(problem=outcome, trouble=told(answer.status, found))
