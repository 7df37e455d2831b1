"""Whole logins: the password is checked by an Active Directory domain, the code by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests.live.barred import BARRED
from tests.live.domain_world import (
    APPEND,
    CHALLENGE,
    WRONG,
    enrolled,
    last,
    logins,
    running,
)
from tests.live.samba import DOMAIN, PASSWORD, REALM, Account, DomainController
from tests.live.upstreams import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.outcome import Reason
    from tests.live.world import World

_ACCEPT: Final = numbers.ACCESS_ACCEPT
_CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_REJECT: Final = numbers.ACCESS_REJECT


@pytest.fixture(scope="module")
def world(domain: DomainController, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a running server whose clients' passwords are the domain's."""
    yield from running(tmp_path_factory.mktemp("world"), domain, domain.address)


# -- what is refused --


@pytest.mark.parametrize(("prepare", "reason"), BARRED)
def test_somebody_barred_is_refused(
    world: World,
    domain: DomainController,
    prepare: Callable[[DomainController], Account],
    reason: Reason,
) -> None:
    """Whom the domain bars gets in nowhere, with everything right; the audit says why."""
    account = prepare(domain)
    person = enrolled(world, account)
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        assert nas.login(account.name, account.password) == _REJECT
        assert last(world) == ("reject", reason)
        assert other.login(account.name, account.password + person.code()) == _REJECT
        assert last(world) == ("reject", reason)


def test_wrong_password_is_refused(world: World, domain: DomainController) -> None:
    """A wrong password is one bind and one count at the domain, and no prompt for a code."""
    account = domain.add()
    enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        assert nas.login(account.upn, WRONG) == _REJECT

    assert last(world) == ("reject", "bad-password")
    assert domain.wrong_passwords(account) == 1
    assert domain.logins(account) == ["WRONG_PASSWORD"]


def test_append_wrong_password_is_refused(world: World, domain: DomainController) -> None:
    """A right code does not make up for a wrong password, and one bind was made."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(APPEND) as nas:
        assert nas.login(account.name, WRONG + person.code()) == _REJECT

    assert last(world) == ("reject", "bad-password")
    assert domain.logins(account) == ["WRONG_PASSWORD"]


@pytest.mark.parametrize("source", [CHALLENGE, APPEND])
def test_empty_password_is_refused(world: World, domain: DomainController, source: str) -> None:
    """An empty password, with or without a code behind it, never reaches the domain."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(source) as nas:
        assert nas.login(account.name, "") == _REJECT
        assert nas.login(account.name, person.code()) == _REJECT

    assert "OK" not in domain.logins(account)
    assert domain.wrong_passwords(account) <= 1


def test_right_password_and_wrong_code_is_refused(world: World, domain: DomainController) -> None:
    """Behind the domain's password a wrong code is wrong, and a used one is used up."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        assert nas.dialogue(account.name, account.password, person.wrong_code()) == _REJECT
        assert last(world) == ("reject", "bad-passcode")
        code = person.code()
        assert nas.dialogue(account.name, account.password, code) == _ACCEPT
        assert nas.dialogue(account.name, account.password, code) == _REJECT
        assert last(world) == ("reject", "replayed-passcode")


def test_nobody_is_refused(world: World, domain: DomainController) -> None:
    """Whom neither the domain nor we know gets nowhere."""
    with world.nas(CHALLENGE) as nas:
        for name in ("nobody", f"nobody@{REALM}", "*", "*)(objectClass=*"):
            assert nas.login(name, PASSWORD) == _REJECT
            assert last(world) == ("reject", "unknown-user")
    assert domain.logins(domain.searcher).count("WRONG_PASSWORD") == 0


def test_somebody_of_ours_alone_is_refused(world: World) -> None:
    """At a client of the domain our own users and their passwords do not count."""
    world.populate(1)
    person = world.person()
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        assert nas.login(person.name, person.password) == _REJECT
        assert last(world) == ("reject", "unknown-user")
        assert other.login(person.name, person.password + person.code()) == _REJECT
        assert last(world) == ("reject", "unknown-user")


def test_password_of_ours_does_not_count(world: World, domain: DomainController) -> None:
    """Somebody of the domain who has another password here needs that of the domain."""
    account = domain.add()
    enrolled(world, account)
    file = world.folder / "other-password"
    file.write_text("a horse of our own\n")
    world.run("user", "password", account.name, "--password-file", str(file))
    with world.nas(CHALLENGE) as nas:
        assert nas.login(account.name, "a horse of our own") == _REJECT
        assert last(world) == ("reject", "bad-password")
        assert nas.login(account.name, account.password) == _CHALLENGE


def test_somebody_without_a_token_is_refused(world: World, domain: DomainController) -> None:
    """The domain's password alone lets nobody in."""
    account = domain.add()
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        assert nas.login(account.name, account.password) == _REJECT
        assert last(world) == ("reject", "not-enrolled")
        assert other.login(account.name, account.password) == _REJECT


