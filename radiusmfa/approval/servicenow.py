"""
Whether ServiceNow says that somebody may: what its Table API is asked, and what it answers.

Each condition stands in the question and is looked at again in the answer: ServiceNow drops
a condition on a field that it does not know, says nothing of it, and finds more records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from radiusmfa.approval import answers
from radiusmfa.approval.answers import MalformedError
from radiusmfa.config.approval_model import Table
from radiusmfa.login.errands import Approval
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from radiusmfa.approval.answers import Row
    from radiusmfa.config.approval_model import ServiceNow

# "^" and "=" would add conditions to the query, "," values to a list.
_USER: Final = re.compile(r"[A-Za-z0-9._@\\-]{1,100}")
_NUMBER: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PEOPLE: Final = "sys_user"
_APPROVERS: Final = "sysapproval_approver"
_APPROVER_FIELDS: Final = ("sys_id", "sysapproval", "state", "approver", "approver.active")
_PEOPLE_LIMIT: Final = 2  # two are too many already
_RECORDS_LIMIT: Final = 5
_REASONS_LIMIT: Final = 10
_APPROVERS_LIMIT: Final = 100
_APPROVED: Final = "approved"
_TRUE: Final = "true"
_REASONS: Final = {
    "requested": Reason.APPROVAL_PENDING,
    "rejected": Reason.APPROVAL_REJECTED,
    "cancelled": Reason.APPROVAL_REJECTED,
}
"""What the field `approval` says where it is not "approved"; all else is NOT_APPROVED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """
    One question to the Table API.

    Attributes:
        table: Whose records.
        conditions: The encoded query.
        fields: What is read of each record.
        limit: How many records at most.
    """

    table: str
    conditions: str
    fields: tuple[str, ...]
    limit: int

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """What stands in the address, not encoded yet."""
        return (
            ("sysparm_query", self.conditions),
            ("sysparm_fields", ",".join(self.fields)),
            ("sysparm_limit", str(self.limit)),
            # Values, not labels: those are in the account's language and time zone.
            ("sysparm_display_value", "false"),
            ("sysparm_exclude_reference_link", "true"),
            ("sysparm_no_count", "true"),
        )


Asking: TypeAlias = "Generator[Query, bytes, Approval]"
"""Asks queries one after the other, is sent the octets of each answer, ends in an Approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    Who wants to know what.

    Attributes:
        approval: Its name here.
        longest: Seconds that a record counts at most, from its beginning.
        settings: From the configuration.
        user: The person's one name here.
        now: Wall time.
    """

    approval: str
    longest: int
    settings: ServiceNow
    user: str
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """
    What a record is worth.

    Attributes:
        reason: None: it lets the person in.
        number: Of the record.
        sys_id: Its key.
        until: When it ends, seconds since 1970; None: it has no end, and lets nobody in.
    """

    reason: Reason | None
    number: str = ""
    sys_id: str = ""
    until: float | None = None


_NOT_APPROVED: Final = _Found(reason=Reason.NOT_APPROVED)
_UNAVAILABLE: Final = _Found(reason=Reason.APPROVAL_UNAVAILABLE)


def ask(case: Case) -> Asking:
    """Find out whether the person of *case* has an approval in force; see `Asking`."""
    try:
        found = yield from _find(case)
    except MalformedError:
        found = _UNAVAILABLE
    return Approval(
        approval=case.approval,
        reason=found.reason,
        until=found.until if found.reason is None else None,
        evidence=found.number,
    )


def examination(settings: ServiceNow) -> tuple[Query, ...]:
    """Return what shows that the account may read all that will be asked for."""
    own = f"user_name={settings.user}" if settings.user else ""
    tables = [(_PEOPLE, own, _people_fields(settings)), (settings.table, "", _fields(settings))]
    if settings.four_eyes:
        tables.append((_APPROVERS, "", _APPROVER_FIELDS))
    return tuple(
        Query(table=table, conditions=conditions, fields=fields, limit=1)
        for table, conditions, fields in tables
    )


def trouble(query: Query, octets: bytes) -> str:
    """Return what is wrong with the answer to a *query* of `examination`; empty: nothing."""
    try:
        rows = answers.rows(octets)
    except MalformedError:
        return f"{query.table}: what came is no answer of the Table API"
    if not rows:
        what = "the account cannot read itself" if query.conditions else "no record can be read"
        return f"{query.table}: {what}; give the account a role that may"
    missing = [name for name in query.fields if name not in rows[0]]
    if missing:
        return f"{query.table}: has no {', '.join(missing)}, or the account may not read it"
    if not rows[0]["sys_id"]:
        return f"{query.table}: the account may not read sys_id"
    return ""


def _find(case: Case) -> Generator[Query, bytes, _Found]:
    if not _USER.fullmatch(case.user):
        return _NOT_APPROVED
    person = _person(case, answers.rows((yield _person_query(case))))
    if not person:
        return _NOT_APPROVED
    rows = answers.rows((yield _held_query(case, person)))
    held = [found for found in _judged(case, person, rows) if found.reason is None]
    if held and case.settings.four_eyes:
        approvers = answers.rows((yield _approvers_query(held)))
        seen = [one for one in held if _others(one, person, approvers) >= case.settings.four_eyes]
        if not seen:
            return _Found(reason=Reason.NOT_APPROVED, number=held[0].number)
        held = seen
    if held:
        return max(held, key=lambda found: found.until or 0.0)
    rows = answers.rows((yield _latest_query(case, person)))
    return _nearest(_judged(case, person, rows))


