"""Which method is chosen: what must not be comes first."""

from __future__ import annotations

from typing import Any

import pytest

from radiusmfa.outcome import Reason
from radiusmfa.service.securid_attempt import Attempt
from radiusmfa.service.securid_choice import pick
from radiusmfa.service.securid_message import Method

ABSENT = Method(id="SMS", is_there=False)
CODE, PUSH, SMS = Method(id="SECURID"), Method(id="APPROVE"), Method(id="SMS")
FINGER = Method(id="FINGERPRINT", needs_value=False)
NEXT = Method(id="SECURID_NEXT_TOKENCODE")
STRANGE = Method(id="SOMETHING_NEW")


def _pick(*offers: tuple[Method, ...], done: tuple[str, ...] = (), **values: Any) -> object:  # noqa: ANN401
    attempt = Attempt(url="u", id="i", message="m", ends=0, offers=offers, done=done)
    found = pick(values.pop("preferred", ()), attempt, **values)
    return found if isinstance(found, Reason) else found.id


@pytest.mark.parametrize(
    ("offers", "values", "reason"),
    [
        ((), {}, Reason.NO_USABLE_DEVICE),
        (((STRANGE,),), {}, Reason.NO_USABLE_DEVICE),
        (((Method(id="FINGERPRINT"),),), {}, Reason.NO_USABLE_DEVICE),
        (((CODE, STRANGE),), {"has_code": True}, Reason.NO_USABLE_DEVICE),
        (((CODE, ABSENT),), {"has_code": True}, Reason.NO_USABLE_DEVICE),
        (((ABSENT,),), {}, Reason.NOT_ENROLLED),
        (((CODE,),), {"preferred": ("SMS",)}, Reason.NO_USABLE_DEVICE),
        (((CODE,), (SMS,)), {"word": "push"}, Reason.NO_USABLE_DEVICE),
        (((SMS,), (PUSH,)), {"has_code": True}, Reason.NO_USABLE_DEVICE),
        (((NEXT,),), {"has_code": True}, Reason.NO_USABLE_DEVICE),
        (((CODE,), (SMS,)), {"can_show": False}, Reason.CHALLENGE_NOT_SHOWN),
    ],
)
def test_nothing_that_fits_is_a_reason(
    offers: tuple[tuple[Method, ...], ...], values: dict[str, Any], reason: Reason
) -> None:
    """No method is tried that the person did not mean, or that cannot be done here."""
    assert _pick(*offers, **values) is reason


@pytest.mark.parametrize(
    ("offers", "values", "chosen"),
    [
        (((CODE,), (PUSH,)), {}, "SECURID"),
        (((CODE,), (PUSH,)), {"preferred": ("APPROVE", "SECURID")}, "APPROVE"),
        (((CODE,), (PUSH,)), {"can_show": False}, "APPROVE"),
        (((PUSH,), (CODE,)), {"has_code": True}, "SECURID"),
        (((PUSH, CODE),), {"has_code": True}, "SECURID"),
        (((CODE,), (FINGER,)), {"word": "push"}, "FINGERPRINT"),
        (((PUSH, STRANGE), (SMS,)), {}, "SMS"),
        (((PUSH,), (NEXT,)), {"preferred": ("APPROVE",)}, "SECURID_NEXT_TOKENCODE"),
        (((Method(id="SMS", priority=2),), (Method(id="VOICE", priority=1),)), {}, "VOICE"),
        (((CODE, SMS),), {"done": ("SECURID",)}, "SMS"),
        (((CODE,),), {"done": ("SECURID",)}, "SECURID"),
    ],
)
def test_best_method_is_chosen(
    offers: tuple[tuple[Method, ...], ...], values: dict[str, Any], chosen: str
) -> None:
    """What the configuration prefers, else what RSA does; what was proved is not asked again."""
    assert _pick(*offers, **values) == chosen