def test_somebody_disabled_here_is_refused(world: World, domain: DomainController) -> None:
    """Whom we have disabled gets nowhere, whatever the domain says."""
    account = domain.add()
    person = enrolled(world, account)
    world.run("user", "disable", account.name)
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        assert nas.login(account.mail, account.password) == _REJECT
        assert last(world) == ("reject", "user-disabled")
        assert other.login(account.name, account.password + person.code()) == _REJECT

    assert domain.logins(account) == []


def test_name_of_two_people_is_refused(world: World, domain: DomainController) -> None:
    """Where the name could be that of either of two people, neither gets in."""
    account = domain.add()
    enrolled(world, account)
    domain.add({"mail": account.upn})
    with world.nas(CHALLENGE) as nas:
        assert nas.login(account.upn, account.password) == _REJECT

    assert last(world) == ("reject", "ambiguous-user")
    assert domain.logins(account) == []


# -- what is accepted --


def test_right_password_and_code_is_accepted(world: World, domain: DomainController) -> None:
    """The domain is asked once, in the first round; the code decides in the second."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        first = nas.ask(nas.request(account.name, account.password))
        assert first.code == _CHALLENGE
        assert last(world) == ("challenge", "passcode-wanted")
        assert nas.ask(answer(nas, account.name, person.code(), first.state)).code == _ACCEPT

    assert last(world) == ("accept", "passed")
    assert domain.logins(account) == ["OK"]


def test_append_right_password_and_code_is_accepted(world: World, domain: DomainController) -> None:
    """Password and code in one field: one bind, with the password alone."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(APPEND) as nas:
        assert nas.login(account.name, account.password + person.code()) == _ACCEPT

    assert last(world) == ("accept", "passed")
    assert domain.logins(account) == ["OK"]


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("{0.upn}", id="upn"),
        pytest.param("{0.mail}", id="mail"),
        pytest.param(f"{DOMAIN}\\{{0.name}}", id="domain"),
    ],
)
def test_token_is_found_by_each_of_the_persons_names(
    world: World, domain: DomainController, form: str
) -> None:
    """The token's name is the account's; whoever types another name of theirs has it too."""
    account = domain.add()
    person = enrolled(world, account)
    typed = form.format(account)
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        assert nas.dialogue(typed, account.password, person.code()) == _ACCEPT
        assert other.login(typed.upper(), account.password + person.code(1)) == _ACCEPT

    accepted = [line["token"] for line in logins(world)[-3:] if line["decision"] == "accept"]
    assert accepted == [person.serial] * 2


def test_code_is_used_up_under_every_name(world: World, domain: DomainController) -> None:
    """A code that let somebody in by one name lets nobody in by another."""
    account = domain.add()
    person = enrolled(world, account)
    code = person.code()
    with world.nas(CHALLENGE) as nas:
        assert nas.dialogue(account.name, account.password, code) == _ACCEPT
        assert nas.dialogue(account.upn, account.password, code) == _REJECT

    assert last(world) == ("reject", "replayed-passcode")


def test_name_that_is_not_ascii_is_accepted(world: World, domain: DomainController) -> None:
    """Umlauts in names are letters like any other."""
    names = {"sAMAccountName": "käthe", "userPrincipalName": f"käthe.öztürk@{REALM}"}
    account = domain.add(names, called="Öztürk, Käthe (Süd)")
    person = enrolled(world, account)
    with world.nas(CHALLENGE) as nas:
        assert nas.dialogue("KÄTHE", account.password, person.code()) == _ACCEPT
        assert nas.dialogue(account.upn, account.password, person.code()) == _ACCEPT
