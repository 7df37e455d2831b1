"""
YubiCloud, and every server of its validation protocol 2.0: is this a password of that key?

All servers are asked at the same time, with one nonce. Whoever says OK has to sign it, and to
repeat password and nonce. What cannot be verified is worth nothing: never a yes, and where nobody
says anything better, a no.
"""

from __future__ import annotations

import base64
import hmac
import re
from enum import IntEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from radiusmfa.config.upstream_model import Event
from radiusmfa.factors import yubikey
from radiusmfa.login.errands import Served
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Outcome, Reason, Unavailable
from radiusmfa.service.dialogue import Lost, Next, Pause, Query, Race, Reply, done, exchange

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.config.service_model import Yubico
    from radiusmfa.factors.yubikey import Otp
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.dialogue import Dialogue, Request, Tools

PROMPT: Final = "Touch your YubiKey."
STATE: Final = b'{"v":1}'  # there is nothing to remember but that it has asked
WAY: Final = "passcode"
_NONCE_OCTETS: Final = 16  # 32 signs; 16 to 40 are allowed
_TRIES: Final = 3
_RETRY: Final = 0.5  # seconds
_LINE: Final = re.compile(r"([a-z]{1,32})=([ -~]{0,512})")
# No key has it: whoever programs keys begins with cc or vv, and no key is so by chance.
_NOBODYS: Final = "c" * (12 + yubikey.BLOCK_SIGNS)
_CONFIGURATION: Final = {
    "BAD_SIGNATURE": "secret is not that of client_id",
    "MISSING_PARAMETER": "it misses something in the request; is sync what it understands?",
    "NO_SUCH_CLIENT": "it knows no client of this client_id",
    "OPERATION_NOT_ALLOWED": "this client_id must not ask there",
}
_TROUBLES: Final = frozenset({"BACKEND_ERROR", "NOT_ENOUGH_ANSWERS"})


class Worth(IntEnum):
    """What an answer is worth where no server has decided: the most telling one counts."""

    NOTHING = 0
    """There is no answer."""
    TROUBLE = 1
    """It says itself that it could not look."""
    UNVERIFIED = 2
    CONFIGURATION = 3
    REPEATED = 4
    """It has seen this very request: another server may say more."""
    DECISION = 5


class Verdict(NamedTuple):
    """
    What one server's answer means.

    Attributes:
        worth: Against others.
        outcome: What comes of it if nobody says anything better.
        trouble: For the log.
        may_retry: The same server may be asked again.
    """

    worth: Worth
    outcome: Outcome
    trouble: str = ""
    may_retry: bool = False


_REPLAYED: Final = Failed(Reason.REPLAYED_PASSCODE)
_STATUSES: Final = {
    "OK": Verdict(Worth.DECISION, PASSED),
    "BAD_OTP": Verdict(Worth.DECISION, Failed(Reason.BAD_PASSCODE)),
    "REPLAYED_OTP": Verdict(Worth.DECISION, _REPLAYED),
    "REPLAYED_REQUEST": Verdict(Worth.REPEATED, _REPLAYED),
}


def ask(settings: Yubico, asked: AskService, tools: Tools) -> Dialogue:
    """Return the dialogue that has a password of a YubiKey checked."""
    if not asked.typed and not asked.state:
        return _prompted(asked)
    if asked.state not in (b"", STATE):
        return Served(outcome=Failed(Reason.DIALOGUE_LOST))
    if not asked.devices:
        return Served(outcome=Failed(Reason.NO_USABLE_DEVICE))
    otp = _own(asked)
    if otp is None:
        # No key of this person: nobody is asked, so that it is still good where it belongs.
        return Served(outcome=Failed(Reason.BAD_PASSCODE), way=WAY)
    served = yield from _checked(settings, otp, tools)
    return served


