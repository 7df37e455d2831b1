"""Tests of `radiusmfa.stores.strangers`."""

from __future__ import annotations

from radiusmfa.stores.strangers import _MOST, _MOST_RECENT, Strangers, number


def test_stranger_has_the_same_number_everywhere() -> None:
    """An open challenge is bound to it, also after a restart; another store numbers otherwise."""
    zoe = Strangers(b"pepper").find("zoe")

    assert zoe.id < 0
    assert Strangers(b"pepper").find("zoe").id == zoe.id
    assert Strangers(b"salt").find("zoe").id != zoe.id
    assert (zoe.name, zoe.password, zoe.is_exempt, zoe.is_disabled) == ("zoe", None, False, False)


def test_who_was_not_seen_for_longest_is_forgotten_first() -> None:
    """There is room for so many with failures."""
    strangers = Strangers(b"pepper")
    first, second = strangers.find("s0"), strangers.find("s1")
    for at in range(_MOST):
        strangers.keep(strangers.find(f"s{at}"))
    assert strangers.find("s0") is first  # seen again: now the second waits longest

    strangers.keep(strangers.find("one more"))

    assert strangers.find("s0") is first
    assert strangers.find("s1") is not second


def test_names_alone_push_nobody_out() -> None:
    """A lock is not forgotten for names that cost nothing, nor do they fill the memory."""
    strangers = Strangers(b"pepper")
    zoe = strangers.find("zoe")
    strangers.keep(zoe)
    for at in range(2 * _MOST_RECENT):
        strangers.find(f"s{at}")
        assert len(strangers._recent) <= _MOST_RECENT

    assert strangers.find("zoe") is zoe


def test_stranger_is_one_object_while_a_login_lasts() -> None:
    """A login reads its stranger twice."""
    strangers = Strangers(b"pepper")
    assert strangers.find("zoe") is strangers.find("zoe")


def test_whose_failures_the_store_keeps_is_read_anew() -> None:
    """What somebody else may have ended there is forgotten; what is only here is not."""
    strangers = Strangers(b"pepper")
    kept, seen, ours = strangers.find("kept"), strangers.find("seen"), strangers.find("ours")
    kept.is_kept = seen.is_kept = True
    strangers.keep(kept)
    strangers.keep(ours)

    strangers.forget_kept()

    assert strangers.find("kept") is not kept
    assert strangers.find("seen") is not seen
    assert strangers.find("ours") is ours


def test_number_is_that_of_the_person() -> None:
    """Commands find by it what the server has counted."""
    assert number(b"pepper", "zoe") == Strangers(b"pepper").find("zoe").id