def _nearest(judged: Iterable[_Found]) -> _Found:
    """Return the latest record that tells more than "not approved"."""
    told = {Reason.APPROVAL_PENDING, Reason.APPROVAL_REJECTED, Reason.APPROVAL_EXPIRED}
    return next((found for found in judged if found.reason in told), _NOT_APPROVED)


def _person_query(case: Case) -> Query:
    return Query(
        table=_PEOPLE,
        conditions=f"{case.settings.user_field}={case.user}^active=true",
        fields=_people_fields(case.settings),
        limit=_PEOPLE_LIMIT,
    )


def _people_fields(settings: ServiceNow) -> tuple[str, ...]:
    return "sys_id", str(settings.user_field), "active"


def _person(case: Case, rows: list[Row]) -> str:
    """Return the sys_id of the one active person of that name; empty: none, or several."""
    # ServiceNow compares without case, and so do we: who differs in case alone is ambiguous.
    named = [
        answers.sys_id(row)
        for row in rows
        if answers.text(row, case.settings.user_field).lower() == case.user.lower()
        and answers.text(row, "active") == _TRUE
    ]
    return named[0] if len(named) == 1 else ""


def _fields(settings: ServiceNow) -> tuple[str, ...]:
    own: tuple[str, ...] = ("on_hold", "start_date", "end_date")
    if settings.table is Table.ITEM:
        own = ("cat_item", "sys_created_on")
    return ("sys_id", "number", "state", "approval", "active", *own, *settings.relation)


def _held_query(case: Case, person: str) -> Query:
    """Ask for what lets *person* in now."""
    settings, now = case.settings, case.now
    earliest, latest = _written(now - settings.grace - case.longest), _written(now + settings.grace)
    begin = "start_date" if settings.table is Table.CHANGE else "sys_created_on"
    conditions = [
        "active=true",
        f"approval={_APPROVED}",
        f"stateIN{','.join(settings.states)}",
        f"{begin}>={earliest}",
        f"{begin}<={latest}",
    ]
    if settings.table is Table.CHANGE:
        conditions += ["on_hold=false", f"end_date>={_written(now - settings.grace)}"]
    conditions += [*_theirs(settings, person), f"ORDERBYDESC{begin}"]
    return Query(
        table=settings.table,
        conditions="^".join(conditions),
        fields=_fields(settings),
        limit=_RECORDS_LIMIT,
    )


def _latest_query(case: Case, person: str) -> Query:
    """Ask for whatever concerns *person*, to say why it does not let them in."""
    return Query(
        table=case.settings.table,
        conditions="^".join((*_theirs(case.settings, person), "ORDERBYDESCsys_updated_on")),
        fields=_fields(case.settings),
        limit=_REASONS_LIMIT,
    )


def _theirs(settings: ServiceNow, person: str) -> list[str]:
    item = [f"cat_item={settings.item}"] if settings.table is Table.ITEM else []
    # OR binds to the condition before it, so these stay together.
    return [*item, "^OR".join(f"{field}={person}" for field in settings.relation)]


def _judged(case: Case, person: str, rows: list[Row]) -> list[_Found]:
    return [_judge(case, row) for row in rows if _is_theirs(case.settings, person, row)]


def _is_theirs(settings: ServiceNow, person: str, row: Row) -> bool:
    if settings.table is Table.ITEM and answers.text(row, "cat_item") != settings.item:
        return False
    return person in {answers.text(row, field) for field in settings.relation}


def _judge(case: Case, row: Row) -> _Found:
    number = answers.text(row, "number")
    if not _NUMBER.fullmatch(number):
        raise MalformedError
    begins, ends = _window(case, row)
    return _Found(
        reason=_reason(case, row, begins, ends),
        number=number,
        sys_id=answers.sys_id(row),
        until=ends,
    )


def _reason(case: Case, row: Row, begins: float | None, ends: float | None) -> Reason | None:
    approval = answers.text(row, "approval")
    if approval != _APPROVED:
        return _REASONS.get(approval, Reason.NOT_APPROVED)
    if begins is None or ends is None:
        return Reason.NOT_APPROVED
    if ends < case.now:
        return Reason.APPROVAL_EXPIRED
    is_open = (
        answers.text(row, "active") == _TRUE and answers.text(row, "state") in case.settings.states
    )
    is_held = case.settings.table is Table.CHANGE and answers.text(row, "on_hold") != "false"
    return None if is_open and not is_held and begins <= case.now else Reason.NOT_APPROVED


def _window(case: Case, row: Row) -> tuple[float | None, float | None]:
    """Return from when until when a record counts; None: it does not say."""
    grace, longest = case.settings.grace, case.longest
    if case.settings.table is Table.ITEM:
        begin = answers.time(row, "sys_created_on")
        end = None if begin is None else begin + longest
    else:
        begin, end = answers.time(row, "start_date"), answers.time(row, "end_date")
    if begin is None or end is None:
        return None, None
    return begin - grace, min(end, begin + longest) + grace


def _approvers_query(held: list[_Found]) -> Query:
    records = ",".join(found.sys_id for found in held)
    return Query(
        table=_APPROVERS,
        conditions=f"sysapprovalIN{records}^state={_APPROVED}^approver.active=true",
        fields=_APPROVER_FIELDS,
        limit=_APPROVERS_LIMIT,
    )


def _others(found: _Found, person: str, rows: list[Row]) -> int:
    """Return how many active people other than *person* have approved the record."""
    approvers = {
        answers.text(row, "approver")
        for row in rows
        if answers.text(row, "sysapproval") == found.sys_id
        and answers.text(row, "state") == _APPROVED
        and answers.text(row, "approver.active") == _TRUE
    }
    return len(approvers - {person, ""})


def _written(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%d %H:%M:%S")
