"""Tests of `radiusmfa.config.factors`."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Final

import pytest

from radiusmfa.config import dialogues, factors, nodes
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import Factors, Hotp, Recovery, Totp, Yubikey
from radiusmfa.config.upstream_model import Codec, StartWith, Upstream, UpstreamFactor, Users

UPSTREAMS: Final = (
    Upstream(name="rsa", servers=(), dialogue=dialogues.shipped("securid")),
    Upstream(name="duo", servers=(), dialogue=dialogues.shipped("duo-proxy")),
    Upstream(name="old", servers=(), codec=Codec.CP1252),
)
NONE: Final = Factors(totp=None, hotp=None, yubikey=None, recovery=None)
SECURID: Final = "upstream: rsa"
OF_SERVICES: Final = {"is_service", "holds", "is_in_directory", "words", "takes_words", "is_weak"}


def _read(text: str, upstreams: tuple[Upstream, ...] = UPSTREAMS) -> tuple[Factors, list[str]]:
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("factors", "x"))
    found = factors.read(top, upstreams)
    return found, report.lines("f")


def _one(settings: str) -> UpstreamFactor:
    found, faults = _read(f"factors: {{it: {{{settings}}}}}")
    assert not faults
    (factor,) = found.upstream
    return factor


def _faults(text: str) -> list[str]:
    return _read(f"factors: {text}")[1]


def test_without_the_section_the_local_factors_count() -> None:
    """Every factor of the store is on; those of upstreams have to be named."""
    assert _read("x: 1") == (Factors(), [])
    assert Factors().names == ("totp", "hotp", "yubikey", "recovery")
    assert Factors().upstream == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{totp: {}}", replace(NONE, totp=Totp(), names=("totp",))),
        ("{hotp: }", replace(NONE, hotp=Hotp(), names=("hotp",))),
        ("{yubikey: {}}", replace(NONE, yubikey=Yubikey(), names=("yubikey",))),
        ("{recovery: {}}", replace(NONE, recovery=Recovery(), names=("recovery",))),
        (
            "{recovery: {}, totp: {window: 2}}",
            replace(NONE, totp=Totp(window=2), recovery=Recovery(), names=("recovery", "totp")),
        ),
        (
            f"{{securid: {{{SECURID}}}, totp: {{}}}}",
            replace(
                NONE,
                totp=Totp(),
                upstream=(UpstreamFactor(name="securid", upstream="rsa", prompt="PASSCODE: "),),
                names=("securid", "totp"),
            ),
        ),
    ],
)
def test_factors_are_those_named_in_the_order_of_the_file(text: str, expected: Factors) -> None:
    """What is not named is off; the order is that of preference."""
    assert _read(f"factors: {text}") == (expected, [])


@pytest.mark.parametrize("text", ["{}", "", "~"])
def test_no_factor_is_refused(text: str) -> None:
    """A server without a factor would let nobody in."""
    (fault,) = _faults(text)
    known = "totp, hotp, yubikey, recovery"
    assert fault.endswith(f"factors: must name at least one of {known}, or another")


@pytest.mark.parametrize("text", ["[totp]", "totp"])
def test_factors_hold_settings(text: str) -> None:
    """A list of names has no settings."""
    assert "f:1:10: factors: must hold settings, as {name: value}" in _faults(text)


NUMBERS: Final = [
    ("totp", "window", 0, 10),
    ("totp", "drift_limit", 0, 100),
    ("totp", "resync_window", 0, 100),
    ("hotp", "look_ahead", 0, 100),
    ("hotp", "resync_window", 0, 10_000),
]


@pytest.mark.parametrize(("factor", "name", "low", "high"), NUMBERS)
def test_number_settings_have_their_limits(factor: str, name: str, low: int, high: int) -> None:
    """Each number is taken from its lowest to its highest value, and not beyond."""
    for value in (low, high):
        found, faults = _read(f"factors: {{{factor}: {{{name}: {value}}}}}")
        assert not faults
        assert getattr(getattr(found, factor), name) == value
    for value in (low - 1, high + 1):
        (fault,) = _faults(f"{{{factor}: {{{name}: {value}}}}}")
        assert f"factors.{factor}.{name}: must be a whole number from {low} to {high}" in fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{totp: {windw: 1}}", "f:1:18: factors.totp.windw: is no setting; did you mean window?"),
        ("{hotp: {window: 1}}", "f:1:18: factors.hotp.window: is no setting"),
        ("{recovery: {x: 1}}", "f:1:22: factors.recovery.x: is no setting"),
        ("{totp: 6}", "f:1:17: factors.totp: must hold settings, as {name: value}"),
        ("{totq: {}}", "f:1:11: factors.totq: is no factor; did you mean totp?"),
        ("{totq: {window: 2}}", "f:1:11: factors.totq: is no factor; did you mean totp?"),
        ("{TOTP: }", "f:1:11: factors.TOTP: is no factor; did you mean totp?"),
        ("{hotps: 1}", "f:1:11: factors.hotps: is no factor; did you mean hotp?"),
        ("{recover: []}", "f:1:11: factors.recover: is no factor; did you mean recovery?"),
        ("{securid: {}}", "f:1:20: factors.securid.upstream: is missing"),
        ("{securid: }", "f:1:20: factors.securid.upstream: is missing"),
        ("{securid: rsa}", "f:1:20: factors.securid: must hold settings, as {name: value}"),
        (
            "{securid: {upstream: rsb}}",
            "f:1:31: factors.securid.upstream: must name one of upstreams (rsa, duo, old)",
        ),
        ("{securid: {upstream: [rsa]}}", "f:1:31: factors.securid.upstream: must be one value"),
        ("{securid: {upstream: }}", "f:1:31: factors.securid.upstream: has no value"),
        ("{2fa: {upstream: rsa}}", "f:1:11: factors.2fa: must be 1 to 64 letters, digits, dots"),
        ("{none: {upstream: rsa}}", "f:1:11: factors.none: is a word that means something else"),
        ("{Totp: {upstream: rsa}}", "f:1:11: factors.Totp: is a word that means something else"),
        ("{refuse: {upstream: rsa}}", "f:1:11: factors.refuse: is a word that means something"),
    ],
)
def test_unfit_factor_is_refused(text: str, fault: str) -> None:
    """A factor of another form, or of nobody, is one fault with its place."""
    (line,) = _faults(text)
    assert line.startswith(fault)


def test_upstream_that_is_not_there_is_said() -> None:
    """Where there are no upstreams at all, the fault says so."""
    assert _read("factors: {securid: {upstream: rsa}}", ())[1] == [
        "f:1:31: factors.securid.upstream: must name one of upstreams (there is none)"
    ]


def test_name_like_a_local_factor_is_fine_with_an_upstream() -> None:
    """Who names an upstream has not mistyped `totp`."""
    assert _read("factors: {totp2: {upstream: rsa}}")[1] == []


@pytest.mark.parametrize("upstream", UPSTREAMS, ids=lambda one: one.name)
def test_defaults_are_those_of_the_dialogue(upstream: Upstream) -> None:
    """How the server is spoken to first comes with its dialogue, the rest with the model."""
    dialogue = upstream.dialogue
    assert _one(f"upstream: {upstream.name}") == UpstreamFactor(
        name="it",
        upstream=upstream.name,
        start_with=dialogue.start_with,
        word=dialogue.word,
        prompt=dialogue.prompt,
    )


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ("users: everyone", "users", Users.EVERYONE),
        ("users: assigned", "users", Users.ASSIGNED),
        ("start_with: code", "start_with", StartWith.CODE),
        ("start_with: password", "start_with", StartWith.PASSWORD),
        ("start_with: word, word: push", "start_with", StartWith.WORD),
        ("start_with: word, word: push", "word", "push"),
        ("start_with: word, word: %s" % (128 * "x"), "word", 128 * "x"),
        ("word: ''", "word", ""),
        ("tail: 0", "tail", 0),
        ("tail: 64", "tail", 64),
        ("prompt: ''", "prompt", ""),
        ("prompt: 'Code: '", "prompt", "Code: "),
        ("prompt: '%s'" % (253 * "x"), "prompt", 253 * "x"),
    ],
)
def test_settings_are_read(settings: str, field: str, value: object) -> None:
    """Each setting of an upstream's factor is taken."""
    assert getattr(_one(f"{SECURID}, {settings}"), field) == value


