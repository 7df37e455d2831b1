"""An Active Directory domain that says nothing, dies in mid-load, and comes back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

import pytest

from radiusmfa.wire import numbers
from tests.live.domain_world import (
    APPEND,
    BUDGET,
    CHALLENGE,
    RECOVERY,
    enrolled,
    last,
    logins,
    running,
    until,
)
from tests.live.nas import PATIENCE
from tests.live.upstreams import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.namespace import Namespace
    from tests.live.samba import Account, DomainController
    from tests.live.world import World

_ACCEPT: Final = numbers.ACCESS_ACCEPT
_CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_REJECT: Final = numbers.ACCESS_REJECT
# The domain could not be asked: nothing is said of the person.
_GONE: Final = {"directory-unreachable", "directory-silent", "directory-busy"}


@pytest.fixture(scope="module")
def world(domain: DomainController, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a running server whose clients' passwords are the domain's."""
    yield from running(tmp_path_factory.mktemp("world"), domain, domain.address)


@pytest.fixture
def pair(domain: DomainController, network: Namespace, tmp_path: Path) -> Iterator[World]:
    """Return a running server that knows a second one, which says nothing, behind the first."""
    yield from running(tmp_path, domain, domain.address, network.silent)


@pytest.fixture
def reverse(domain: DomainController, network: Namespace, tmp_path: Path) -> Iterator[World]:
    """Return a running server that asks the silent one first."""
    yield from running(tmp_path, domain, network.silent, domain.address)


def test_frozen_domain_is_a_refusal_in_time(world: World, domain: DomainController) -> None:
    """While the domain says nothing, its people are refused in time; others are served."""
    account = domain.add()
    person = enrolled(world, account)
    with world.nas(CHALLENGE) as nas, world.nas(APPEND) as other:
        domain.freeze()
        try:
            started = time.monotonic()
            nas.send(nas.request(account.name, account.password))
            assert other.status()
            assert time.monotonic() - started < 1
            reply = nas.receive(BUDGET)
            assert reply is not None
            assert reply[0] == _REJECT
            assert last(world).reason in _GONE
        finally:
            domain.thaw()
        until(nas, account.name, account.password, _CHALLENGE)
        assert nas.dialogue(account.name, account.password, person.code()) == _ACCEPT


def test_silent_server_before_the_domains_costs_nobody_their_login(
    reverse: World, domain: DomainController
) -> None:
    """The second server answers for the first within the time that the client gives."""
    account = domain.add()
    person = enrolled(reverse, account)
    with reverse.nas(CHALLENGE) as nas:
        first = nas.ask(nas.request(account.name, account.password), BUDGET)
        assert first.code == _CHALLENGE
        assert nas.ask(answer(nas, account.name, person.code(), first.state)).code == _ACCEPT

    assert domain.logins(account) == ["OK"]


def test_domain_killed_in_mid_load(pair: World, domain: DomainController) -> None:
    """Whoever logs in while the domain dies is refused in time; nobody's count grows by it."""
    accounts = [domain.add() for _ in range(6)]
    people = [enrolled(pair, account) for account in accounts]
    with _Load(pair, accounts) as load:
        load.until(_CHALLENGE, 2 * len(accounts))
        domain.kill()
        try:
            load.until(_REJECT, 2 * len(accounts))
        finally:
            domain.start()

    assert set(load.codes) <= {_CHALLENGE, _REJECT, None}
    assert max(load.seconds) < BUDGET + 1
    refused = {line["reason"] for line in logins(pair) if line["decision"] == "reject"}
    assert refused
    assert refused <= _GONE
    assert all(domain.wrong_passwords(account) == 0 for account in accounts)
    with pair.nas(CHALLENGE) as nas:
        until(nas, accounts[0].name, accounts[0].password, _CHALLENGE)
        for account, person in zip(accounts, people, strict=True):
            assert nas.dialogue(account.name, account.password, person.code()) == _ACCEPT


class _Load:
    """One client for each account, each logging in again and again with the right password."""

    def __init__(self, world: World, accounts: list[Account]) -> None:
        self.codes: list[int | None] = []
        self.seconds: list[float] = []
        self._world = world
        self._told = threading.Condition()
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(one,)) for one in accounts]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def until(self, code: int, count: int) -> None:
        """Wait for *count* more replies that are *code*."""
        with self._told:
            goal = self.codes.count(code) + count
            come = self._told.wait_for(lambda: self.codes.count(code) >= goal, RECOVERY)
            assert come, f"only {self.codes} came"

    def _run(self, account: Account) -> None:
        with self._world.nas(CHALLENGE) as nas:
            while not self._ends.is_set():
                started = time.monotonic()
                request = nas.request(account.name, account.password)
                nas.send(request)
                octets = nas.receive(BUDGET + 2)
                with self._told:
                    self.seconds.append(time.monotonic() - started)
                    self.codes.append(None if octets is None else nas.check(request, octets).code)
                    self._told.notify_all()
