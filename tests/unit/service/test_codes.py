"""Tests of `service.codes`: a code is by chance, and proves nothing elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.message_model import Codes
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason, Unavailable
from radiusmfa.service import codes
from radiusmfa.service.codes import Carrier, Parcel
from radiusmfa.service.sending import Sent
from tests.unit.service.player import Player, asked, phone

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served
    from radiusmfa.service.codes import Carrying


class World:
    """Somebody who carries codes, and who talks to them."""

    def __init__(self, came: Sent | None = None, **settings: Any) -> None:  # noqa: ANN401
        self.player = Player()
        self.came = came
        self.parcels: list[Parcel] = []
        self.carrier = Carrier(
            name="sms", words=("sms",), attribute="", codes=Codes(**settings), carry=self._carry
        )

    def ask(self, typed: bytes = b"", state: bytes = b"", **settings: Any) -> Served:  # noqa: ANN401
        """Return what comes of one round."""
        question = asked(typed=typed, state=state, **settings)
        return self.player.play(codes.ask(self.carrier, question, self.player.tools))

    @property
    def code(self) -> bytes:
        """The last code that was carried."""
        return self.parcels[-1].code.encode()

    def _carry(self, parcel: Parcel) -> Carrying:
        yield from ()
        self.parcels.append(parcel)
        return self.came


def _other(code: bytes) -> bytes:
    return b"%06d" % ((int(code) + 1) % 10**6)


def test_a_wrong_code_lets_nobody_in() -> None:
    """One digit is enough, one more, one less, or digits of another alphabet."""
    world = World(tries=10)
    state = world.ask().state
    code = world.code
    for typed in (_other(code), code[:-1], code + b"0", b"x" + code[1:], 6 * "\u0661".encode()):
        served = world.ask(typed, state)
        assert (served.outcome, served.is_wrong) == (UPSTREAM_ASKS, True)
        state = served.state


def test_a_code_of_another_login_lets_nobody_in() -> None:
    """Another person's, another service's, another device's, another State's."""
    world = World()
    state, code = world.ask().state, world.code
    for other in ({"user": "bob"}, {"number": 8}, {"service": "calls"}):
        assert world.ask(code, state, **other).outcome == UPSTREAM_ASKS
    for name, value in (("device", "***0000"), ("name", "00"), ("proof", "")):
        changed = json.dumps(json.loads(state) | {name: value}).encode()
        world.player.memory.texts.clear()
        assert world.ask(code, changed).outcome == UPSTREAM_ASKS
    assert world.ask(code, state).outcome == PASSED


def test_a_stolen_state_tells_no_code() -> None:
    """The digest is keyed: without the store's pepper nobody can try all the numbers."""
    world = World()
    state, code = world.ask().state, world.code
    assert code not in state
    world.player.memory.texts.clear()
    tools = world.player.tools
    other = type(tools)(
        now=tools.now, seconds=1.0, entropy=tools.entropy, pepper=b"x", memory=tools.memory
    )
    question = asked(typed=code, state=state)
    assert world.player.play(codes.ask(world.carrier, question, other)).outcome == UPSTREAM_ASKS


@pytest.mark.parametrize(
    "form", ["{0}", " {0} ", "{0:.3} {0:>.3}", "{1} {2}", "{1}-{2}", "\t{1}{2}"]
)
def test_blanks_and_dashes_do_not_matter(form: str) -> None:
    """As people copy a code."""
    world = World()
    state = world.ask().state
    code = world.code.decode()
    typed = form.format(code, code[:3], code[3:]) if "{1}" in form else f" {code[:3]} {code[3:]} "
    assert world.ask(typed.encode(), state).outcome == PASSED


@pytest.mark.parametrize(
    "came",
    [
        Sent(problem=Unavailable(Reason.UPSTREAM_BUSY), trouble="x"),
        Sent(problem=Failed(Reason.NO_USABLE_DEVICE)),
    ],
)
def test_what_was_not_carried_is_told(came: Sent) -> None:
    """As it came."""
    served = World(came).ask()
    assert (served.outcome, served.trouble) == (came.problem, came.trouble)


def test_what_is_late_may_arrive() -> None:
    """And is good then."""
    world = World(Sent(is_late=True))
    served = world.ask()
    assert "may take some time" in served.text
    assert world.ask(world.code, served.state).outcome == PASSED


def test_what_is_carried_says_what_it_is() -> None:
    """The code, for how long, whose login, and where."""
    world = World(digits=8, lifetime=90)
    world.ask(devices=(phone("+4915199999999"),))
    (parcel,) = world.parcels
    assert parcel.place.to == "+4915199999999"
    assert parcel.values == {
        "code": parcel.code, "minutes": "1", "user": "alice", "client": "vpn"
    }  # fmt: skip
    assert len(parcel.code) == 8
    assert parcel.code not in repr(parcel)


def test_every_code_is_another_one() -> None:
    """Also for the same person."""
    world = World()
    for _ in range(50):
        world.ask()
    assert len({one.code for one in world.parcels}) >= 49


@given(st.binary(max_size=40), st.integers(4, 10))
def test_any_octets_are_a_code_or_none(typed: bytes, digits: int) -> None:
    """Nothing raises, and what is read has as many digits as it must."""
    found = codes.read(typed, digits, digits)
    assert found == "" or (len(found) == digits and found.isascii() and found.isdigit())


def test_numbers_are_equally_likely() -> None:
    """What would make the small ones likelier is drawn again."""
    edge = 2**64 - 2**64 % 10**6
    drawn = iter([(edge).to_bytes(8), (2**64 - 1).to_bytes(8), (edge - 1).to_bytes(8)])
    assert codes.make(6, lambda _: next(drawn)) == "999999"
    assert codes.make(6, lambda _: bytes(8)) == "000000"
    numbers = count()
    found = Counter(codes.make(6, lambda _: (next(numbers)).to_bytes(8)) for _ in range(1000))
    assert set(found.values()) == {1}
