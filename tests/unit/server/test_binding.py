"""Tests of `radiusmfa.server.binding`: what a bind proves, and what is not sent."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.login.account import Kind
from radiusmfa.login.errands import Bind, Told
from radiusmfa.login.person import Person
from radiusmfa.outcome import PASSED, Failed, Reason, Unavailable
from radiusmfa.request import Credentials
from radiusmfa.server import identity
from radiusmfa.server.attempt import Attempt
from radiusmfa.server.binding import GONE, Binding
from radiusmfa.server.guard import Guard, place_of
from radiusmfa.wire import codec
from tests.flows.people import directory
from tests.flows.world import ASKING, LOCKOUT, World, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.config.directory_model import Directory
    from radiusmfa.outcome import Outcome

ALICE = Person(directory="corp", name="alice", dn="CN=alice")


class Desk:
    """One login at a time, whose password `corp` checks."""

    def __init__(self, world: World, corp: Directory) -> None:
        """Know alice."""
        self.world = world
        world.directories = (corp,)
        world.clients = (client(ASKING, Mode.CHALLENGE, primary="corp"),)
        world.reload()
        self.corp = corp
        self.guard = Guard(world.logins, LOCKOUT, b"pepper", (corp,))
        self.binding = Binding(self.guard, partial(identity.find, world.logins))
        world.logins.begin()
        self.attempt = self.begin(b"alice")

    def begin(self, name: bytes, proof: bytes = b"", person: Person | None = ALICE) -> Attempt:
        """Return a login of *name*."""
        site = self.world.pipeline.parts.sites["challenge"]
        octets = codec.request(1, 0, bytes(16), b"", codec.SigningKey(site.client.secret))
        asked = Credentials(name, b"typed", None, proof)
        made = Attempt(
            site.client, site.plan, site.client.mode, codec.decode(octets), asked, None, 9.0
        )
        made.person, made.looked_up = person, name.decode()
        found = identity.find(self.world.logins, made)
        made.user = None if isinstance(found, Reason) else found
        self.attempt = made
        return made

    def ask(self, typed: bytes = b"typed", monotonic: float = 0.0) -> Failed | None:
        """Have *typed* asked about."""
        return self.binding.ask(self.attempt, self.corp, typed, self.world.now, monotonic)

    def outcome(self, reason: Reason | None, person: Person | None = None) -> Outcome:
        """Return what the directory's answer makes of the login."""
        told = Told(directory="corp", reason=reason, person=person)
        return self.binding.outcome(self.attempt, self.corp, told, self.world.now, 0.0)

    @property
    def asked(self) -> Bind:
        """What the directory is asked."""
        assert isinstance(self.attempt.asked, Bind)
        return self.attempt.asked

    @property
    def wrong(self) -> int:
        """How often it was wrong."""
        assert self.attempt.user is not None
        known = self.attempt.user.failures.get((Kind.PASSWORD, place_of(self.corp)))
        return 0 if known is None else known.wrong


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store with alice."""
    with World(tmp_path) as made:
        made.person(password=None)
        yield made


@pytest.fixture
def desk(world: World) -> Desk:
    """A directory that can be searched, and gives two tries."""
    return Desk(world, directory())


def test_password_is_asked_about_once(desk: Desk) -> None:
    """The bind names the person that was found, and ends with the login's time."""
    assert desk.ask() is None
    assert (desk.asked.person, desk.asked.password, desk.asked.deadline) == (ALICE, b"typed", 9.0)


def test_proof_that_is_no_password_is_refused(desk: Desk) -> None:
    """CHAP cannot be bound with."""
    desk.begin(b"alice", proof=b"chap")
    assert desk.ask() == Failed(Reason.UNSUPPORTED_METHOD)


def test_empty_password_is_refused(desk: Desk) -> None:
    """It would bind as nobody, and succeed."""
    assert desk.ask(b"") == Failed(Reason.BAD_PASSWORD)
    assert desk.attempt.asked is None


@pytest.mark.parametrize("reason", sorted(GONE))
def test_promise_3_directory_that_is_gone_is_unavailable(desk: Desk, reason: Reason) -> None:
    """It is no wrong password, and counts for nothing."""
    desk.ask()
    assert desk.outcome(reason) == Unavailable(reason)
    assert desk.wrong == 0


def test_wrong_password_counts_and_is_known(desk: Desk) -> None:
    """The same is not sent again for a while; another one is."""
    desk.ask()
    assert desk.outcome(Reason.BAD_PASSWORD) == Failed(Reason.BAD_PASSWORD)
    assert desk.wrong == 1
    assert desk.ask(monotonic=299.0) is None
    assert desk.asked.person is None  # as much work as for somebody who is not there
    assert desk.outcome(Reason.UNKNOWN_USER) == Failed(Reason.KNOWN_WRONG_PASSWORD)
    assert desk.wrong == 1
    assert desk.ask(b"another", monotonic=299.0) is None
    assert desk.asked.person == ALICE