def test_word_of_the_dialogue_is_enough() -> None:
    """Where the dialogue has a word, `start_with: word` needs none of its own."""
    factor = _one("upstream: duo, start_with: word")
    assert (factor.start_with, factor.word) == (StartWith.WORD, "push")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("users: all", ".users: must be everyone or assigned"),
        ("start_with: pasword", ".start_with: must be code, password or word; did you mean"),
        ("start_with: word", ".word: is missing: start_with is word"),
        ("start_with: word, word: ''", ".word: is missing: start_with is word"),
        ("word: push", ".word: has a meaning with start_with: word only"),
        ("start_with: password, word: push", ".word: has a meaning with start_with: word only"),
        ("start_with: word, word: %s" % (129 * "x"), ".word: must have 0 to 128 octets"),
        ("tail: -1", ".tail: must be a whole number from 0 to 64"),
        ("tail: 65", ".tail: must be a whole number from 0 to 64"),
        ("prompt: '%s'" % (254 * "x"), ".prompt: must have 0 to 253 octets"),
        ("window: 1", ".window: is no setting"),
        ("upstrem: rsa", ".upstrem: is no setting; did you mean upstream?"),
    ],
)
def test_unfit_setting_is_refused(settings: str, fault: str) -> None:
    """A setting out of its limits, or against another one, is named."""
    faults = _faults(f"{{it: {{{SECURID}, {settings}}}}}")
    assert any(f"factors.it{fault}" in line for line in faults)


def test_word_that_the_server_cannot_read_is_refused() -> None:
    """A word that the upstream's codec lacks would be refused at every login."""
    (fault,) = _faults("{it: {upstream: old, start_with: word, word: Ω}}")
    assert fault == (
        "f:1:55: factors.it.word: cannot be written in cp1252, the codec of the upstream"
    )
    assert _one("upstream: old, start_with: word, word: Ü").word == "Ü"


def test_fault_has_its_line_and_column() -> None:
    """Each fault shows where it stands."""
    text = (
        "factors:\n  totq:\n    window: 2\n  securid:\n    upstream: rsb\n"
        "  none:\n    upstream: duo\n    tail: x\n"
    )
    assert _read(text)[1] == [
        "f:2:3: factors.totq: is no factor; did you mean totp?",
        "f:5:15: factors.securid.upstream: must name one of upstreams (rsa, duo, old)",
        "f:6:3: factors.none: is a word that means something else: choose another name",
        "f:8:11: factors.none.tail: must be a whole number from 0 to 64",
    ]


def test_every_setting_can_be_written() -> None:
    """What the model has, the file may hold."""
    settings = ", ".join(
        f"{field.name}: {{}}"
        for field in dataclasses.fields(UpstreamFactor)
        if field.name not in {"name", "upstream", *OF_SERVICES}
    )
    faults = _faults(f"{{it: {{{SECURID}, {settings}}}}}")
    for field in dataclasses.fields(UpstreamFactor)[2:]:
        if field.name in OF_SERVICES:
            continue
        assert any(f"factors.it.{field.name}: must be" in line for line in faults), field.name
