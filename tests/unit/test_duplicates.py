"""Tests of `radiusmfa.duplicates`."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.duplicates import LEAST_LIFETIME, MOST_OCTETS, Answer, Duplicates, Retries, Seen

PLACE: Final = ("192.0.2.1", 40000, 7)
OTHER: Final = ("192.0.2.1", 40001, 7)


def _answered(request: bytes = b"one", reply: bytes = b"reply", now: float = 0.0) -> Duplicates:
    duplicates = Duplicates(10, 100)
    assert duplicates.claim(PLACE, request, now) is Seen.NEW
    assert duplicates.answer(PLACE, request, reply)
    return duplicates


def test_request_is_decided_once() -> None:
    """While a request is being decided its retransmissions are met with silence."""
    duplicates = Duplicates(10, 100)
    assert duplicates.claim(PLACE, b"one", 0) is Seen.NEW
    assert duplicates.claim(PLACE, b"one", 1) is Seen.PENDING
    assert duplicates.claim(PLACE, b"one", 99) is Seen.PENDING
    assert duplicates.claim(PLACE, b"one", 999) is Seen.PENDING
    assert len(duplicates) == 1


@pytest.mark.parametrize("later", [0.0, 1.0, 9.9])
def test_retransmission_gets_the_same_octets(later: float) -> None:
    """A retransmission within the lifetime gets the reply that was sent, octet for octet."""
    assert _answered().claim(PLACE, b"one", later) == b"reply"


def test_reply_is_kept_a_whole_lifetime_wherever_it_falls() -> None:
    """A reply just before a generation ends is kept as long as one just after."""
    for asked in (0.0, 5.0, 9.99):
        duplicates = Duplicates(10, 100)
        duplicates.claim(OTHER, b"first", 0)
        duplicates.claim(PLACE, b"one", asked)
        duplicates.answer(PLACE, b"one", b"reply")
        duplicates.claim(OTHER, b"another", 10)
        assert duplicates.claim(PLACE, b"one", asked + 9.99) == b"reply"


def test_old_reply_is_forgotten() -> None:
    """After two lifetimes nothing is left of an answered request."""
    duplicates = _answered()
    duplicates.claim(OTHER, b"a", 10)
    duplicates.claim(OTHER, b"b", 20)
    assert duplicates.claim(PLACE, b"one", 20) is Seen.NEW


def test_new_request_on_the_same_identifier_is_no_duplicate() -> None:
    """The same address, port and identifier with other octets is another request."""
    duplicates = _answered()
    assert duplicates.claim(PLACE, b"two", 1) is Seen.NEW
    assert duplicates.claim(PLACE, b"two", 1) is Seen.PENDING


def test_same_octets_from_another_port_are_another_request() -> None:
    """What came from one port is not answered to another."""
    assert _answered().claim(OTHER, b"one", 1) is Seen.NEW


def test_late_reply_to_a_replaced_request_is_not_sent() -> None:
    """When a client gave up and asked something new, the first answer is worth nothing."""
    duplicates = Duplicates(10, 100)
    duplicates.claim(PLACE, b"one", 0)
    duplicates.claim(PLACE, b"two", 1)
    assert duplicates.answer(PLACE, b"one", b"late") is False
    assert duplicates.answer(PLACE, b"two", b"reply") is True
    assert duplicates.claim(PLACE, b"two", 2) == b"reply"


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_late_reply_to_a_replaced_request_is_not_sent_after_a_turn(turns: int) -> None:
    """A request that was replaced stays so when the generations take turns."""
    duplicates = Duplicates(10, 100)
    duplicates.claim(PLACE, b"one", 0)
    duplicates.claim(OTHER, b"x", 10)
    duplicates.claim(PLACE, b"two", 11)
    for turn in range(turns):
        duplicates.claim(OTHER, b"x", 20 + 10 * turn)
    assert duplicates.claim(PLACE, b"two", 10 * turns + 11) is Seen.PENDING
    assert duplicates.answer(PLACE, b"one", b"late") is False


def test_answer_given_late_is_kept_when_generations_turn() -> None:
    """A login that waited long for its answer is answered to later retransmissions as well."""
    duplicates = Duplicates(10, 100)
    duplicates.claim(PLACE, b"one", 0)
    duplicates.claim(OTHER, b"x", 10)
    assert duplicates.answer(PLACE, b"one", b"reply")
    assert duplicates.claim(PLACE, b"one", 21) == b"reply"
    assert duplicates.claim(PLACE, b"one", 22) == b"reply"


def test_forgotten_request_is_new_again() -> None:
    """What could not be decided may be asked again; forgetting another request changes nothing."""
    duplicates = Duplicates(10, 100)
    duplicates.claim(PLACE, b"one", 0)
    duplicates.forget(PLACE, b"two")
    duplicates.forget(OTHER, b"one")
    assert duplicates.claim(PLACE, b"one", 1) is Seen.PENDING
    duplicates.forget(PLACE, b"one")
    assert len(duplicates) == 0
    assert duplicates.claim(PLACE, b"one", 1) is Seen.NEW


def test_full_cache_keeps_new_requests_out_for_a_while() -> None:
    """Without room new requests are met with silence, and known ones still get their answers."""
    duplicates = Duplicates(30, 8)
    for number in range(4):
        assert duplicates.claim(number, b"", 0) is Seen.NEW
        assert duplicates.answer(number, b"", b"reply")
    assert duplicates.claim(99, b"", LEAST_LIFETIME - 0.01) is Seen.FULL
    assert duplicates.claim(3, b"", LEAST_LIFETIME - 0.01) == b"reply"
    assert duplicates.claim(99, b"", LEAST_LIFETIME) is Seen.NEW
    assert duplicates.claim(3, b"", LEAST_LIFETIME) == b"reply"


def test_large_requests_do_not_fill_the_memory() -> None:
    """However many entries are allowed, what they hold together has an end too."""
    duplicates = Duplicates(30, 1_000_000)
    large = bytes(MOST_OCTETS // 8)
    for _ in range(20):  # one in the place of the other
        assert duplicates.claim(99, large + b"1", 0) is Seen.NEW
        assert duplicates.claim(99, large + b"2", 0) is Seen.NEW
    for number in range(3):
        assert duplicates.claim(number, large, 0) is Seen.NEW
    assert duplicates.claim(3, large, 0) is Seen.FULL
    assert duplicates.claim(3, b"small", LEAST_LIFETIME - 0.01) is Seen.FULL
    assert duplicates.claim(3, large, LEAST_LIFETIME) is Seen.NEW
    assert duplicates.claim(0, large, LEAST_LIFETIME) is Seen.PENDING


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "claim", "answer", "forget"]),
        st.integers(0, 3),
        st.sampled_from([b"a", b"b"]),
        st.sampled_from([0.0, 0.5, 3.0, 7.0, 25.0]),
    ),
    max_size=60,
)


@given(_STEPS, st.integers(2, 12))
def test_no_request_is_decided_twice_at_once(
    steps: list[tuple[str, int, bytes, float]], most: int
) -> None:
    """Whatever happens: no pending request is new again, and no reply goes to another's octets."""
    duplicates, now = Duplicates(10, most), 0.0
    deciding: dict[int, bytes] = {}
    for action, key, octets, later in steps:
        now += later
        if action == "claim":
            seen = duplicates.claim(key, octets, now)
            if seen is Seen.NEW:
                assert deciding.get(key) != octets
                deciding[key] = octets
            elif seen is Seen.PENDING:
                assert deciding[key] == octets
            elif isinstance(seen, bytes):
                assert seen == bytes((key,)) + octets
        elif key in deciding:
            if action == "answer":
                assert duplicates.answer(key, deciding[key], bytes((key,)) + deciding[key])
            else:
                duplicates.forget(key, deciding[key])
            del deciding[key]
        assert len(duplicates) <= max(2, most) + 4