def test_wrong_password_is_forgotten_after_its_time(desk: Desk) -> None:
    """By then it may be right."""
    desk.ask()
    desk.outcome(Reason.BAD_PASSWORD)
    assert desk.ask(monotonic=300.0) is None
    assert desk.asked.person == ALICE


@pytest.mark.parametrize(
    "reason", [Reason.ACCOUNT_LOCKED, Reason.ACCOUNT_DISABLED, Reason.PASSWORD_MUST_CHANGE]
)
def test_what_is_wrong_with_the_account_is_no_wrong_password(desk: Desk, reason: Reason) -> None:
    """It refuses, and counts for nothing."""
    desk.ask()
    assert desk.outcome(reason) == Failed(reason)
    assert desk.wrong == 0


def test_right_password_forgets_wrong_ones(desk: Desk) -> None:
    """The count begins anew."""
    desk.ask()
    desk.outcome(Reason.BAD_PASSWORD)
    desk.ask(b"right")
    assert desk.outcome(None) == PASSED
    assert desk.wrong == 0


def test_locked_person_costs_a_bind_of_nobody(desk: Desk) -> None:
    """After two wrong ones nothing of the person is sent, and the right one does not help."""
    for typed in (b"one", b"two"):
        desk.ask(typed)
        desk.outcome(Reason.BAD_PASSWORD)
    assert desk.ask(b"right") is None
    assert desk.asked.person is None
    assert desk.outcome(None) == Failed(Reason.LOCKED)


def test_promise_2_yes_about_nobody_is_no(desk: Desk) -> None:
    """Whoever was not asked about has proved nothing, whatever the directory says."""
    desk.begin(b"zoe", person=None)
    assert desk.ask() is None
    assert desk.asked.person is None
    assert desk.outcome(None, ALICE) == Failed(Reason.UNKNOWN_USER)


def test_promise_2_right_password_counts_for_nothing_once_disabled(desk: Desk) -> None:
    """Whoever was disabled while the directory was asked does not get in."""
    desk.ask()
    assert desk.attempt.user is not None
    desk.attempt.user.is_disabled = True
    assert desk.outcome(None) == Failed(Reason.USER_DISABLED)


def test_guesses_under_way_count(desk: Desk) -> None:
    """Nobody learns more at once than in a row; what ends gives its place back."""
    for typed in (b"one", b"two"):
        desk.begin(b"alice")
        assert desk.ask(typed) is None
    last = desk.attempt
    desk.begin(b"alice")
    assert desk.ask(b"three") is None
    assert desk.asked.person is None
    assert desk.outcome(None) == Failed(Reason.LOCKED)
    desk.binding.forget(last)
    assert desk.ask(b"three") is None
    assert desk.asked.person == ALICE


def test_entry_of_another_directory_is_bound_nowhere(desk: Desk) -> None:
    """Whom another directory has found is nobody here."""
    desk.begin(b"alice", person=replace(ALICE, directory="guests"))
    assert desk.ask() == Failed(Reason.AMBIGUOUS_USER)
    assert desk.attempt.asked is None


def test_wrong_tail_counts_with_the_wrong_password(desk: Desk) -> None:
    """In `auto` digits that were no passcode are a wrong passcode, if the password is wrong."""
    desk.ask()
    desk.attempt.guess = b"123456"
    desk.outcome(Reason.BAD_PASSWORD)
    assert desk.attempt.user is not None
    assert desk.attempt.user.failures[Kind.OATH, "challenge"].wrong == 1


def test_bind_by_name_tells_who_it_was(world: World) -> None:
    """Where nobody can be searched for, the person is known after the bind only."""
    desk = Desk(world, directory(bind_dn="", bind_as="{user}"))
    desk.begin(b"alice@example.com", person=None)
    assert desk.ask() is None
    assert desk.outcome(None, ALICE) == PASSED
    assert desk.attempt.user is not None
    assert desk.attempt.user.name == "alice"
    assert desk.attempt.person == ALICE


def test_bind_by_name_without_a_person_proves_nothing(world: World) -> None:
    """A yes that does not say who it was lets nobody in, nor one about somebody else."""
    desk = Desk(world, directory(bind_dn="", bind_as="{user}"))
    desk.begin(b"alice", person=None)
    desk.ask()
    assert desk.outcome(None, None) == Failed(Reason.UNKNOWN_USER)

    desk.begin(b"alice", person=None)
    desk.ask()
    other = Person(directory="corp", name="mallory", dn="CN=mallory")
    assert desk.outcome(None, other) == Failed(Reason.AMBIGUOUS_USER)


def test_disabled_person_is_not_bound_by_name(world: World) -> None:
    """Where only a real bind could be sent, none is."""
    desk = Desk(world, directory(bind_dn="", bind_as="{user}"))
    desk.begin(b"alice", person=None)
    assert desk.attempt.user is not None
    desk.attempt.user.is_disabled = True
    assert desk.ask() == Failed(Reason.USER_DISABLED)
