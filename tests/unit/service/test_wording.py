"""Tests of `service.wording`."""

from __future__ import annotations

from radiusmfa.service import wording

TEXT = "Your login code is {code}. It is good for {minutes} minutes."
VALUES = {"code": "123456", "minutes": "3", "user": "alice", "client": "vpn"}


def test_what_is_unknown_stays() -> None:
    """A text is no program: braces that mean nothing are text."""
    assert wording.filled("{code} {x} {} {user.__class__} {{code}}", VALUES) == (
        "123456 {x} {} {user.__class__} {123456}"
    )
    assert wording.unknown("{code} {x} {CODE}") == ["x"]


def test_values_are_not_filled_in_again() -> None:
    """A user who is called {code} learns nothing."""
    assert wording.filled("{user}", VALUES | {"user": "{code}"}) == "{code}"


def test_letters_of_telephones() -> None:
    """What a telephone may not show loses its accent, or becomes a question mark."""
    assert wording.gsm("Gr\u00fc\u00dfe, Ji\u0159\u00ed \u4e2d \u20ac") == (
        "Gr\u00fc\u00dfe, Jiri ? \u20ac"
    )
    assert wording.gsm("a\x00b\x1bc") == "a?b?c"


def test_some_letters_take_two() -> None:
    """Of the extended table each."""
    assert wording.septets("a\u20ac[") == 5


def test_long_names_are_cut_and_the_code_is_not() -> None:
    """One message, whatever a user or a client is called."""
    text = f"{TEXT} ({{user}} at {{client}}) {{code}}"
    for size in range(0, 400, 7):
        long = {"user": "u[" * size, "client": "c" * size}
        sent = wording.sms(text, VALUES | long)
        assert wording.septets(sent) <= 160
        assert sent.count("123456") == 2
    assert wording.sms(text, VALUES).endswith("(alice at vpn) 123456")


def test_a_code_is_read_out_digit_by_digit() -> None:
    """And not as a number of six figures."""
    assert wording.spoken("1045") == "1, 0, 4, 5"
