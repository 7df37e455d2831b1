"""A code by e-mail: the mail itself, and what the server says of it."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.outcome import Failed, Reason, Unavailable
from radiusmfa.service import codes, wording
from radiusmfa.service.codes import Carrier
from radiusmfa.service.dialogue import Lost, Mail, exchange
from radiusmfa.service.sending import Sent, problem

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.config.message_model import Smtp
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.codes import Carrying, Parcel
    from radiusmfa.service.dialogue import Dialogue, Reply, Request, Tools

_NAME_OCTETS: Final = 16
_REFUSED: Final = 500
_LATER: Final = 400
_OF_PERSON: Final = b"RCPT:"
"""What is refused of one address; all else concerns us."""
_SECONDS: Final = 60.0  # the service's own timeout is shorter
_LETTER: Final = """\
{text}

Somebody logs in as {user} at {client}{place}, {when}.
If this was not you, do not give the code to anybody, and tell your administrator: your
password is known to somebody else.
"""


def ask(settings: Smtp, asked: AskService, tools: Tools) -> Dialogue:
    """Send a code by *settings*, or look at the one that was typed."""

    def carry(parcel: Parcel) -> Carrying:
        octets = letter(settings, asked, tools, parcel)
        mail = Mail(to=parcel.place.to, octets=octets, seconds=_SECONDS)
        return _meaning((yield from exchange(mail)))

    carrier = Carrier(
        name="email",
        words=settings.words,
        attribute=settings.attribute,
        codes=settings.codes,
        carry=carry,
    )
    return (yield from codes.ask(carrier, asked, tools))


def examine(settings: Smtp, _: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Return what is wrong with the server, a line each; nothing is sent to anybody."""
    answer = yield from exchange(Mail(to="", octets=b"", seconds=_SECONDS))
    if isinstance(answer, Lost):
        return (f"{settings.host}: {answer.why}",)
    came = _meaning(answer)
    return () if came is None else (f"{settings.host}: {came.trouble}",)


def letter(settings: Smtp, asked: AskService, tools: Tools, parcel: Parcel) -> bytes:
    """
    Return the mail: the code stands in its body alone, for a subject is shown on locked screens.

    Args:
        settings: Who sends it.
        asked: Whose login it is.
        tools: The time, and chance.
        parcel: The code, and where to.
    """
    when = formatdate(tools.now, localtime=False)
    mail = EmailMessage(policy=SMTP)
    # EmailMessage refuses a line feed in any of them.
    mail["From"] = settings.sender
    mail["To"] = parcel.place.to
    mail["Subject"] = settings.subject
    mail["Date"] = when
    name, domain = tools.entropy(_NAME_OCTETS).hex(), settings.sender.rpartition("@")[2]
    mail["Message-ID"] = f"<{name}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is told to it
    body = wording.filled(
        _LETTER,
        {
            "text": wording.filled(settings.codes.text, parcel.values),
            "user": _line(asked.user),
            "client": _line(asked.client),
            "place": f" from {_line(asked.address)}" if asked.address else "",
            "when": when,
        },
    )
    mail.set_content(body, cte="quoted-printable")
    return mail.as_bytes()


def _line(text: str) -> str:
    return "".join(one for one in text if one.isprintable())


def _meaning(answer: Reply | Lost) -> Sent | None:
    if isinstance(answer, Lost):
        return problem(answer)
    command = answer.octets.partition(b":")[0].decode("ascii", "replace")
    if answer.status >= _REFUSED:
        is_person = answer.octets.startswith(_OF_PERSON)
        reason = Reason.NO_USABLE_DEVICE if is_person else Reason.UPSTREAM_MISCONFIGURED
        return Sent(problem=Failed(reason), trouble=f"refuses us ({command}: {answer.status})")
    if answer.status >= _LATER:
        why = f"wants it later ({command}: {answer.status})"
        return Sent(problem=Unavailable(Reason.UPSTREAM_BUSY), trouble=why)
    return None
