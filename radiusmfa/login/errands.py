"""
What a login has to have asked outside of the store, and what came of it.

An errand is done by the shell while the login waits; a server that is gone, slow or
broken is a `Reason` in its answer, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from radiusmfa.login.person import Person
    from radiusmfa.outcome import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """
    Who is this? Asked of a directory that can search.

    Attributes:
        directory: Its name.
        name: What was typed, normal form, or the name of the store's user that it means.
        deadline: Until when it may take, monotonic.
    """

    directory: str
    name: str
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """
    Is this the person's password? Asked of a directory, once a login.

    Attributes:
        directory: Its name.
        name: As for `LookUp`.
        person: Whom the look-up found. None where the directory cannot search: it is bound
            by name, and the person is read afterwards. None, too, for somebody who was
            looked up in vain: that costs as much, and is refused.
        password: Octets as typed, never empty.
        deadline: Until when it may take, monotonic.
    """

    directory: str
    name: str
    person: Person | None
    password: bytes = field(repr=False)
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    What came of a `LookUp` or a `Bind`.

    Attributes:
        directory: Which directory.
        reason: None: it was answered well (the person was looked for; the password is
            right). UNKNOWN_USER, AMBIGUOUS_USER, BAD_PASSWORD, ACCOUNT_LOCKED and their
            like are the directory's no. DIRECTORY_UNREACHABLE, DIRECTORY_SILENT,
            DIRECTORY_BUSY and DIRECTORY_REFUSED: it could not be asked.
        person: Whom it found.
        server: `host:port` of the server that answered last; empty: none.
        seconds: How long it took.
    """

    directory: str
    reason: Reason | None = None
    person: Person | None = None
    server: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AskApproval:
    """
    Is there an approval in force? Asked of a service.

    Attributes:
        approval: Its name.
        user: The person's one name here.
        deadline: Until when it may take, monotonic.
    """

    approval: str
    user: str
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """
    What came of `AskApproval`, or what the store says.

    Attributes:
        approval: Its name.
        reason: None: in force. NOT_APPROVED, APPROVAL_PENDING, APPROVAL_REJECTED,
            APPROVAL_EXPIRED: it is not. APPROVAL_UNAVAILABLE: nobody could be asked.
        until: When it ends, seconds since 1970; None: not known.
        evidence: Number of the record, for the audit; printable ASCII.
        seconds: How long it took.
    """

    approval: str
    reason: Reason | None = None
    until: float | None = None
    evidence: str = ""
    seconds: float = 0.0


Errand: TypeAlias = LookUp | Bind | AskApproval
Answer: TypeAlias = Told | Approval
