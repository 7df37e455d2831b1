"""Which of the methods that RSA offers a login goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.outcome import Reason
from radiusmfa.service import securid_message as rsa
from radiusmfa.service import securid_texts as texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from radiusmfa.service.securid_attempt import Attempt
    from radiusmfa.service.securid_message import Method


def pick(
    preferred: Sequence[str],
    attempt: Attempt,
    *,
    word: str = "",
    has_code: bool = False,
    can_show: bool = True,
) -> Method | Reason:
    """
    Return the method that fits best, or why there is none.

    An alternative counts only if everything that it needs can be done here.

    Args:
        preferred: Ids of the methods that are used, the best first; empty: all that can be,
            in RSA's order.
        attempt: What is offered, and what was proved before.
        word: What was typed to choose one.
        has_code: A code was typed.
        can_show: The client can show a question.
    """
    listed = [one for some in attempt.offers for one in some]
    usable = [some for some in attempt.offers if all(_is_usable(one, preferred) for one in some)]
    if not usable:
        is_there = any(one.is_there for one in listed) or not listed
        return Reason.NO_USABLE_DEVICE if is_there else Reason.NOT_ENROLLED
    found = [one for some in usable for one in _left(some, attempt.done)]
    if word:
        found = [one for one in found if one.id in texts.WORDS[word]]
    elif has_code:
        found = [one for one in found if one.id in texts.CODES]
    elif not can_show:
        found = [one for one in found if one.id in texts.PUSHES]
        if not found:
            return Reason.CHALLENGE_NOT_SHOWN
    if not found:
        return Reason.NO_USABLE_DEVICE
    return min(found, key=lambda one: _rank(one, preferred))


def _is_usable(method: Method, preferred: Sequence[str]) -> bool:
    if not method.is_there:
        return False
    if method.id in texts.FOLLOWING:
        return True
    if method.id == rsa.FINGERPRINT and method.needs_value:
        return False  # something has to be read at the person's own screen
    return method.id in (preferred or texts.METHODS)


def _left(some: Sequence[Method], done: Sequence[str]) -> Sequence[Method]:
    """Return what an alternative still needs; RSA may list what was proved once more."""
    return [one for one in some if one.id not in done] or some[-1:]


def _rank(method: Method, preferred: Sequence[str]) -> tuple[int, int]:
    if method.id in texts.FOLLOWING:
        return -1, 0
    return preferred.index(method.id) if preferred else 0, method.priority
