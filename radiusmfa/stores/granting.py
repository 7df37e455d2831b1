"""
Granting approvals: what administrators do, each time one transaction with its audit line.

Nobody grants or confirms for themselves, and where two persons are asked for, they are
two. What counts is who somebody logged in as, not whose rights they use by sudo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.login.username import UserNameError, stripped, user_name
from radiusmfa.stores import approvals, people, trail
from radiusmfa.stores.approvals import State
from radiusmfa.stores.people import RefusedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.stores.approvals import Grant
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

LONGEST_WHY: Final = 200
"""Characters of a reason."""

# No person: whoever has become root, or the account of the server, may be the first of two again.
_ROOT: Final = "root"
_PUT: Final = """
    INSERT INTO approvals (approval, user, why, granted_by, created, until)
    VALUES (?, ?, ?, ?, ?, ?) RETURNING id
"""
_REVOKE: Final = "UPDATE approvals SET revoked_by = ?, revoked = ? WHERE id = ?"


def grant(  # noqa: PLR0913 - what a grant says
    database: Database,
    actor: Actor,
    source: ApprovalSource,
    user: str,
    *,
    why: str,
    until: float,
) -> Grant:
    """
    Grant an approval; where two persons are asked for, it waits for the second.

    Args:
        database: The store.
        actor: Who does it.
        source: What the configuration says of the approval.
        user: Normal form; an alias stands for its user, others may be a directory's.
        why: 1 to 200 printable characters.
        until: When it ends, seconds since 1970.

    Raises:
        RefusedError: It is for the one who grants it, has no reason, or ends too late or
            in the past.
    """
    _refuse_why(why)
    _refuse_end(source, until, actor.now)
    with database.transaction() as connection:
        name = people.own_name(connection, user) or user
        person = _person(connection, actor, source)
        _refuse_self(person, name, "grants an approval")
        approvals.expire(connection, actor.now)
        row = (source.name, name, why, person, int(actor.now), int(until))
        (number,) = connection.execute(_PUT, row).fetchone()
        granted = approvals.one(connection, number)
        waits = ", waits for a second person" if source.persons > 1 else ""
        detail = f"{granted} until {trail.timestamp(granted.until)}{waits}: {why}"
        trail.append(database, [actor.line("approval.grant", user=name, detail=detail)])
    return granted


def confirm(database: Database, actor: Actor, source: ApprovalSource, number: int) -> Grant:
    """
    Confirm, as the second person, what another one has granted.

    Args:
        database: The store.
        actor: Who does it.
        source: What the configuration says of the approval.
        number: Of the grant.

    Raises:
        RefusedError: There is nothing to confirm, or it is for the wrong one to do.
    """
    with database.transaction() as connection:
        found = approvals.one(connection, number)
        _refuse_over(found, actor.now)
        state = found.state(source.persons, actor.now)
        if state is not State.PENDING:
            raise RefusedError(f"{found} is {state}: there is nothing to confirm")
        person = _person(connection, actor, source)
        _refuse_self(person, found.user, "confirms an approval")
        # By root: before two persons were asked for.
        if _is_same(person, found.granted_by) or found.granted_by == _ROOT:
            why = f"{found} was granted by {found.granted_by}: two different persons are asked for"
            raise RefusedError(f"{why}; nothing was changed")
        connection.execute("UPDATE approvals SET second_by = ? WHERE id = ?", (person, number))
        detail = f"{found}, granted by {found.granted_by}"
        trail.append(database, [actor.line("approval.confirm", user=found.user, detail=detail)])
        return approvals.one(connection, number)


def revoke(database: Database, actor: Actor, number: int) -> Grant:
    """
    End one grant now.

    Raises:
        RefusedError: There is none of that number, or it is over already.
    """
    with database.transaction() as connection:
        found = approvals.one(connection, number)
        _refuse_over(found, actor.now)
        _revoke(database, actor, [found])
        return approvals.one(connection, number)


def revoke_of(database: Database, actor: Actor, user: str) -> list[Grant]:
    """
    End now whatever was granted to *user*; an alias stands for its user.

    Raises:
        RefusedError: There is nothing.
    """
    with database.transaction() as connection:
        approvals.expire(connection, actor.now)
        name = people.own_name(connection, user) or user
        found = approvals.standing(connection, {name, user})
        if not found:
            raise RefusedError(f"nothing is granted to {user!r}; nothing was changed")
        _revoke(database, actor, found)
        return [approvals.one(connection, each.id) for each in found]


def _refuse_why(why: str) -> None:
    if not why.strip():
        raise RefusedError("say why: it is for those who read the audit; nothing was changed")
    if not why.isprintable() or len(why) > LONGEST_WHY:
        raise RefusedError(
            f"the reason has at most {LONGEST_WHY} characters, on one line; nothing was changed"
        )


def _refuse_end(source: ApprovalSource, until: float, now: float) -> None:
    if int(until) <= now:
        raise RefusedError(f"{trail.timestamp(until)} is over already; nothing was changed")
    if int(until) - now > source.longest:
        latest = trail.timestamp(now + source.longest)
        raise RefusedError(
            f"{source.name} may end at {latest} at the latest: `longest` of it is"
            f" {source.longest} seconds; nothing was changed"
        )


def _person(connection: sqlite3.Connection, actor: Actor, source: ApprovalSource) -> str:
    try:
        name = user_name(actor.person)
    except UserNameError:
        raise RefusedError("who acts has no name that can be noted; nothing was changed") from None
    if source.persons > 1 and (not actor.behind or name == _ROOT):
        raise RefusedError(
            f"{source.name} asks for two persons, and {name} may be anybody: log in as yourself"
            " and use sudo; nothing was changed"
        )
    return people.own_name(connection, name) or name


def _refuse_self(person: str, user: str, what: str) -> None:
    if _is_same(person, user):
        raise RefusedError(f"nobody {what} for themselves, and {person} is {user}; ask another one")


def _is_same(person: str, other: str) -> bool:
    return _bare(person) == _bare(other)


def _bare(name: str) -> str:
    # alice, CORP\alice and alice@example.com may be one human: in doubt they are.
    return stripped(name.encode(), ("domain", "realm")).decode() or name


def _refuse_over(found: Grant, now: float) -> None:
    if found.revoked_by:
        raise RefusedError(f"{found} was revoked by {found.revoked_by} already")
    if found.ended or found.until <= now:
        raise RefusedError(f"{found} has ended already: {trail.timestamp(found.until)}")


def _revoke(database: Database, actor: Actor, found: Sequence[Grant]) -> None:
    values = [(actor.person, int(actor.now), grant.id) for grant in found]
    database.connection.executemany(_REVOKE, values)
    lines = [actor.line("approval.revoke", user=grant.user, detail=str(grant)) for grant in found]
    trail.append(database, lines)
