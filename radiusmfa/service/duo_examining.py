"""What is wrong with Duo as it is configured here, for `radiusmfa doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.service import duo_answers
from radiusmfa.service.duo_calls import Calls, Trouble

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from radiusmfa.config.service_model import Duo
    from radiusmfa.service.dialogue import Request, Tools


def examine(settings: Duo, tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Return what is wrong, a line each: first whether it is there, then whether it takes us."""
    calls = Calls(settings, tools)
    trouble = yield from calls.correct()
    if trouble is not None:
        return (trouble.text,)
    found = []
    if calls.clock:
        found.append(f"{calls.clock}: logins work, codes of tokens here may not; set it (NTP)")
    checked = yield from calls.call("GET", "check", {}, duo_answers.time)
    if isinstance(checked, Trouble):
        found.append(checked.text)
    return tuple(found)
