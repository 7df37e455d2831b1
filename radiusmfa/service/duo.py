"""
Duo: what its Auth API v2 is asked about a login, and what its answers make of it.

    nothing, a word or a code --> preauth --> allow --------------------> Passed
                                     |------> deny ---------------------> Failed
                                     |------> enroll --> address shown --> Failed
                                     '------> auth
                                               |--> menu ---------------> Asks
                                               |--> passcode -----------> Passed, Failed
                                               |--> sms --> code asked --> Asks
                                               '--> push, phone --> watched --> Passed, Failed
                                                                       '--> no time --> Asks

`preauth` is the only call after whose failure somebody else may be asked instead. `auth` may
ring a telephone: it is never sent twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.config.service_model import DuoFactor, DuoPrompt
from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Outcome, Reason, Unavailable
from radiusmfa.service import duo_answers, duo_memory, duo_signing, duo_words
from radiusmfa.service.dialogue import Lost, Opened, Ring, Watch, done, ring, watch
from radiusmfa.service.duo_calls import Calls, Trouble, Why
from radiusmfa.service.duo_memory import At, Kept
from radiusmfa.service.duo_watching import SECONDS, ended, see
from radiusmfa.service.duo_words import Code, Pick, Word

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from radiusmfa.config.service_model import Duo
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.dialogue import Dialogue, Request, Tools
    from radiusmfa.service.duo_answers import Device, Preauth, State

    Part: TypeAlias = Generator[Request, Any, Served]

_LEAST_SECONDS: Final = 5.0
"""Seconds in which somebody may find their phone and tap it."""
_USUAL_SECONDS: Final = 10.0
_SHARE: Final = 0.8
"""Of the login's time that `preauth` gets where that is little: what has to be done while
nobody can be asked takes time, too."""
_NO_TIME: Final = 1.0
"""Seconds; a Duo that has not answered sooner is not gone for that."""
_GLANCE: Final = 5.0
"""Seconds that the first look at a push may take."""
_LOOKS: Final = 5
"""How often it is looked whether messages were sent."""
_VERIFIES: Final = "verification code"


def ask(settings: Duo, asked: AskService, tools: Tools) -> Dialogue:
    """Have Duo check the second factor of *asked*; see `service.dialogue`."""
    login = _Login(settings, asked, tools)
    served = yield from login.answer() if asked.state else login.begin()
    return replace(served, server=login.calls.server, trouble=served.trouble or login.calls.clock)


@final
class _Login:
    """One round of a login."""

    def __init__(self, settings: Duo, asked: AskService, tools: Tools) -> None:
        self.calls = Calls(settings, tools)
        self._settings = settings
        self._asked = asked
        self._tools = tools
        self._name = asked.alias or asked.user

    def begin(self) -> Part:
        """Return what comes of the first round."""
        typed = duo_words.read(self._asked.typed)
        if self._asked.typed and (typed is None or isinstance(typed, Pick)):
            return _failed(Reason.BAD_PASSCODE)  # Duo need not look at it
        found = yield from self._preauth()
        if isinstance(found, Served):
            return found
        if isinstance(typed, Code):
            return (yield from self._passcode(typed))
        if isinstance(typed, Word):
            return (yield from self._word(typed, found))
        return (yield from self._by_itself(found))

    def answer(self) -> Part:
        """Return what comes of a later round."""
        kept = duo_memory.load(self._asked.state)
        if kept is None:
            return _failed(Reason.DIALOGUE_LOST)
        if kept.at is At.ENROL:
            return _failed(Reason.NOT_ENROLLED, Event.ENROLMENT_WANTED, duo_words.ENROLLED)
        typed = duo_words.read(self._asked.typed)
        if isinstance(typed, Code):
            served = yield from self._passcode(typed)
            if kept.at is At.ASK and kept.began:  # codes were sent
                served = replace(served, person=max(0.0, self._tools.now - kept.began))
            return served
        if kept.at is At.WATCH:
            return (yield from self._watch(kept))  # Enter, or whatever stood before it
        return (yield from self._chosen(typed, kept.options))

    def _chosen(self, typed: Word | Pick | None, options: tuple[tuple[str, str], ...]) -> Part:
        if typed is None or (isinstance(typed, Pick) and typed.number > len(options)):
            return _failed(Reason.BAD_PASSCODE)
        # Again: somebody may have locked the person since, and a number lives for a minute.
        found = yield from self._preauth()
        if isinstance(found, Served):
            return found
        if isinstance(typed, Word):
            return (yield from self._word(typed, found))
        way, number = options[typed.number - 1]
        device = next((one for one in found.devices if one.id == number and way in one.can), None)
        if device is None:
            return _failed(Reason.NO_USABLE_DEVICE, text=duo_words.NO_DEVICE)
        return (yield from self._ring(way, device, found))

    # -- who may do what --

    def _preauth(self) -> Generator[Request, Any, Preauth | Served]:
        parameters = self._who()
        if self._asked.can_show:
            parameters["client_supports_verified_push"] = "1"
        little, usual = self.calls.left * _SHARE, self._tools.timeout
        found = yield from self.calls.call(
            "POST", "preauth", parameters, duo_answers.preauth,
            seconds=little if little < usual else 0.0,
        )  # fmt: skip
        if isinstance(found, Trouble):
            if found.why is Why.SILENT and little < _NO_TIME:
                # Whoever keeps us busy until then must not get in by it.
                return _failed(Reason.TOO_LITTLE_TIME)
            return _failed_first(found) if not self._asked.state else _failed_later(found)
        if found.result == "allow":
            return Served(outcome=PASSED, way="bypass", is_waived=True)
        if found.result == "deny":
            event = Event.LOCKED if "locked" in found.text.lower() else Event.DENIED
            return _failed(Reason.UPSTREAM_REFUSED, event, found.text)
        if found.result == "enroll":
            return self._enrolment(found)
        return found

    def _enrolment(self, found: Preauth) -> Served:
        text = duo_words.enrolment(found.text, found.portal if self._settings.enrolment else "")
        event = Event.ENROLMENT_WANTED
        if self._settings.enrolment and self._asked.can_show and not self._asked.state:
            return _asks(text, Kept(at=At.ENROL), event)
        return _failed(Reason.NOT_ENROLLED, event, text)

    def _by_itself(self, found: Preauth) -> Part:
        if self._settings.prompt is DuoPrompt.MENU and self._asked.can_show:
            return self._menu(found)
        asks_code = self._asked.can_show and any(one.has_codes for one in found.devices)
        for factor in self._settings.factors:
            if factor is DuoFactor.PASSCODE:
                if asks_code:
                    break
                continue
            if factor is DuoFactor.SMS and not self._asked.can_show:
                continue  # there is no other round to type the code in
            device = _nth(found, factor, 1)
            if device is not None:
                return (yield from self._ring(factor, device, found))
        if asks_code:
            return self._menu(replace(found, devices=()))
        return _failed(Reason.NO_USABLE_DEVICE, text=duo_words.NO_DEVICE)

    def _menu(self, found: Preauth) -> Served:
        choices = duo_words.options(found.devices)
        kept = Kept(at=At.ASK, options=tuple((way, device.id) for way, device in choices))
        event = Event.CHOICE_WANTED if choices else Event.CODE_WANTED
        return _asks(duo_words.menu(self._asked.user, choices), kept, event)

    def _word(self, word: Word, found: Preauth) -> Part:
        device = _nth(found, word.way, word.number)
        if device is None:
            return _failed(Reason.NO_USABLE_DEVICE, text=duo_words.NO_DEVICE)
        return (yield from self._ring(word.way, device, found))

    # -- the ways --

    def _passcode(self, code: Code) -> Part:
        parameters = self._who() | {"factor": "passcode", "passcode": code.text}
        found = yield from self.calls.call(
            "POST", "auth", parameters, duo_answers.state, is_safe=False
        )
        if isinstance(found, Trouble):
            return replace(_failed_later(found), way="passcode")
        return ended(found, way="passcode")

    def _ring(self, factor: str, device: Device, found: Preauth) -> Part:
        """Ring, or send messages, if that may be."""
        way = factor
        if factor == "auto":
            way = "push" if "push" in device.can else "phone"
        is_open = way != "sms"
        if is_open and not self._asked.can_show and self.calls.left < _LEAST_SECONDS:
            return _failed(Reason.TOO_LITTLE_TIME, text=duo_words.TYPE_A_CODE)
        wanted = Ring(way=way, device=device.masked, to=device.id, is_open=is_open)
        rung = yield from ring(wanted)
        if rung.refused is not None:
            return replace(_failed(rung.refused), way=way, device=device.masked)
        if not rung.state:
            return (yield from self._start(factor, way, device, found))
        kept = duo_memory.load(rung.state)
        if kept is None or kept.at is not At.WATCH:
            return _failed(Reason.DIALOGUE_LOST)
        return (yield from self._watch(kept))

    def _start(self, factor: str, way: str, device: Device, found: Preauth) -> Part:
        parameters = self._who() | {"factor": factor, "device": device.id, "async": "1"}
        is_verified = way == "push" and bool(found.txid)
        if way == "push":
            parameters |= self._shown()
        if is_verified:
            parameters |= {"factor": "push", "txid": found.txid}
        txid = yield from self.calls.call(
            "POST", "auth", parameters, duo_answers.transaction, is_safe=False
        )
        if isinstance(txid, Trouble):
            return replace(_failed_later(txid), way=way, device=device.masked)
        kept = Kept(
            at=At.WATCH, txid=txid, way=way, device=device.masked, began=self.calls.now,
            number=found.number if is_verified else "",
        )  # fmt: skip
        if way == "sms":
            return (yield from self._sent(kept))
        yield from done(Opened(state=kept.dump(), seconds=SECONDS))
        return (yield from self._first_look(kept))

    def _first_look(self, kept: Kept) -> Part:
        """See whether the person has to be told something at once; then wait for them."""
        seen = None
        if not kept.number:
            # What the push is called stands in its first answer, which comes at once.
            found = yield from self._status(kept, _GLANCE)
            seen = None if isinstance(found, Trouble) else found
        is_told = seen is not None and seen.result == "waiting" and _VERIFIES in seen.text.lower()
        if not self._asked.can_show or not (kept.number or is_told):
            return (yield from self._watch(kept, seen))
        served = yield from self._watching(kept, seen, waits=False)
        if isinstance(served, Served):
            return served
        text = duo_words.NUMBER.format(kept.number)
        if not kept.number and seen is not None:
            text = duo_words.fitting(f"{seen.text} {duo_words.THEN_ENTER}")
        return replace(_asks(text, kept, Event.PUSH_SENT), way=kept.way, device=kept.device)

    def _watch(self, kept: Kept, seen: State | None = None) -> Part:
        """Wait for the person as long as the login can."""
        served = yield from self._watching(kept, seen)
        if isinstance(served, Served):
            return served
        found = _failed(Reason.UNANSWERED)
        if self._asked.can_show:
            text = duo_words.NUMBER.format(kept.number) if kept.number else duo_words.APPROVE
            text = duo_words.ANSWER if kept.way == "phone" else text
            found = _asks(text, kept, Event.PUSH_SENT)
        return replace(found, way=kept.way, device=kept.device)

    def _watching(
        self, kept: Kept, seen: State | None, *, waits: bool = True
    ) -> Generator[Request, Any, Served | Lost]:
        seconds = min(SECONDS, max(_LEAST_SECONDS, kept.began + SECONDS - self.calls.now))
        calls = Calls(self._settings, self._tools, self.calls.now + seconds)
        calls.now = self.calls.now
        return (
            yield from watch(
                Watch(key=kept.txid, dialogue=see(calls, kept, seen), seconds=seconds, waits=waits)
            )
        )

    def _sent(self, kept: Kept) -> Part:
        """See messages off, and ask for the code in them."""
        found, looks = (yield from self._status(kept, _USUAL_SECONDS)), 1
        while not isinstance(found, Trouble) and found.result == "waiting" and looks < _LOOKS:
            found, looks = (yield from self._status(kept, _USUAL_SECONDS)), looks + 1
        if isinstance(found, Trouble):
            return replace(_failed_later(found), way="sms", device=kept.device)
        if found.status != "sent" or found.result != "deny":
            return ended(found, way="sms", device=kept.device)
        if not self._asked.can_show:
            served = _failed(Reason.UPSTREAM_REFUSED, Event.CODE_SENT, duo_words.SENT_ELSEWHERE)
            return replace(served, way="sms", device=kept.device)
        # Only now does it say with which digit the next one begins; without it will do.
        again = yield from self.calls.call("POST", "preauth", self._who(), duo_answers.preauth)
        devices = () if isinstance(again, Trouble) else again.devices
        digits = [one.next_code for one in devices if one.masked == kept.device and one.next_code]
        where = kept.device or "your phone"
        text = duo_words.SENT.format(where)
        if digits:
            text = duo_words.SENT_NEXT.format(where, digits[0])
        asked = Kept(at=At.ASK, began=self.calls.now)
        asks = _asks(duo_words.fitting(text), asked, Event.CODE_SENT)
        return replace(asks, way="sms", device=kept.device)

    def _status(self, kept: Kept, seconds: float) -> Generator[Request, Any, State | Trouble]:
        return self.calls.call(
            "GET", "auth_status", {"txid": kept.txid}, duo_answers.state, seconds=seconds
        )

    # -- what every call says --

    def _who(self) -> dict[str, str]:
        found = {"username": self._name}
        if self._settings.send_address and self._asked.address:
            found["ipaddr"] = self._asked.address
        return found

    def _shown(self) -> dict[str, str]:
        """Return what the person sees with a push."""
        found = {"type": "Login"}
        if self._asked.alias and self._asked.alias != self._asked.user:
            found["display_username"] = self._asked.user
        if self._asked.client:
            found["pushinfo"] = duo_signing.encoded([("Login at", self._asked.client)])
        return found


def _nth(found: Preauth, way: str, number: int) -> Device | None:
    """Return the device that *way* with that *number* means, or None."""
    wanted = {"push", "phone"} if way == "auto" else {way}
    able = [device for device in found.devices if device.can & wanted]
    return able[number - 1] if number <= len(able) else None


def _asks(text: str, kept: Kept, event: Event) -> Served:
    return Served(outcome=UPSTREAM_ASKS, text=text, state=kept.dump(), event=event)


def _failed(reason: Reason, event: Event | None = None, text: str = "") -> Served:
    return Served(outcome=Failed(reason), event=event, text=duo_words.fitting(text))


def _failed_first(trouble: Trouble) -> Served:
    """Return what it means that the very first call has failed."""
    outcome: Outcome
    match trouble.why:
        case Why.UNREACHABLE | Why.BROKEN | Why.MALFORMED:
            outcome = Unavailable(Reason.UPSTREAM_UNREACHABLE)
        case Why.SILENT:
            outcome = Unavailable(Reason.UPSTREAM_SILENT)
        case _:
            return _failed_later(trouble)
    return Served(outcome=outcome, trouble=trouble.text)


def _failed_later(trouble: Trouble) -> Served:
    """Return what any other failure means: nobody gets in by it."""
    reason = {
        Why.MALFORMED: Reason.BAD_UPSTREAM_REPLY,
        Why.BUSY: Reason.UPSTREAM_BUSY,
        Why.MISCONFIGURED: Reason.UPSTREAM_MISCONFIGURED,
        Why.REFUSED: Reason.UPSTREAM_REFUSED,
    }.get(trouble.why, Reason.UNANSWERED)
    text = "" if trouble.why is Why.OVER else trouble.text
    return Served(outcome=Failed(reason), trouble=text)
