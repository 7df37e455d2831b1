"""How often an Active Directory domain is asked: what repeats a password, and who guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests.live import samba
from tests.live.domain_world import (
    APPEND,
    BY_NAME,
    CHALLENGE,
    CODE_FIRST,
    LOCKOUT,
    RETRYING,
    WRONG,
    enrolled,
    last,
    running,
)
from tests.live.samba import DOMAIN, DomainController
from tests.live.upstreams import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.asked import Asked
    from tests.live.world import World

_ACCEPT: Final = numbers.ACCESS_ACCEPT
_CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_REJECT: Final = numbers.ACCESS_REJECT


@pytest.fixture(scope="module")
def world(domain: DomainController, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a running server whose clients' passwords are the domain's."""
    yield from running(tmp_path_factory.mktemp("world"), domain, domain.address)


def test_same_wrong_password_is_not_sent_again(world: World, domain: DomainController) -> None:
    """Whatever repeats a wrong password, at any client and by any name, is one at the domain."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        assert nas.login(account.name, WRONG) == _REJECT
        for name in (account.name, account.upn, account.mail, f"{DOMAIN}\\{account.name}"):
            assert nas.login(name, WRONG) == _REJECT
            assert last(world) == ("reject", "known-wrong-password")
        assert other.login(account.name, WRONG + person.code()) == _REJECT
        assert last(world) == ("reject", "known-wrong-password")
        assert domain.wrong_passwords(account) == 1
        assert domain.logins(account) == ["WRONG_PASSWORD"]

        assert nas.login(account.name, account.password) == _CHALLENGE
    assert domain.logins(account) == ["WRONG_PASSWORD", "OK"]


def test_each_wrong_password_counts_once(world: World, domain: DomainController) -> None:
    """Another wrong password is sent; one that was sent before is not."""
    account = domain.add()
    enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        for word in ("guess 1", "guess 2", "guess 1", "guess 2"):
            assert nas.login(account.name, word) == _REJECT

    assert domain.wrong_passwords(account) == 2


def test_our_own_lock_comes_before_the_domains(
    world: World, domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """We stop asking before the domain locks: whoever guesses at us locks nobody out of it."""
    account = domain.add()
    person = enrolled(world, account)
    guesses = [f"guess {number}" for number in range(samba.THRESHOLD + 2)]
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        for number, guess in enumerate(guesses):
            if number % 2:
                assert other.login(account.mail, guess + person.wrong_code()) == _REJECT
            else:
                assert nas.login(account.upn, guess) == _REJECT
        assert last(world) == ("reject", "locked")
        assert nas.login(account.name, account.password) == _REJECT
        assert last(world) == ("reject", "locked")
        assert other.login(account.name, account.password + person.code()) == _REJECT

    assert domain.wrong_passwords(account) == LOCKOUT < samba.THRESHOLD
    assert domain.logins(account) == ["WRONG_PASSWORD"] * LOCKOUT
    assert ask().bind(account.name, account.password).reason is None


def test_guesses_at_the_same_time_do_not_lock_the_domain(
    world: World, domain: DomainController
) -> None:
    """Also when the guesses come all at once, no more are sent than our own lock allows."""
    account = domain.add()
    enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        requests = [nas.request(account.name, f"guess {number}") for number in range(20)]
        for request in requests:
            nas.send(request)
        replies = [nas.receive() for _ in requests]

    assert all(reply is not None and reply[0] == _REJECT for reply in replies)
    assert domain.wrong_passwords(account) <= LOCKOUT


def test_retransmitted_request_is_one_bind(world: World, domain: DomainController) -> None:
    """A request that comes again while the domain is asked, or later, is the same login."""
    account = domain.add()
    enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        request = nas.request(account.name, WRONG)
        for _ in range(3):
            nas.send(request)
        first = nas.receive()
        assert first is not None
        assert nas.check(request, first).code == _REJECT
        assert nas.ask(request).packet.octets == first

    assert domain.logins(account) == ["WRONG_PASSWORD"]


def test_retried_login_is_one_bind(world: World, domain: DomainController) -> None:
    """A client that asks again with a new authenticator asks for the same login."""
    account = domain.add()
    enrolled(world, account)
    with world.nas(RETRYING) as nas:
        requests = [nas.request(account.name, account.password, identifier=7) for _ in range(3)]
        for request in requests:
            nas.send(request)
        assert nas.receive() is not None
        nas.waiting()

    assert domain.logins(account) == ["OK"]


def test_our_own_lock_outlives_us(world: World, domain: DomainController) -> None:
    """Whoever was locked is locked after `kill -9` too: no further guess reaches the domain."""
    account = domain.add()
    enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        for number in range(LOCKOUT):
            assert nas.login(account.name, f"guess {number}") == _REJECT
        world.kill()
        world.start(source=CHALLENGE)
        assert nas.login(account.name, "another guess") == _REJECT
        assert last(world) == ("reject", "locked")

    assert domain.logins(account) == ["WRONG_PASSWORD"] * LOCKOUT


@pytest.mark.parametrize("source", [CODE_FIRST, APPEND])
def test_wrong_code_first_is_no_bind(world: World, domain: DomainController, source: str) -> None:
    """Where the code is looked at first, whoever has none sends the domain no guess."""
    account = domain.add()
    person = enrolled(world, account)
    word = "" if source == CODE_FIRST else account.password
    with world.nas(source) as nas:
        assert nas.login(account.upn, word + person.wrong_code()) == _REJECT

    assert last(world) == ("reject", "bad-passcode")
    assert domain.logins(account) == []


def test_code_first_then_the_password(world: World, domain: DomainController) -> None:
    """The code first, then the password that we ask for: one bind, and only then an Accept."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(CODE_FIRST) as nas:
        first = nas.ask(nas.request(account.upn, person.code()))
        assert first.code == _CHALLENGE
        assert last(world) == ("challenge", "password-wanted")
        assert domain.logins(account) == []
        assert nas.ask(answer(nas, account.upn, account.password, first.state)).code == _ACCEPT
        again = nas.ask(nas.request(account.upn, person.code()))
        assert nas.ask(answer(nas, account.upn, "a guess", again.state)).code == _REJECT

    assert last(world) == ("reject", "bad-password")
    assert domain.logins(account) == ["OK", "WRONG_PASSWORD"]


def test_bound_by_name_is_one_bind(world: World, domain: DomainController) -> None:
    """Without an account that searches, a login is one bind by the person's own name."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(BY_NAME) as nas:
        assert nas.login(account.name, "a guess") == _REJECT
        assert last(world) == ("reject", "bad-password")
        assert nas.login(account.name, "a guess") == _REJECT
        assert last(world) == ("reject", "known-wrong-password")
        assert nas.dialogue(account.name, account.password, person.code()) == _ACCEPT

    assert domain.logins(account) == ["WRONG_PASSWORD", "OK"]
