"""Tests of `service.verify`: only `approved` lets anybody in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from radiusmfa.config.message_model import Channel, Verify
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason, Unavailable
from radiusmfa.secret import Secret
from radiusmfa.service import verify
from radiusmfa.service.dialogue import Lost, Query, Reply
from tests.unit.service.player import NUMBER, Player, asked, phone

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served

SERVICE = f"VA{'0' * 32}"
SID = f"VE{'1' * 32}"
WRONG = Failed(Reason.BAD_PASSCODE)
EXPIRED = Failed(Reason.CODE_EXPIRED)
MALFORMED = Failed(Reason.BAD_UPSTREAM_REPLY)
MISCONFIGURED = Failed(Reason.UPSTREAM_MISCONFIGURED)
NO_DEVICE = Failed(Reason.NO_USABLE_DEVICE)


def _settings(**settings: Any) -> Verify:  # noqa: ANN401 - of Verify
    usual: dict[str, Any] = {"service": SERVICE, "user": "SK1", "password": Secret(b"pw")}
    return Verify(**(usual | settings))


def _reply(http: int = 200, /, **found: object) -> Reply:
    return Reply(status=http, octets=json.dumps(found).encode())


PENDING = _reply(201, sid=SID, status="pending", valid=False)
APPROVED = _reply(sid=SID, status="approved", valid=True)


class World:
    """A person, and Twilio's answers."""

    def __init__(self, **settings: object) -> None:
        self.player = Player()
        self.settings = _settings(**settings)

    def ask(self, answer: object, typed: bytes = b"", state: bytes = b"", **more: Any) -> Served:  # noqa: ANN401
        """Return what comes of a round in which Twilio says *answer*; None: it is not asked."""
        question = asked(typed=typed, state=state, **more)
        dialogue = verify.ask(self.settings, question, self.player.tools)
        return self.player.play(dialogue, *([] if answer is None else [answer]))

    def check(self, answer: object, typed: bytes = b"123456") -> Served:
        """Return what comes of an answer, after a start that was well."""
        return self.ask(answer, typed, self.ask(PENDING).state)

    @property
    def form(self) -> dict[str, str]:
        """What was sent last."""
        return dict(parse_qsl(self.player.query.body.decode(), strict_parsing=True))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_reply(401, code=20003), MISCONFIGURED),
        (_reply(404, code=20404), MISCONFIGURED),
        (_reply(429, code=60203), Failed(Reason.CALL_LIMIT)),
        (_reply(429, code=20429), Unavailable(Reason.UPSTREAM_BUSY)),
        (_reply(400, code=60200), NO_DEVICE),
        (_reply(403, code=60410), NO_DEVICE),
        (_reply(400, code=21211), NO_DEVICE),
        (Reply(status=302), MISCONFIGURED),
        (Reply(status=500), Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Reply(status=201, octets=b"<html>"), MALFORMED),
        (_reply(201, sid=1, status="pending"), MALFORMED),
        (_reply(201, sid="VE../x", status="pending"), MALFORMED),
        (_reply(201, sid=SID, status="approved", valid=True), MALFORMED),
        (_reply(201, sid=SID), MALFORMED),
        (Lost(why="x", is_unsent=True), Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Lost(why="x"), Unavailable(Reason.UPSTREAM_SILENT)),
        (Lost(why="x", is_over=True), Failed(Reason.UNANSWERED)),
    ],
)
def test_what_is_not_begun_is_not_asked_for(answer: object, outcome: object) -> None:
    """A start that says "approved" lets nobody in either."""
    served = World().ask(answer)
    assert (served.outcome, served.state) == (outcome, b"")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_reply(404, code=20404), EXPIRED),
        (Reply(status=404), EXPIRED),
        (_reply(429, code=60202), WRONG),
        (_reply(sid=SID, status="max_attempts_reached", valid=False), WRONG),
        (_reply(sid=SID, status="expired", valid=False), EXPIRED),
        (_reply(sid=SID, status="canceled", valid=False), EXPIRED),
        (_reply(sid=SID, status="deleted", valid=False), EXPIRED),
        (_reply(sid=SID, status="failed", valid=False), EXPIRED),
        (_reply(sid=SID, status="Approved", valid=True), MALFORMED),
        (_reply(sid=SID, status="approved", valid=False), MALFORMED),
        (_reply(sid=SID, status="approved", valid="true"), MALFORMED),
        (_reply(sid=SID, status="approved", valid=1), MALFORMED),
        (_reply(sid=SID, status=["approved"], valid=True), MALFORMED),
        (_reply(sid=SID, valid=True), MALFORMED),
        (_reply(sid=f"VE{'2' * 32}", status="approved", valid=True), MALFORMED),
        (_reply(status="approved", valid=True), MALFORMED),
        (_reply(302, sid=SID, status="approved", valid=True), MALFORMED),
        (_reply(400, sid=SID, status="approved", valid=True), MALFORMED),
        (Reply(status=200, octets=b"[]"), MALFORMED),
        (_reply(401, code=20003), MISCONFIGURED),
    ],
)
def test_only_approved_lets_in(answer: object, outcome: object) -> None:
    """This verification, `approved` and `valid`; all else ends the login."""
    served = World().check(answer)
    assert (served.outcome, served.state) == (outcome, b"")