def _asked(retries: Retries, now: float = 0.0) -> Answer:
    answer = Answer(("192.0.2.1", 1), now)
    assert retries.find(1, answer.address, now) is None
    retries.put(1, answer)
    return answer


def test_retry_from_another_port_is_the_same_login() -> None:
    """The same login from another port within the window is not decided again."""
    retries = Retries(5)
    answer = _asked(retries)
    assert retries.find(1, ("192.0.2.1", 2), 4.9) is answer
    assert (answer.code, answer.attributes, answer.waiting) == (0, b"", [])


@pytest.mark.parametrize(
    ("key", "port", "now"),
    [
        pytest.param(2, 2, 1.0, id="another login"),
        pytest.param(1, 1, 1.0, id="the same port"),
        pytest.param(1, 2, 5.1, id="too late"),
        pytest.param(1, 2, 11.0, id="much too late"),
    ],
)
def test_what_is_no_retry_is_a_login_of_its_own(key: int, port: int, now: float) -> None:
    """Another login, the same port, or a later moment: decided anew."""
    retries = Retries(5)
    _asked(retries)
    assert retries.find(key, ("192.0.2.1", port), now) is None


def test_same_login_at_once_after_its_answer_is_no_retry() -> None:
    """A client that was answered waits before it asks again; one that is not may come any time."""
    retries = Retries(5)
    answer = _asked(retries)
    assert retries.find(1, None, 0.1) is answer
    answer.code = 2
    assert retries.find(1, None, 0.8) is None
    assert retries.find(1, None, 1.0) is answer


def test_retry_is_known_after_a_turn() -> None:
    """A login just before a generation ends is known for its whole window."""
    retries = Retries(5)
    retries.find(9, None, 0)
    answer = _asked(retries, 4.9)
    assert retries.find(1, None, 5.1) is answer
    assert retries.find(1, None, 9.8) is answer


def test_forgotten_login_is_not_found() -> None:
    """A login that was not decided is asked anew, whichever generation it is in."""
    retries = Retries(5)
    _asked(retries, 4.0)
    retries.find(2, None, 5.5)
    retries.forget(1)
    retries.forget(1)
    assert retries.find(1, None, 6) is None


def test_new_login_has_no_answer_yet() -> None:
    """Before the decision there is nothing to send, nothing kept, and nobody else waits."""
    answer, other = Answer(PLACE, 5.0), Answer(OTHER, 6.0)
    assert (answer.address, answer.arrived) == (PLACE, 5.0)
    assert (answer.code, answer.attributes, answer.kept) == (0, b"", None)
    answer.waiting.append("a request")
    assert other.waiting == []
