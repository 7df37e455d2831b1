"""
What a dialogue with a service may ask the shell for, and what it is told.

A dialogue is a generator: it yields what it wants done, one thing at a time, is sent what
came of it, and ends in a `Served`. It opens nothing, waits for nothing and reads no clock,
so that a test plays the shell. `server.performing` is the shell.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from radiusmfa.login.errands import Served

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.outcome import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """
    One HTTP exchange.

    Attributes:
        method: `GET` or `POST`.
        path: From `/` on, without parameters.
        parameters: Of the address, not encoded yet; nothing secret.
        body: Octets.
        headers: Names and values.
        server: Which of the service's servers, from 0 on.
        seconds: How long it may take; the login's own deadline counts as well.
        is_safe: It may be sent again on a fresh connection where a kept one broke.
    """

    method: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    server: int = 0
    seconds: float = 10.0
    is_safe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """
    Several queries at the same time; each `Next` gives one answer, the first that came.

    What is still under way when the dialogue ends is given up.

    Attributes:
        queries: At least one.
    """

    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Next:
    """The next answer of a `Race`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """
    An e-mail to be handed to the service's SMTP server.

    Attributes:
        to: One address, without a name.
        octets: The message, lines ended by CR LF.
        seconds: How long it may take.
    """

    to: str = field(repr=False)
    octets: bytes = field(repr=False)
    seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHash:
    """
    Does something typed have this hash (`primary.hashing`)? Checked in a thread.

    Attributes:
        stored: The hash.
        typed: Octets.
    """

    stored: str = field(repr=False)
    typed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """
    Wait.

    Attributes:
        seconds: How long.
    """

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """
    May the person be called, or sent something, now? Each yes is counted.

    Attributes:
        way: `push`, `phone`, `sms`, `voice`, `email`.
        device: Which device, masked.
        to: What the limits of one destination count by, whoever it belongs to; empty: the device
            of this person alone.
        is_open: It stays open until the person has answered: one at a time.
    """

    way: str
    device: str = ""
    to: str = field(default="", repr=False)
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    The person is being asked: whoever repeats this login goes on with that.

    Attributes:
        state: What that takes, as `Served.state`.
        seconds: For how long.
    """

    state: bytes = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """
    See what the person says; it is seen even when the login cannot wait any longer.

    Whoever watches the same thing meanwhile shares it; only one login gets a Passed.

    Attributes:
        key: What is watched.
        dialogue: Finds it out.
        seconds: How long that goes on, whatever the login's deadline.
        waits: The login waits for it as long as it can; else it is only begun.
    """

    key: str
    dialogue: Dialogue
    seconds: float
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Farewell:
    """
    A query whose answer interests nobody.

    Attributes:
        query: What is sent.
    """

    query: Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    What a server answered to a `Query` or a `Mail`.

    Attributes:
        status: Of HTTP or SMTP.
        octets: The body; of SMTP, the text.
        retry_after: The header of that name, or `X-Retry-After`; empty: none.
        server: As in the query.
        now: When it came, seconds since 1970.
    """

    status: int
    octets: bytes = field(default=b"", repr=False)
    retry_after: str = ""
    server: int = 0
    now: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """
    There is no answer.

    Attributes:
        why: For the log; nothing secret.
        is_over: The login cannot wait any longer: the dialogue has to end now.
        is_unsent: Nothing has reached the server for sure.
        server: As in the query.
        now: When that was known, seconds since 1970.
    """

    why: str
    is_over: bool = False
    is_unsent: bool = False
    server: int = 0
    now: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """
    What came of `Ring`.

    Attributes:
        refused: Why the person is not called; None: go ahead.
        state: Somebody rang for this very login already, and this goes on with it; empty:
            nobody did.
    """

    refused: Reason | None = None
    state: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """
    What came of `CheckHash`, `Pause`, `Opened`, `Farewell`.

    Attributes:
        is_right: Of a hash.
        now: Seconds since 1970.
    """

    is_right: bool = False
    now: float = 0.0


Request: TypeAlias = (
    Query | Race | Next | Mail | CheckHash | Pause | Ring | Opened | Watch | Farewell
)
Dialogue: TypeAlias = Generator[Request, Any, Served]


@dataclass(slots=True, kw_only=True)
class Memory:
    """
    What a service's dialogues know of it, as long as its settings are the same.

    Attributes:
        offset: Seconds that its clock is ahead of ours.
        is_known: The offset was found out.
        texts: Whatever else, by a name of the dialogue's own.
    """

    offset: float = 0.0
    is_known: bool = False
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """
    What a dialogue needs besides the question.

    Attributes:
        now: Seconds since 1970 at its beginning.
        seconds: How long the login can wait from there on.
        entropy: Returns that many random octets.
        pepper: The store's, for keyed hashes.
        memory: Of the service.
        timeout: Seconds that one exchange may take, of the service's settings.
    """

    now: float
    seconds: float
    entropy: Callable[[int], bytes]
    pepper: bytes = field(repr=False)
    memory: Memory
    timeout: float = 10.0


def exchange(query: Query | Mail) -> Generator[Request, Any, Reply | Lost]:
    """Have *query* performed; the typed way to yield one."""
    answer: Reply | Lost = yield query
    return answer


def ring(wanted: Ring) -> Generator[Request, Any, Rung]:
    """Ask whether the person may be called; the typed way to yield it."""
    answer: Rung = yield wanted
    return answer


def watch(wanted: Watch) -> Generator[Request, Any, Served | Lost]:
    """See what the person says; the typed way to yield it."""
    answer: Served | Lost = yield wanted
    return answer


def done(request: CheckHash | Pause | Opened | Farewell) -> Generator[Request, Any, Done]:
    """Have *request* done; the typed way to yield it."""
    answer: Done = yield request
    return answer
