"""
What a login has to have asked outside of the store, and what came of it.

An errand is done by the shell while the login waits; a server that is gone, slow or
broken is a `Reason` in its answer, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from radiusmfa.config.upstream_model import Event
    from radiusmfa.login.account import Device
    from radiusmfa.login.person import Person
    from radiusmfa.outcome import Outcome, Reason


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AskService:
    """
    Have a service check a second factor, or go on where its last round ended.

    Attributes:
        service: Its name.
        user: The person's one name here.
        number: The person's number in the store; below 0: there is no row.
        alias: What the person is called there; empty: as here.
        typed: What the person typed for it; empty: nothing, it is to begin by itself.
        state: What its last round left to remember; empty: it begins.
        devices: Where the person can be reached, or what they hold, of the kind that it needs.
        attributes: What a directory says of the person.
        client: Name of the client.
        address: Where the person is; empty: not known, or only the client's word.
        place: Which login this is: the same for the same person at the same client and place.
        can_show: Another round is possible: the client shows what is asked, and answers.
        has_password: The password was right before.
        deadline: When the answer has to leave, monotonic.
    """

    service: str
    user: str
    number: int = 0
    alias: str = ""
    typed: bytes = field(default=b"", repr=False)
    state: bytes = field(default=b"", repr=False)
    devices: tuple[Device, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    client: str = ""
    address: str = ""
    place: bytes = b""
    can_show: bool = False
    has_password: bool = False
    deadline: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """
    What came of `AskService`.

    Attributes:
        outcome: Passed; Failed; Asks(UPSTREAM_ASKS) with `text` and `state`; Unavailable:
            nobody could be asked.
        service: Which service.
        event: What the person is asked for, or what happened.
        text: To be shown: a prompt, or why not. Printable; line feeds are left.
        echo: What is answered may be shown while it is typed.
        state: To be remembered until the next round, sealed; empty: nothing.
        limit: Seconds that the person gets for the next round; None: as usual.
        way: How: `push`, `phone`, `sms`, `passcode` ...; empty: nothing was tried.
        device: Which device, masked: no whole number or address.
        serial: Of the device, where the store knows it.
        person: Seconds that the person took to answer; None: nobody was waited for.
        server: Who answered last; empty: nobody.
        seconds: How long it took in all.
        trouble: What is wrong with the service or its settings, for the log; nothing secret.
        is_wrong: What was typed was wrong, though it is asked for again: it counts.
        is_waived: Passed, though the person has proved nothing: the service wants nothing of
            them. Where no password is checked either, that lets nobody in.
    """

    outcome: Outcome
    service: str = ""
    event: Event | None = None
    text: str = field(default="", repr=False)
    echo: bool = False
    state: bytes = field(default=b"", repr=False)
    limit: int | None = None
    way: str = ""
    device: str = ""
    serial: str = ""
    person: float | None = None
    server: str = ""
    seconds: float = 0.0
    trouble: str = ""
    is_wrong: bool = False
    is_waived: bool = False


Errand: TypeAlias = LookUp | Bind | AskApproval
Answer: TypeAlias = Told | Approval
