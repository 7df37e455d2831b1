"""Whatever ServiceNow answers, an Approval comes out, and a yes only of records that say it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.approval import servicenow
from radiusmfa.approval.servicenow import Case
from radiusmfa.config.approval_model import ServiceNow
from radiusmfa.login.errands import Approval
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.property

NOW = 1_800_000_000.0
PERSON = "a" * 32
FIELDS = (
    "sys_id", "user_name", "active", "number", "state", "approval", "on_hold", "start_date",
    "end_date", "assigned_to", "requested_by", "sysapproval", "approver", "approver.active",
)  # fmt: skip
WORDS = (
    "", "alice", "true", "false", "CHG0030001", "-1", "approved", "requested", "rejected",
    "2027-01-15 07:00:00", "2027-01-15 09:00:00", "2027-13-01 00:00:00", PERSON, "b" * 32,
)  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(("result", *FIELDS)), inner),
)
ROWS = st.lists(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(WORDS)), max_size=4)
ANSWERS = st.one_of(
    st.binary(),
    JSON.map(lambda whole: json.dumps(whole).encode()),
    ROWS.map(lambda rows: json.dumps({"result": rows}).encode()),
)


def ask(user: str, answers: Sequence[bytes], four_eyes: int) -> Approval:
    """Return what comes of *answers*; what is missing of them is empty."""
    settings = ServiceNow(url="https://x", user="x", password=Secret(b"x"), four_eyes=four_eyes)
    asking = servicenow.ask(
        Case(approval="it", longest=86_400, settings=settings, user=user, now=NOW)
    )
    left = list(answers)
    try:
        query = next(asking)
        while True:
            assert (
                user in query.conditions or PERSON in query.conditions or "IN" in (query.conditions)
            )
            query = asking.send(left.pop(0) if left else b'{"result": []}')
    except StopIteration as ended:
        found: Any = ended.value
        assert isinstance(found, Approval)
        return found


@given(st.lists(ANSWERS, max_size=4), st.integers(0, 2))
def test_any_answers_end_in_an_approval(answers: list[bytes], four_eyes: int) -> None:
    """Any octets, any JSON, any records: an Approval, and no exception."""
    found = ask("alice", answers, four_eyes)

    assert found.evidence.isascii()
    assert (found.until is None) is (found.reason is not None)


@given(ROWS, st.integers(0, 2))
def test_yes_only_of_records_that_say_it(rows: list[dict[str, str]], four_eyes: int) -> None:
    """Whatever records come, a yes has one that meets each condition."""
    person = {"sys_id": PERSON, "user_name": "alice", "active": "true"}
    people = json.dumps({"result": [person]}).encode()
    records = json.dumps({"result": rows}).encode()

    found = ask("alice", [people, records, records], four_eyes)

    if found.reason is None:
        assert any(
            row.get("approval") == "approved"
            and row.get("active") == "true"
            and row.get("on_hold") == "false"
            and row.get("state") == "-1"
            and PERSON in {row.get("assigned_to"), row.get("requested_by")}
            and row.get("start_date") == "2027-01-15 07:00:00"
            and row.get("end_date") == "2027-01-15 09:00:00"
            for row in rows
        )


@given(st.text())
def test_any_name_is_harmless(user: str) -> None:
    """No name adds a condition: its characters stand in the query as they are, or nothing does."""
    settings = ServiceNow(url="https://x", user="x", password=Secret(b"x"))
    asking = servicenow.ask(
        Case(approval="it", longest=86_400, settings=settings, user=user, now=NOW)
    )
    try:
        query = next(asking)
    except StopIteration:
        return
    assert query.conditions == f"user_name={user}^active=true"
    assert query.conditions.count("^") == 1
    assert query.conditions.count("=") == 2
