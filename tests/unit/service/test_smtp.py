"""Tests of `service.smtp`: what a mail says, what it does not, and what servers say of it."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.message_model import Codes, Smtp
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason, Unavailable
from radiusmfa.service import smtp
from radiusmfa.service.dialogue import Lost, Mail, Reply
from tests.unit.service.player import Player, asked, phone

if TYPE_CHECKING:
    from email.message import EmailMessage

    from radiusmfa.login.errands import AskService, Served

ADDRESS = "alice@example.com"
TAKEN = Reply(status=250, octets=b"mail: taken")
MISCONFIGURED = Failed(Reason.UPSTREAM_MISCONFIGURED)
BUSY = Unavailable(Reason.UPSTREAM_BUSY)


def _settings(**settings: Any) -> Smtp:  # noqa: ANN401 - of Smtp
    return Smtp(**({"host": "mail.example.com", "sender": "login@example.org"} | settings))


def _asked(**settings: object) -> AskService:
    return asked(**({"devices": (phone(ADDRESS, "email", "MAIL-1"),)} | settings))


def _served(answer: object, **settings: object) -> tuple[Served, Player]:
    player = Player()
    return player.play(smtp.ask(_settings(**settings), _asked(), player.tools), answer), player


def _mail(player: Player) -> tuple[Mail, EmailMessage]:
    (mail,) = player.requests
    assert isinstance(mail, Mail)
    return mail, message_from_bytes(mail.octets, policy=default)


def _refused(command: bytes, status: int) -> Reply:
    return Reply(status=status, octets=command + b": 5.1.1 <alice@example.com> no")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_refused(b"RCPT", 550), Failed(Reason.NO_USABLE_DEVICE)),
        (_refused(b"RCPT", 450), BUSY),
        (_refused(b"greeting", 421), BUSY),
        (_refused(b"greeting", 554), MISCONFIGURED),
        (_refused(b"AUTH", 535), MISCONFIGURED),
        (_refused(b"AUTH", 454), BUSY),
        (_refused(b"MAIL", 530), MISCONFIGURED),
        (_refused(b"MAIL", 550), MISCONFIGURED),
        (_refused(b"DATA", 451), BUSY),
        (_refused(b"mail", 554), MISCONFIGURED),
        (Lost(why="x", is_unsent=True), Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Lost(why="x"), Unavailable(Reason.UPSTREAM_SILENT)),
    ],
)
def test_what_is_not_taken_is_not_asked_for(answer: object, outcome: object) -> None:
    """What is refused of one address is another thing than what concerns us."""
    served, _ = _served(answer)
    assert (served.outcome, served.state) == (outcome, b"")
    assert served.trouble
    assert "alice" not in served.trouble


def test_a_mail_is_sent_and_its_code_lets_in() -> None:
    """Who, where, when, from where, and what to do if it was somebody else."""
    served, player = _served(TAKEN)
    mail, message = _mail(player)
    assert (served.outcome, served.device, served.way) == (
        UPSTREAM_ASKS,
        "a***@example.com",
        "email",
    )
    assert mail.to == ADDRESS
    assert b"\n" not in mail.octets.replace(b"\r\n", b"")
    body = message.get_content()
    match = re.search(r"code is ([0-9]{6})\.", body)
    assert match
    for text in ("alice at vpn", "198.51.100.7", "If this was not you", message["Date"]):
        assert text in body
    again = _asked(typed=match[1].encode(), state=served.state)
    assert player.play(smtp.ask(_settings(), again, player.tools)).outcome == PASSED
    assert match[1] not in repr(mail)


def test_the_head_of_a_mail() -> None:
    """All that belongs there, and no code: subjects are shown on locked screens."""
    _, player = _served(TAKEN)
    _, message = _mail(player)
    assert set(message.keys()) >= {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"}
    assert message["From"] == "login@example.org"
    assert message["To"] == ADDRESS
    assert message["Subject"] == "Your login code"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].endswith("+0000") or message["Date"].endswith("-0000")
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", message["Message-ID"])
    head = bytes(message).partition(b"\n\n")[0].decode()
    code = re.search(r"code is ([0-9]{6})\.", message.get_content())
    assert code
    assert code[1] not in head


def test_every_mail_has_another_name() -> None:
    """Servers drop the second one of the same."""
    player = Player()
    names = set()
    for _ in range(3):
        player.play(smtp.ask(_settings(), _asked(), player.tools), TAKEN)
        names.add(_mail(player)[1]["Message-ID"])
    assert len(names) == 3


@pytest.mark.parametrize("text", ["x\r\nBcc: eve@example.org", "x\nBcc: eve@example.org", "x\r.\r"])
def test_no_name_makes_another_line(text: str) -> None:
    """What a person, or a client, is called stays on its line."""
    player = Player()
    question = _asked(user=text, client=text, address=text)
    player.play(smtp.ask(_settings(), question, player.tools), TAKEN)
    _, message = _mail(player)
    assert message["Bcc"] is None
    assert not re.search(r"^(Bcc|\.)", message.get_content(), re.MULTILINE)


def test_headers_with_a_line_feed_are_refused() -> None:
    """Nothing is sent then."""
    player = Player()
    settings = _settings(subject="x\r\nBcc: eve@example.org")
    with pytest.raises(ValueError, match="linefeed"):
        player.play(smtp.ask(settings, _asked(), player.tools))


def test_other_letters_are_written_so_that_every_server_takes_them() -> None:
    """ASCII on the wire."""
    _, player = _served(
        TAKEN, subject="\u041a\u043e\u0434", codes=Codes(text="\u041a\u043e\u0434: {code}")
    )
    mail, message = _mail(player)
    assert mail.octets.isascii()
    assert max(map(len, mail.octets.split(b"\r\n"))) < 998
    assert message["Subject"] == "\u041a\u043e\u0434"
    assert message.get_content().startswith("\u041a\u043e\u0434: ")


def test_an_address_that_is_none_is_not_written_to() -> None:
    """Two addresses are none."""
    player = Player()
    question = _asked(devices=(phone("a@example.com,b@example.com", "email"),))
    served = player.play(smtp.ask(_settings(), question, player.tools))
    assert served.outcome == Failed(Reason.NO_USABLE_DEVICE)


def test_where_nobody_knows_from_where() -> None:
    """Nothing is said of it."""
    player = Player()
    player.play(smtp.ask(_settings(), _asked(address=""), player.tools), TAKEN)
    assert "alice at vpn, " in _mail(player)[1].get_content()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Lost(why="cannot be reached"), ("mail.example.com: cannot be reached",)),
        (_refused(b"AUTH", 535), ("mail.example.com: refuses us (AUTH: 535)",)),
        (_refused(b"greeting", 421), ("mail.example.com: wants it later (greeting: 421)",)),
        (Reply(status=250), ()),
    ],
)
def test_examination_sends_nothing(answer: object, told: tuple[str, ...]) -> None:
    """It logs in, and sends to nobody."""
    examination = smtp.examine(_settings(), Player().tools)
    mail = next(examination)
    assert isinstance(mail, Mail)
    assert (mail.to, mail.octets) == ("", b"")
    with pytest.raises(StopIteration) as ended:
        examination.send(answer)
    assert ended.value.value == told
