"""Threads compute one after the other, wait together, and never wait for one that waits."""

from __future__ import annotations

import threading

import pytest

from radiusmfa.primary.turns import Turns

PATIENCE = 30.0


class Other:
    """A thread that wants a turn, and says when it has it."""

    def __init__(self, turns: Turns) -> None:
        """Want one."""
        self.has_it = threading.Event()
        self.may_end = threading.Event()
        self._turns = turns
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Let it end."""
        self.may_end.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with self._turns.taken():
            self.has_it.set()
            self.may_end.wait(PATIENCE)


def test_others_wait_while_one_computes() -> None:
    """Only one of them has its turn; the next comes when it ends."""
    turns = Turns()
    with turns.taken():
        other = Other(turns)
        assert not other.has_it.wait(0.05)

    assert other.has_it.wait(PATIENCE)
    other.end()


def test_whoever_waits_for_the_network_holds_nobody() -> None:
    """A silent server keeps no other thread from computing."""
    turns = Turns()
    with turns.taken():
        with turns.away():
            other = Other(turns)
            assert other.has_it.wait(PATIENCE)
            other.may_end.set()
        other.end()


def test_turn_ends_with_the_question() -> None:
    """What was sent has no answer yet: the next one may compute meanwhile."""
    turns = Turns()
    with turns.taken():
        turns.end()
        other = Other(turns)
        assert other.has_it.wait(PATIENCE)
        other.end()
        turns.end()  # once more is none


def test_it_is_ones_turn_again_after_the_answer() -> None:
    """With the answer the turn is taken again, and ends with the work."""
    turns = Turns()
    with turns.taken():
        turns.end()
        with turns.away():
            pass
        other = Other(turns)
        assert not other.has_it.wait(0.05)

    assert other.has_it.wait(PATIENCE)
    other.end()


def test_whoever_fails_leaves_no_turn_behind() -> None:
    """A lost connection, or anything else that ends the work, lets the next one go on."""
    turns = Turns()
    with pytest.raises(TimeoutError), turns.taken(), turns.away():
        raise TimeoutError
    with pytest.raises(LookupError), turns.taken():
        raise LookupError

    with turns.taken():
        pass


def test_whoever_takes_no_turn_waits_for_none() -> None:
    """A connection that is used outside of any turn, as to close it, never waits."""
    turns = Turns()
    other = Other(turns)
    assert other.has_it.wait(PATIENCE)

    turns.end()
    with turns.away():
        pass

    other.end()
