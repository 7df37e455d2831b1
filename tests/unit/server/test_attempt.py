"""A round of a login: what the challenge before it left to it."""

from __future__ import annotations

import pytest

from radiusmfa.config.model import Client, Factors, Mode
from radiusmfa.config.upstream_model import UpstreamFactor
from radiusmfa.login.account import User
from radiusmfa.login.challenges import Entry
from radiusmfa.login.flow import Step
from radiusmfa.login.person import Person
from radiusmfa.login.plan import Plan
from radiusmfa.login.talk import Talk
from radiusmfa.request import Credentials
from radiusmfa.secret import Secret
from radiusmfa.server.attempt import Attempt
from radiusmfa.upstream.kept import EMPTY, Kept, dump
from radiusmfa.wire import codec

SECRET = Secret(b"a shared secret of 30 octets..")
KEPT = Kept(codec.attribute(11, b"staff"), ())


def attempt(talk: Talk | None = None, wrong: int | None = 0, attempts: int = 2) -> Attempt:
    """Return an answer to a challenge with *talk* behind it; *wrong* None: no answer."""
    client = Client(name="vpn", networks=(), secret=SECRET, attempts=attempts)
    entry = None
    if wrong is not None:
        entry = Entry(b"s", "192.0.2.1", 1, "login", "challenge", wrong, 0, 180, talk=talk)
    packet = codec.decode(codec.request(1, 0, bytes(16), b"", codec.SigningKey(SECRET)))
    asked = Credentials(b"alice", b"typed", b"s", b"proof")
    plan = Plan(client, Factors(), b"pepper")
    return Attempt(client, plan, Mode.CHALLENGE, packet, asked, entry, 19.0)


def test_new_round_knows_nothing_but_what_came() -> None:
    """A login begins without user, proof found, or anything heard."""
    made = attempt(wrong=None)

    assert (made.name, made.typed, made.proof) == (b"alice", b"typed", b"proof")
    assert (made.user, made.found, made.asked, made.heard, made.told) == (None,) * 5
    assert made.kept == EMPTY
    assert not (made.is_talking)
    assert not (made.is_own_question)
    assert not (made.has_tries)
    assert made.deadline == 19.0


@pytest.mark.parametrize(
    ("number", "has_person", "owner"),
    [
        pytest.param(None, False, "", id="nobody-yet"),
        pytest.param(-7, False, "", id="only-a-name"),
        pytest.param(7, False, "alice", id="of-the-store"),
        pytest.param(-7, True, "asmith", id="of-a-directory"),
        pytest.param(None, True, "asmith", id="refused-before-the-store"),
    ],
)
def test_owner_is_whom_store_or_directory_knows(
    number: int | None, *, has_person: bool, owner: str
) -> None:
    """The audit names a person only where somebody has said who that is."""
    made = attempt()
    if number is not None:
        made.user = User(number, "alice", None, is_exempt=False, is_disabled=False, tokens=())
    if has_person:
        made.person = Person(directory="corp", name="asmith", dn="uid=asmith")
    assert made.owner == owner


@pytest.mark.parametrize(
    ("talk", "is_talking", "is_own"),
    [
        pytest.param(None, False, True, id="ours"),
        pytest.param(Talk(missing="securid"), False, True, id="ours-instead"),
        pytest.param(Talk(upstream="rsa", state=b"theirs"), True, False, id="theirs"),
    ],
)
def test_answer_is_to_us_or_to_an_upstream(
    talk: Talk | None, *, is_talking: bool, is_own: bool
) -> None:
    """What was typed answers whoever asked, and nobody else."""
    made = attempt(talk)

    assert (made.is_talking, made.is_own_question) == (is_talking, is_own)
    made.step = Step.PASSWORD
    assert not made.is_own_question


def test_factor_is_that_of_this_round_or_the_one_before() -> None:
    """A dialogue goes on with its factor; a new one may begin."""
    assert attempt(wrong=None).factor_name == ""
    made = attempt(Talk(upstream="rsa", factor="securid", state=b"theirs"))
    assert made.factor_name == "securid"
    made.factor = UpstreamFactor(name="vip", upstream="vip")
    assert made.factor_name == "vip"


def test_what_was_kept_is_taken_over() -> None:
    """The first Accept, and the factor that is missing, are known to the next round."""
    made = attempt(Talk(kept=dump(KEPT), missing="securid"))

    assert made.kept == KEPT
    assert made.missing == "securid"


def test_what_was_kept_and_is_damaged_is_an_error() -> None:
    """Nobody goes on with half of what an upstream gave."""
    with pytest.raises(ValueError, match="damaged"):
        attempt(Talk(kept=b"\x02broken"))


@pytest.mark.parametrize(("wrong", "attempts", "has"), [(0, 1, False), (0, 2, True), (1, 2, False)])
def test_tries_are_counted(wrong: int, attempts: int, *, has: bool) -> None:
    """A client gives as many tries as its configuration says."""
    assert attempt(None, wrong, attempts).has_tries is has
