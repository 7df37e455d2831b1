"""Tests of `radiusmfa.service.duo_words`."""

from __future__ import annotations

import pytest

from radiusmfa.service import duo_words
from radiusmfa.service.duo_answers import Device
from radiusmfa.service.duo_words import Code, Pick, Word


@pytest.mark.parametrize(
    "typed",
    [b"", b" ", b"push ", b"push0", b"push100", b"sms-2", b"call", b"0", b"100", b"12345",
     b"12345678901", b"123 456", b"\xd9\xa1" * 6, b"123456\n", b"\xff", 3000 * b"1", b"hunter2"],
)  # fmt: skip
def test_what_means_nothing_is_none(typed: bytes) -> None:
    """Neither a word, nor a line of the menu, nor the form of a passcode."""
    assert duo_words.read(typed) is None


@pytest.mark.parametrize(
    ("typed", "meaning"),
    [
        (b"push", Word("push")),
        (b"Push2", Word("push", 2)),
        (b"phone", Word("phone")),
        (b"PHONE10", Word("phone", 10)),
        (b"sms3", Word("sms", 3)),
        (b"auto", Word("auto")),
        (b"1", Pick(1)),
        (b"20", Pick(20)),
        (b"123456", Code("123456")),
        (b"1234567890", Code("1234567890")),
        (
            b"cccccckdvvulgjvtkjdhtlrbjjctggdihuevikehtlil",
            Code("cccccckdvvulgjvtkjdhtlrbjjctggdihuevikehtlil"),
        ),
    ],
)
def test_what_was_typed_is_read(typed: bytes, meaning: duo_words.Typed) -> None:
    """Words in any case with a number, lines of a menu, codes."""
    assert duo_words.read(typed) == meaning


def test_code_does_not_show_itself() -> None:
    """Not in a traceback either."""
    assert "123456" not in repr(Code("123456"))


def _phones(count: int, label: str = "XXX-XXX-0100") -> tuple[tuple[str, Device], ...]:
    can = frozenset({"push", "sms", "phone", "mobile_otp"})
    return duo_words.options(Device(id=f"DP{at}", label=label, can=can) for at in range(count))


def test_menu_that_is_too_long_names_the_words_alone() -> None:
    """What does not fit into one Reply-Message is said shortly, never cut off."""
    text = duo_words.menu("alice", _phones(3))
    assert text == ("Passcode, or push1, push2, push3, phone1, phone2, phone3, sms1, sms2, sms3: ")


@pytest.mark.parametrize("count", range(1, 120))
def test_menu_always_fits(count: int) -> None:
    """However many devices somebody has, and whatever they are called."""
    for user, label in (("alice", "X"), ("ä" * 200, "ü" * 40)):
        choices = _phones(count, label)
        assert len(choices) <= 20
        assert len(duo_words.menu(user, choices).encode()) <= duo_words.LONGEST


def test_menu_of_nothing_asks_for_a_passcode() -> None:
    """Tokens only."""
    assert duo_words.menu("alice", ()) == "Passcode: "


def test_menu_tells_with_which_digit_the_next_code_begins() -> None:
    """Whoever has codes on their phone needs no new ones."""
    device = Device(id="DP1", label="XXX-XXX-0100", can=frozenset({"sms"}), next_code="2")
    assert duo_words.menu("al\x1b[1mice", duo_words.options([device])) == (
        "Duo login for alice\n"
        " 1. Send passcodes to XXX-XXX-0100 (next one begins with 2)\n"
        "Passcode, or number (1): "
    )


@pytest.mark.parametrize(
    ("text", "portal", "shown"),
    [
        ("", "", "You have to enrol before you can log in."),
        ("Enroll", "", "Enroll"),
        ("Enroll", "https://x", "Enroll\nhttps://x"),
        (250 * "x", "https://x", "https://x"),
        ("Enroll", "https://" + 300 * "x", "Enroll"),
    ],
)
def test_address_is_whole_or_not_there(text: str, portal: str, shown: str) -> None:
    """One that is cut leads nowhere."""
    assert duo_words.enrolment(text, portal) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31;1mb\x1b[0m", "ab"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\x1bcb", "ab"),
        ("a\x9b2Jb", "ab"),
        ("a\r\n\tb", "a b"),
        ("a\0\x07\x7fb\x1b", "ab"),
        ("a\u202eb\u200b\ud800", "ab"),
        ("  ä  ", "ä"),
    ],
)
def test_text_is_made_plain(text: str, shown: str) -> None:
    """Escape sequences, control characters, marks that turn text round."""
    assert duo_words.plain(text) == shown


def test_text_is_cut_at_a_character() -> None:
    """253 octets, and no half of one."""
    assert duo_words.fitting("ä" * 200) == "ä" * 126