@pytest.mark.parametrize(
    "answer",
    [
        _reply(sid=SID, status="pending", valid=False),
        _reply(sid=SID, status="pending", valid=True),
        _reply(400, code=60200),
    ],
)
def test_wrong_codes_are_asked_for_again(answer: object) -> None:
    """Five times at most, as Twilio counts them; each counts here, too."""
    world = World()
    served = world.ask(PENDING)
    for _ in range(4):
        served = world.ask(answer, b"000000", served.state)
        assert (served.outcome, served.is_wrong) == (UPSTREAM_ASKS, True)
    assert world.ask(answer, b"000000", served.state).outcome == WRONG


@pytest.mark.parametrize("typed", [b"123", b"12345678901", b"abcdef", b"12 34\xff"])
def test_what_is_no_code_is_not_sent(typed: bytes) -> None:
    """It is wrong, and Twilio is not asked."""
    served = World().check(None, typed)
    assert (served.outcome, served.is_wrong) == (UPSTREAM_ASKS, True)


@pytest.mark.parametrize(
    "answer",
    [
        Lost(why="x"),
        Lost(why="x", is_over=True),
        Reply(status=500),
        _reply(429, code=20429),
    ],
)
def test_what_could_not_be_checked_is_no_yes(answer: object) -> None:
    """And no wrong code either: the same one can be typed again, and nothing stands in for it."""
    served = World().check(answer)
    assert (served.outcome, served.is_wrong) == (UPSTREAM_ASKS, False)
    assert served.text.startswith("The code could not be checked. ")


def test_a_verification_is_begun_and_approved() -> None:
    """By its own name, so that no other verification of the number counts."""
    world = World()
    served = world.ask(PENDING)
    assert world.player.query.path == f"/v2/Services/{SERVICE}/Verifications"
    assert world.form == {"To": NUMBER, "Channel": "sms"}
    assert (served.outcome, served.limit) == (UPSTREAM_ASKS, 600)

    served = world.ask(APPROVED, b"123-456", served.state)

    assert world.player.query.path == f"/v2/Services/{SERVICE}/VerificationCheck"
    assert world.form == {"VerificationSid": SID, "Code": "123456"}
    assert (served.outcome, served.device) == (PASSED, "***5678")


@pytest.mark.parametrize(
    ("channel", "to", "kind"),
    [
        (Channel.SMS, NUMBER, "sms"),
        (Channel.VOICE, NUMBER, "call"),
        (Channel.EMAIL, "alice@example.com", "email"),
    ],
)
def test_channels_have_their_names(channel: Channel, to: str, kind: str) -> None:
    """Of Twilio's."""
    world = World(channel=channel)
    served = world.ask(PENDING, devices=(phone(to, channel.value),))
    assert world.form == {"To": to, "Channel": kind}
    assert served.way == channel.value


def test_a_client_that_cannot_ask_is_served() -> None:
    """The next login brings the code; only once."""
    world = World()
    served = world.ask(PENDING, b"sms", can_show=False)
    assert served.outcome == Failed(Reason.CHALLENGE_NOT_SHOWN)
    assert world.ask(APPROVED, b"123456", can_show=False).outcome == PASSED
    assert world.ask(None, b"123456", can_show=False).outcome == EXPIRED


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Lost(why="cannot be reached"), ("cannot be reached",)),
        (_reply(401, code=20003), ("does not take our account (20003)",)),
        (_reply(404, code=20404), ("does not know the account or the service (20404)",)),
        (_reply(sid="VA1"), ("answers 200 without saying why",)),
        (_reply(sid=SERVICE), ()),
    ],
)
def test_examination_sends_nothing(answer: object, told: tuple[str, ...]) -> None:
    """It looks at the service."""
    examination = verify.examine(_settings(), Player().tools)
    query = next(examination)
    assert isinstance(query, Query)
    assert (query.method, query.path) == ("GET", f"/v2/Services/{SERVICE}")
    with pytest.raises(StopIteration) as ended:
        examination.send(answer)
    assert ended.value.value == told