def examine(settings: Yubico, tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Return what is wrong with each server: asked about a password that no key has made."""
    said = []
    for server, url in enumerate(settings.urls):
        nonce = tools.entropy(_NONCE_OCTETS).hex()
        answer = yield from exchange(query(settings, server, _NOBODYS, nonce))
        what = _examined(settings, answer, nonce)
        if what:
            said.append(f"{_host(url)}: {what}")
    return tuple(said)


def query(settings: Yubico, server: int, otp: str, nonce: str) -> Query:
    """Return the question whether *otp* is good, signed where there is a secret."""
    parameters = {"id": str(settings.client_id), "nonce": nonce, "otp": otp}
    if settings.sync:
        parameters["sl"] = settings.sync
    if len(settings.secret):
        parameters["h"] = signature(settings.secret.reveal(), parameters)
    return Query(
        method="GET",
        path="/" + "".join(settings.urls[server].split("/", 3)[3:]),
        parameters=tuple(parameters.items()),
        server=server,
        seconds=0.0,  # as the service's `timeout` says
        # Of the same nonce: whoever has answered it once says so.
        is_safe=True,
    )


def signature(secret: bytes, parameters: dict[str, str]) -> str:
    """Return `h`: HMAC-SHA-1 of the parameters by name, their values as they are."""
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name != "h")
    return base64.b64encode(hmac.digest(secret, text.encode(), "sha1")).decode("ascii")


def verdict(settings: Yubico, answer: Reply | Lost, otp: str, nonce: str) -> Verdict:  # noqa: PLR0911 - one a kind
    """Return what one answer means."""
    if isinstance(answer, Lost):
        reason = Reason.UPSTREAM_UNREACHABLE if answer.is_unsent else Reason.UPSTREAM_SILENT
        return Verdict(Worth.NOTHING, Unavailable(reason), answer.why)
    if answer.status != HTTPStatus.OK:
        return _of_http(answer.status)
    lines = read(answer.octets)
    if lines is None:
        return _unverified("an answer in another form")
    status = lines["status"]
    if not is_signed(settings, lines):
        if status in _CONFIGURATION:  # early refusals are signed with nothing
            return _misconfigured(status)
        return _unverified(f"an answer that its secret has not signed ({_shown(status)})")
    if status in _CONFIGURATION:
        return _misconfigured(status)
    repeats = {"otp": otp, "nonce": nonce}
    if any(lines.get(name, text) != text for name, text in repeats.items()):
        return _unverified("an answer to another question")
    if status in _TROUBLES:
        outcome = Unavailable(Reason.UPSTREAM_BUSY)
        return Verdict(Worth.TROUBLE, outcome, f"says {status}", may_retry=True)
    if status == "OK" and not repeats.keys() <= lines.keys():
        return _unverified("an OK that does not say to what")
    return _STATUSES.get(status) or _unverified("a status that nobody knows")


def read(octets: bytes) -> dict[str, str] | None:
    """Return the lines of an answer, None if it is none: a status must be there, nothing twice."""
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError:
        return None
    found: dict[str, str] = {}
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None or match[1] in found:
            return None
        found[match[1]] = match[2]
    return found if "status" in found else None


def is_signed(settings: Yubico, lines: dict[str, str]) -> bool:
    """Say whether an answer is signed with our secret; without one there is nothing to check."""
    if not len(settings.secret):
        return True
    wanted = signature(settings.secret.reveal(), lines)
    return hmac.compare_digest(lines.get("h", "").encode("ascii"), wanted.encode("ascii"))


def _prompted(asked: AskService) -> Served:
    if not asked.can_show:
        return Served(outcome=Failed(Reason.CHALLENGE_NOT_SHOWN))
    return Served(outcome=UPSTREAM_ASKS, event=Event.CODE_WANTED, text=PROMPT, state=STATE)


def _own(asked: AskService) -> Otp | None:
    known = {device.serial for device in asked.devices}
    read_as = yubikey.readings(asked.typed)
    return next((otp for otp in read_as if otp.public_id in known), None)


def _checked(settings: Yubico, otp: Otp, tools: Tools) -> Dialogue:
    nonce = tools.entropy(_NONCE_OCTETS).hex()
    known: dict[int, Verdict] = {}
    waiting = list(range(len(settings.urls)))
    for at in range(_TRIES):
        if at:
            yield from done(Pause(_RETRY))
        race: Race | Next = Race(
            queries=tuple(query(settings, server, otp.text, nonce) for server in waiting)
        )
        for _ in waiting:
            answer: Reply | Lost = yield race
            race = Next()
            if isinstance(answer, Lost) and answer.is_over:
                return _served(settings, otp, Failed(Reason.UNANSWERED))
            found = verdict(settings, answer, otp.text, nonce)
            if found.worth is Worth.DECISION:
                return _served(settings, otp, found.outcome, answer.server)
            known[answer.server] = found
        waiting = [server for server, found in known.items() if found.may_retry]
        if not waiting:
            break
    best = max(known, key=lambda server: known[server].worth)
    trouble = f"{_host(settings.urls[best])}: {known[best].trouble}" if known[best].trouble else ""
    return _served(settings, otp, known[best].outcome, best, trouble)


def _served(
    settings: Yubico, otp: Otp, outcome: Outcome, server: int | None = None, trouble: str = ""
) -> Served:
    return Served(
        outcome=outcome,
        way=WAY,
        serial=otp.public_id,
        server="" if server is None else _host(settings.urls[server]),
        trouble=trouble,
    )


def _of_http(status: int) -> Verdict:
    what = f"HTTP status {status}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        outcome = Unavailable(Reason.UPSTREAM_UNREACHABLE)
        return Verdict(Worth.TROUBLE, outcome, what, may_retry=True)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Verdict(Worth.TROUBLE, Unavailable(Reason.UPSTREAM_BUSY), what)
    return Verdict(Worth.CONFIGURATION, Failed(Reason.UPSTREAM_MISCONFIGURED), what)


def _misconfigured(status: str) -> Verdict:
    why = f"{status}: {_CONFIGURATION[status]}"
    return Verdict(Worth.CONFIGURATION, Failed(Reason.UPSTREAM_MISCONFIGURED), why)


def _unverified(what: str) -> Verdict:
    return Verdict(Worth.UNVERIFIED, Failed(Reason.BAD_UPSTREAM_REPLY), f"sent {what}")


def _examined(settings: Yubico, answer: Reply | Lost, nonce: str) -> str:
    found = verdict(settings, answer, _NOBODYS, nonce)
    if found.outcome == Failed(Reason.BAD_PASSCODE):
        return ""  # it knows us, and its answer is signed: all is well
    if found.outcome == PASSED:
        return "says OK to a password that no key has made"
    return found.trouble or "does not refuse a password that no key has made"


def _host(url: str) -> str:
    return url.split("/")[2]


def _shown(status: str) -> str:
    # Another's word, for the log: letters only, and few of them.
    return status[:24] if re.fullmatch("[A-Z_]+", status) else "?"
