"""Tests of `radiusmfa.login.devices`."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.login import devices
from radiusmfa.login.devices import DeviceError, Question

NUMBER = "+491701234567"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must begin with +"),
        ("0170 1234567", "must begin with +"),
        ("00491701234567", "must begin with +"),
        ("+0491701234567", "7 to 15 digits"),
        ("+49123", "7 to 15 digits"),
        ("+4917012345678901", "7 to 15 digits"),
        ("+49 (0)170 1234567", "holds (0)"),
        ("+49170123456x", "7 to 15 digits"),
        ("+49170123456\uff17", "7 to 15 digits"),
        ("+49170\r\n1234567", "7 to 15 digits"),
        ("+491701234567,+491701234568", "7 to 15 digits"),
        ("+491701234567;ext=1", "7 to 15 digits"),
        ("tel:+491701234567", "must begin with +"),
    ],
)
def test_what_is_no_number_is_refused(text: str, why: str) -> None:
    """Nobody is called at a number that may mean another one; it is not repeated."""
    with pytest.raises(DeviceError) as caught:
        devices.number(text)
    assert why in str(caught.value)
    assert "1234567" not in str(caught.value).replace("+491701234567", "")


@pytest.mark.parametrize(
    "text",
    [NUMBER, " +49 170 1234567 ", "+49 (170) 123-45.67", "+49/170/1234567", "+49\u00a01701234567"],
)
def test_number_has_one_form(text: str) -> None:
    """However somebody writes it, it is the same number."""
    assert devices.number(text) == NUMBER
    assert devices.destination("sms", text) == devices.destination("voice", text) == NUMBER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "alice@",
        "@example.org",
        "alice@localhost",
        "alice@example..org",
        "alice@-example.org",
        "alice.@example.org",
        ".alice@example.org",
        "a..b@example.org",
        "alice@example.org, bob@example.org",
        "alice@example.org bob@example.org",
        "alice@example.org;bob@example.org",
        "Alice <alice@example.org>",
        "<alice@example.org>",
        '"alice"@example.org',
        "alice@[192.0.2.1]",
        "alice@example.org\r\nBcc: bob@example.org",
        "alice@example.org\n",
        "alice\0@example.org",
        "alice(comment)@example.org",
        "alice@b\u00fccher.example",
        "\u00e4lice@example.org",
        "a@b@example.org",
        f"{65 * 'a'}@example.org",
        f"alice@{'.'.join(8 * [40 * 'a'])}",
    ],
)
def test_what_is_not_one_address_is_refused(text: str) -> None:
    """A second address, a name, or a line of a header would send the code to somebody else."""
    if text == "alice@example.org\n":
        assert devices.address(text) == "alice@example.org"  # blanks at the ends pass
        return
    with pytest.raises(DeviceError) as caught:
        devices.address(text)
    assert "bob" not in str(caught.value)


def test_address_beyond_ascii_gets_a_hint() -> None:
    """Whoever types a domain of other letters is told how it is written."""
    with pytest.raises(DeviceError, match="xn--"):
        devices.address("alice@b\u00fccher.example")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("alice@example.org", "alice@example.org"),
        (" Alice+mfa@EXAMPLE.org ", "Alice+mfa@example.org"),
        ("o'neill@xn--bcher-kva.example", "o'neill@xn--bcher-kva.example"),
    ],
)
def test_address_keeps_its_local_part(text: str, address: str) -> None:
    """Only the domain is without case."""
    assert devices.destination("email", text) == address


@pytest.mark.parametrize(
    "text", ["", " ", "a\0b", "\ud800?", 201 * "a", 101 * "\u00e4", "a\u202eb"]
)
def test_what_is_no_question_is_refused(text: str) -> None:
    """A question has to fit into a prompt."""
    with pytest.raises(DeviceError, match="the question"):
        devices.question(text)


def test_blanks_of_a_question_are_collapsed() -> None:
    """What was pasted is one line."""
    assert devices.question("  Which\tcity,\n and   when? ") == "Which city, and when?"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (b"", "at least 3"),
        (b"  a  b ", ""),
        (b" ab ", "at least 3"),
        (b"\xff\xfe\xfd\xfc", "not UTF-8"),
        (b"a\0b", "control characters"),
        (129 * b"a", "128 octets"),
    ],
)
def test_what_is_no_answer_is_refused(typed: bytes, why: str) -> None:
    """Too short, too long, or no text; the answer is not repeated."""
    if not why:
        assert devices.answer(typed) == b"a b"
        return
    with pytest.raises(DeviceError) as caught:
        devices.answer(typed)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "typed",
    [
        "Gro\u00dfe Stra\u00dfe",
        " grosse  STRASSE ",
        "Gro\u00dfe\u00a0Stra\u00dfe",
        "\uff27rosse\u3000Strasse",
    ],
)
def test_answer_has_one_form(typed: str) -> None:
    """Case, blanks and the width of letters do not count."""
    assert devices.answer(typed.encode()) == b"grosse strasse"


def test_accents_are_one_however_they_are_typed() -> None:
    """A letter and its accent are the same as both in one sign."""
    assert devices.answer("Ame\u0301lie".encode()) == devices.answer("AM\u00c9LIE".encode())


@given(st.binary(max_size=200))
def test_any_octets_are_an_answer_or_refused(typed: bytes) -> None:
    """Whatever is typed: an answer that is its own normal form, or the documented error."""
    with contextlib.suppress(DeviceError):
        found = devices.answer(typed)
        assert devices.answer(found) == found


@given(st.text(max_size=60))
def test_any_text_is_a_destination_or_refused(text: str) -> None:
    """Whatever is given: the one form of it, or the documented error."""
    for kind in devices.DESTINATIONS:
        with contextlib.suppress(DeviceError):
            found = devices.destination(kind, text)
            assert devices.destination(kind, found) == found
            assert found.isascii()
            assert not set(found) & set(' \r\n\t,;<>"\0')


@pytest.mark.parametrize(
    ("kind", "secret", "shown"),
    [
        ("sms", b"+491701234567", "***4567"),
        ("voice", b"+6834567", "***4567"),
        ("email", b"alice@example.org", "a***@example.org"),
        ("email", b"a@example.org", "***@example.org"),
        ("email", b"damaged", "d***"),
        ("question", Question("Which city?", "$hash").dump(), ""),
        ("yubikey", b"private id and key", ""),
        ("totp", b"12345678901234567890", ""),
    ],
)
def test_little_is_shown(kind: str, secret: bytes, shown: str) -> None:
    """Four digits, or a letter and the domain; of everything else nothing."""
    assert devices.masked(kind, secret) == shown


@pytest.mark.parametrize(
    ("kind", "secret", "shown"),
    [
        ("sms", b"+491701234567", "+491701234567"),
        ("email", b"alice@example.org", "alice@example.org"),
        ("question", Question("Which city?", "$hash").dump(), "Which city?"),
        ("question", b"damaged", ""),
        ("yubikey", b"private id and key", ""),
        ("totp", b"12345678901234567890", ""),
    ],
)
def test_the_whole_of_it_holds_no_secret(kind: str, secret: bytes, shown: str) -> None:
    """A number, an address, the text of a question; never a key, nor the hash of an answer."""
    assert devices.whole(kind, secret) == shown


def test_question_survives_the_store() -> None:
    """What is sealed is read again, whatever letters it has."""
    question = Question("In welcher Stra\u00dfe?", "$argon2id$...")
    assert Question.load(question.dump()) == question
    assert "$argon2id" not in repr(question)


@pytest.mark.parametrize(
    "octets",
    [b"", b"\xff", b"{}", b"[]", b"[1,2,3]", b'[2,"a","b"]', b'[1,"a"]', b'[1,"a","b","c"]', b"1"],
)
def test_what_is_no_question_is_none(octets: bytes) -> None:
    """Octets that no `dump` has made ask nothing."""
    assert Question.load(octets) is None


def test_what_must_not_be_there_twice() -> None:
    """A number, a question in any case, a seed with or without zero octets behind it."""
    one, other = Question("Which city?", "a").dump(), Question("WHICH city?", "b").dump()
    assert devices.same("question", one) == devices.same("question", other)
    assert devices.same("sms", b"+491") != devices.same("sms", b"+492")
    assert devices.same("totp", b"seed\0\0") == devices.same("totp", b"seed")
    assert [devices.thing(kind) for kind in ("sms", "voice", "email", "question", "hotp")] == [
        "number", "number", "address", "question", "seed",
    ]  # fmt: skip
