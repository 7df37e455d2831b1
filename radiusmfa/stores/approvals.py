"""
Approvals in the store: who may what until when, why, and who said so.

What has ended stays ended, whatever the clock says later: whoever looks at it first
notes it, and `expire` notes the rest. What administrators do is in `granting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.login.errands import Approval
from radiusmfa.outcome import Reason
from radiusmfa.stores import people
from radiusmfa.stores.people import RefusedError

if TYPE_CHECKING:
    import sqlite3

    from radiusmfa.stores.database import Database

_SELECT: Final = """
    SELECT id, approval, user, why, granted_by, created, until, second_by, revoked_by, revoked,
        ended
    FROM approvals
"""
_EXPIRE: Final = "UPDATE approvals SET ended = 1 WHERE ended = 0 AND until <= ?"


@unique
class State(StrEnum):
    """What a grant is worth."""

    IN_FORCE = "in force"
    PENDING = "pending"
    """It waits for its second person."""
    ENDED = "ended"
    REVOKED = "revoked"
    AHEAD = "of the future"
    """The clock was set back since: it counts when the clock has caught up."""


# The nearest first; whatever else there may be is no approval.
_REASONS: Final = {
    State.IN_FORCE: None,
    State.PENDING: Reason.APPROVAL_PENDING,
    State.ENDED: Reason.APPROVAL_EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """
    One approval for one person.

    Attributes:
        id: Number, never given twice.
        approval: Its name in the configuration.
        user: Whose; normal form.
        why: Free text.
        granted_by: Who granted it, normal form.
        created: When, seconds since 1970.
        until: When it ends.
        second_by: Who confirmed it; empty: nobody.
        revoked_by: Who ended it early; empty: nobody.
        revoked: When; 0: never.
        ended: It was seen past its end.
    """

    id: int
    approval: str
    user: str
    why: str
    granted_by: str
    created: int
    until: int
    second_by: str = ""
    revoked_by: str = ""
    revoked: int = 0
    ended: bool = False

    def __str__(self) -> str:
        """Return what people call it."""
        return f"#{self.id} {self.approval}"

    def state(self, persons: int, now: float) -> State:
        """Return what it is worth at *now*, where *persons* must have granted it."""
        if self.revoked_by:
            return State.REVOKED
        if self.ended or self.until <= now:
            return State.ENDED
        if self.created > now:
            return State.AHEAD
        if persons > 1 and self.second_by in {"", self.granted_by}:
            return State.PENDING
        return State.IN_FORCE


def in_force(
    connection: sqlite3.Connection, approval: str, user: str, *, persons: int, now: float
) -> Approval:
    """
    Say whether *user* has *approval* now; within a turn, for what has ended is noted.

    Args:
        connection: The store's.
        approval: Its name.
        user: The person's one name here.
        persons: How many must have granted it.
        now: Wall time.

    Returns:
        With the latest end of what is in force; else with the nearest reason.
    """
    rows = connection.execute(f"{_SELECT} WHERE user = ? AND approval = ?", (user, approval))
    grants = [_grant(row) for row in rows.fetchall()]
    if any(not grant.ended and grant.until <= now for grant in grants):
        expire(connection, now)
    for state, reason in _REASONS.items():
        found = [grant for grant in grants if grant.state(persons, now) is state]
        if found:
            latest = max(found, key=lambda grant: (grant.until, grant.id))
            until = None if reason else float(latest.until)
            return Approval(approval=approval, reason=reason, until=until, evidence=f"#{latest.id}")
    return Approval(approval=approval, reason=Reason.NOT_APPROVED)


def expire(connection: sqlite3.Connection, now: float) -> int:
    """Note what has ended, within a turn; return how many there were."""
    return connection.execute(_EXPIRE, (int(now),)).rowcount


def listing(
    database: Database, *, user: str | None = None, approval: str | None = None
) -> list[Grant]:
    """Return all grants by number, or those to *user* or whose alias that is, of *approval*."""
    with database.reading() as connection:
        names = {user, None if user is None else people.own_name(connection, user)}
        rows = connection.execute(f"{_SELECT} ORDER BY id")
        return [
            grant
            for grant in map(_grant, rows)
            if (user is None or grant.user in names)
            and (approval is None or grant.approval == approval)
        ]


def standing(connection: sqlite3.Connection, names: set[str]) -> list[Grant]:
    """Return what is neither over nor revoked of what was granted to *names*."""
    found = [
        _grant(row)
        for name in sorted(names)
        for row in connection.execute(f"{_SELECT} WHERE user = ? ORDER BY id", (name,))
    ]
    return [grant for grant in found if not grant.revoked_by and not grant.ended]


def one(connection: sqlite3.Connection, number: int) -> Grant:
    """
    Return one grant, within a transaction.

    Raises:
        RefusedError: There is none of that number.
    """
    row = connection.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise RefusedError(
            f"there is no approval #{number}; `radiusmfa approval list --all` shows all"
        )
    return _grant(row)


def _grant(row: tuple[Any, ...]) -> Grant:
    return Grant(
        id=row[0],
        approval=row[1],
        user=row[2],
        why=row[3],
        granted_by=row[4],
        created=row[5],
        until=row[6],
        second_by=row[7],
        revoked_by=row[8],
        revoked=row[9],
        ended=bool(row[10]),
    )
