"""
What goes wrong while a telephone rings: ends, reloads, full disks, commands, crowds.

A telephone rings once for a login, one yes lets one login in, and nothing is accepted that is
not written down.
"""

from __future__ import annotations

import resource
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from signal import SIGHUP, SIGTERM
from typing import TYPE_CHECKING, Any, Final, final

import pytest
import trustme

from radiusmfa.wire import numbers
from tests.duo import IKEY, SKEY, Fault, Kind, Outcome, User
from tests.duo_server import Running
from tests.live.clients import FAST, need
from tests.live.test_faults import size_limit
from tests.live.upstreams import answer, ends, import_users
from tests.live.world import PASSWORD, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.live.nas import Nas, Reply

ACCEPT: Final = numbers.ACCESS_ACCEPT
REJECT: Final = numbers.ACCESS_REJECT
CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_PEOPLE: Final = 40
_SOURCES: Final = {
    "long": "127.0.13.1", "short": "127.0.13.2", "mute": "127.0.13.3", "codes": "127.0.13.4",
}  # fmt: skip
_PATIENCE: Final = 30.0


@final
class Site:
    """
    The server with a service that rings, and clients of different patience.

    Attributes:
        world: The server.
        duo: The service.
    """

    def __init__(self, folder: Path, duo: Running, ca_file: Path) -> None:
        """Write the configuration, and start."""
        self.world = World(folder)
        self.duo = duo
        self._ca_file = ca_file
        key = self.world.folder / "skey"
        key.write_text(SKEY)
        key.chmod(0o600)
        self.configure()
        self._names = [f"u{at:03d}" for at in range(_PEOPLE)]
        import_users(self.world, self._names, PASSWORD)
        self.world.populate(10)
        self.start()

    def configure(self, *, has_service: bool = True, **service: object) -> None:
        """Write the configuration, with other settings of the service, or without it."""
        duo = {"host": self.duo.host, "integration_key": IKEY, "secret_key": {"file": "skey"}}
        clients: list[dict[str, Any]] = [
            {"name": name, "networks": [source], "factors": ["duo"] if has_service else ["totp"]}
            for name, source in _SOURCES.items()
        ]
        clients[0] |= {"time_budget": 70}
        clients[1] |= {"time_budget": 3}
        clients[2] |= {"time_budget": 6, "mode": "auto", "shows_challenges": False}
        clients[3] |= {"mode": "step-up", "factors": ["totp"], "retry_window": 0}
        more: dict[str, Any] = {"factors": {"totp": {}}}
        if has_service:
            more["services"] = {"duo": {"duo": duo, "ca_file": str(self._ca_file)} | service}
            more["factors"]["duo"] = {"service": "duo"}
        self.world.configure(clients, passwords=FAST, **more)

    def start(self) -> None:
        """Start the server."""
        self.world.start(source=_SOURCES["codes"])

    def restart(self) -> None:
        """`kill -9`, and start."""
        self.world.kill()
        self.start()

    def reload(self) -> None:
        """Have the configuration read again."""
        seen = len(self.world.log())
        self.world.signal(SIGHUP)
        self.world.until_logged("the configuration was loaded", seen)

    def person(self, does: Outcome = Outcome.TIMEOUT, after: float = 60.0) -> User:
        """Return somebody whom no other test has used."""
        return self.duo.simulator.add(self._names.pop(), does=does, after=after)

    def nas(self, client: str) -> Nas:
        """Return a NAS at the address of a client."""
        return self.world.nas(_SOURCES[client])

    def rings(self, user: User) -> int:
        """Return how often somebody's telephone rang."""
        return sum(one.user == user.name for one in self.duo.simulator.rings)

    def rang(self, user: User) -> None:
        """Wait until somebody's telephone has rung."""
        until(lambda: self.rings(user) > 0)

    def is_watched(self, user: User) -> bool:
        """Return whether somebody's answer is waited for at the service."""
        held = set(self.duo.service._waiting)
        made = list(self.duo.simulator.transactions.values())
        return any(one.id in held for one in made if one.user is user)

    def watched(self, user: User) -> None:
        """Wait until somebody's answer is waited for."""
        until(lambda: self.is_watched(user))

    def enter(self, client: str, user: User) -> int:
        """Let somebody type their password; return the packet code."""
        with self.nas(client) as nas:
            return nas.ask(nas.request(user.name, PASSWORD), _PATIENCE).code


def until(has_happened: Callable[[], object]) -> None:
    """Wait until something has happened."""
    ends_at = time.monotonic() + _PATIENCE
    while not has_happened():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


@pytest.fixture(scope="module")
def site(ca: trustme.CA, ca_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the server; at its end nothing of it was broken."""
    need("oathtool")
    with Running(ca) as duo:
        made = Site(tmp_path_factory.mktemp("unlucky"), duo, ca_file)
        yield made
        assert made.world.stop() == 0
        faults = [line for line in made.world.faults() if "no login can be decided" not in line]
        assert faults == []
        made.world.run("audit", "verify")


@pytest.fixture(autouse=True)
def _as_usual(site: Site) -> None:
    duo = site.duo.simulator
    duo.faults.clear()
    duo.push_seconds, duo.forgets = 60.0, True


def enter(nas: Nas, user: User, state: bytes) -> Reply:
    """Press Enter until something else than a question comes."""
    reply = nas.ask(answer(nas, user.name, "", state), _PATIENCE)
    while reply.code == CHALLENGE:
        reply = nas.ask(answer(nas, user.name, "", reply.state), _PATIENCE)
    return reply


# -- kill -9 --


def test_kill_while_the_push_is_made_does_not_ring_twice(site: Site) -> None:
    """The phone rings, and nobody has said which push it is: whoever repeats the login waits."""
    site.duo.simulator.faults.append(Fault(kind=Kind.SLOW, path="/auth", seconds=3.0))
    user = site.person(Outcome.APPROVE, after=2.0)
    with site.nas("mute") as nas:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        site.rang(user)
        site.restart()
        assert nas.ask(request, _PATIENCE).code == REJECT
    assert site.rings(user) == 1
    assert ends(site.world, user.name)[-1] == ("reject", "call-open")


def test_kill_while_a_login_waits_goes_on_with_the_push(site: Site) -> None:
    """The client repeats itself, and the approval counts."""
    user = site.person(Outcome.APPROVE, after=5.0)
    with site.nas("long") as nas:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        site.watched(user)
        site.restart()
        assert nas.ask(request, _PATIENCE).code == ACCEPT
    assert site.rings(user) == 1


def test_kill_after_the_approval_lets_in_once(site: Site) -> None:
    """Approved before Enter, and killed: Enter lets in, and a second Enter does not."""
    site.duo.simulator.forgets = False
    user = site.person()
    with site.nas("short") as nas:
        first = nas.ask(nas.request(user.name, PASSWORD), _PATIENCE)
        again = nas.ask(nas.request(user.name, PASSWORD), _PATIENCE)
        assert (first.code, again.code) == (CHALLENGE, CHALLENGE)
        site.duo.decide(user.name, Outcome.APPROVE)
        until(lambda: not site.is_watched(user))
        time.sleep(1.2)  # written with the next turn, which comes every second
        site.restart()
        assert enter(nas, user, first.state).code == ACCEPT
        assert enter(nas, user, again.state).code == REJECT
    assert site.rings(user) == 1


def test_kill_after_the_accept_lets_nobody_in_again(site: Site) -> None:
    """One yes is one login, also where the service would say it again."""
    site.duo.simulator.forgets = False
    user = site.person()
    with site.nas("short") as nas:
        first = nas.ask(nas.request(user.name, PASSWORD), _PATIENCE)
        again = nas.ask(nas.request(user.name, PASSWORD), _PATIENCE)
        site.duo.decide(user.name, Outcome.APPROVE)
        assert enter(nas, user, first.state).code == ACCEPT
        site.restart()
        assert enter(nas, user, again.state).code == REJECT
    assert site.rings(user) == 1


# -- reload --


@pytest.mark.parametrize("is_waiting", [True, False])
def test_reload_while_the_phone_rings(site: Site, is_waiting: bool) -> None:  # noqa: FBT001
    """Another setting of the service: two who share a push do not both get in."""
    user = site.person()
    with site.nas("short") as nas, site.nas("short") as other:
        first = nas.ask(nas.request(user.name, PASSWORD), _PATIENCE)
        again = other.ask(other.request(user.name, PASSWORD), _PATIENCE)
        request = answer(nas, user.name, "", first.state)
        if is_waiting:
            nas.send(request)
            assert nas.status()
        site.configure(timeout=9)
        site.reload()
        second = answer(other, user.name, "", again.state)
        other.send(second)
        if not is_waiting:
            nas.send(request)
        assert other.status()
        site.duo.decide(user.name, Outcome.APPROVE)
        codes = [nas.insist(request).code, other.insist(second).code]
    assert sorted(codes) == [ACCEPT, REJECT]
    assert site.rings(user) == 1


def test_service_that_a_reload_takes_away_still_ends_its_logins(site: Site) -> None:
    """Whoever waits is answered; whoever comes back for a push afterwards is refused."""
    user, other = site.person(), site.person()
    with site.nas("long") as nas, site.nas("short") as asking:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        site.watched(user)
        first = asking.ask(asking.request(other.name, PASSWORD), _PATIENCE)
        assert first.code == CHALLENGE
        site.configure(has_service=False)
        site.reload()
        site.duo.decide(other.name, Outcome.APPROVE)
        assert asking.ask(answer(asking, other.name, "", first.state), _PATIENCE).code == REJECT
        site.duo.decide(user.name, Outcome.APPROVE)
        nas.insist(request)
        assert len(ends(site.world, user.name)) == 1
    site.configure()
    site.reload()
    assert site.rings(user) == site.rings(other) == 1


def test_authority_that_is_replaced_counts_for_the_next_login(
    site: Site, ca_file: Path, tmp_path: Path
) -> None:
    """Who waits goes on; who comes then is not sent to a server that nobody trusts."""
    user, other = site.person(), site.person(Outcome.APPROVE, after=0.0)
    with site.nas("long") as nas:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        site.watched(user)
        another = tmp_path / "ca.pem"
        trustme.CA().cert_pem.write_to_path(str(another))
        site.configure(ca_file=str(another))
        site.reload()
        assert site.enter("mute", other) == REJECT
        assert site.rings(other) == 0
        site.duo.decide(user.name, Outcome.APPROVE)
        assert nas.insist(request).code == ACCEPT
        site.configure(ca_file=str(ca_file))
        site.reload()
    assert site.enter("mute", other) == ACCEPT
    assert site.rings(user) == 1


# -- SIGTERM --


def test_end_while_a_login_waits_goes_on_after_the_start(site: Site) -> None:
    """It ends though nobody answers; the same packet goes on with the push afterwards."""
    user = site.person()
    with site.nas("long") as nas:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        site.watched(user)
        site.world.signal(SIGTERM)
        assert site.world.wait(_PATIENCE) == 0
        assert nas.waiting() == []
        site.start()
        nas.send(request)
        site.watched(user)
        site.duo.decide(user.name, Outcome.APPROVE)
        assert nas.insist(request).code == ACCEPT
    assert site.rings(user) == 1


# -- a store that cannot be written --


def test_nothing_is_accepted_that_is_not_written(site: Site) -> None:
    """The store cannot grow while a phone rings: silence, no second ring, and then the login."""
    user, other = site.person(), site.person(Outcome.APPROVE, after=0.0)
    with site.nas("long") as nas, site.nas("mute") as asking:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        site.watched(user)
        with cramped(site.world):
            filled(site)
            asking.send(asking.request(other.name, PASSWORD))
            until(lambda: any(one[2].get("username") == other.name for one in asked(site)))
            site.duo.decide(user.name, Outcome.APPROVE)
            until(lambda: not site.is_watched(user))
            nas.send(request)
            assert not nas.status(1.0)
            assert site.rings(other) == 0
        assert nas.insist(request).code == ACCEPT
    assert site.rings(user) == 1
    assert ends(site.world, user.name) == [("accept", "passed")]


def test_store_that_is_locked_delays_and_rings_once(site: Site) -> None:
    """Another process writes for a second: while it does nothing rings, then everything goes on."""
    user, other = site.person(), site.person(Outcome.APPROVE, after=0.0)
    path = site.world.folder / "radiusmfa.db"
    with site.nas("long") as nas, site.nas("mute") as asking:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        site.watched(user)
        with closing(sqlite3.connect(path, isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")
            again = asking.request(other.name, PASSWORD)
            asking.send(again)
            site.duo.decide(user.name, Outcome.APPROVE)
            until(lambda: not site.is_watched(user))
            assert nas.receive(0.5) is None
            assert site.rings(other) == 0
            store.execute("ROLLBACK")
        assert nas.insist(request).code == ACCEPT
        assert asking.insist(again).code == ACCEPT
    assert site.rings(user) == site.rings(other) == 1


# -- commands --


def test_commands_meanwhile_lose_no_push(site: Site) -> None:
    """Others write while phones ring: who is disabled stays out, all other pushes go on."""
    waiting = [site.person() for _ in range(6)]
    with ExitStack() as stack:
        requests = []
        for user in waiting:
            nas = stack.enter_context(site.nas("long"))
            requests.append((nas, nas.request(user.name, PASSWORD)))
            nas.send(requests[-1][1])
        for user in waiting:
            site.watched(user)
        disabled, unlocked = waiting[:2]
        tokens = [site.world.person() for _ in range(3)]
        jobs = [
            ("user", "disable", disabled.name),
            ("user", "unlock", unlocked.name),
            *(("token", "revoke", one.serial, "--yes") for one in tokens),
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda words: site.world.run(*words), jobs))
        assert site.enter("mute", unlocked) == REJECT
        assert ends(site.world, unlocked.name)[-1] == ("reject", "call-open")
        for user in waiting:
            site.duo.decide(user.name, Outcome.APPROVE)
        codes = [nas.insist(request).code for nas, request in requests]
    assert codes == [REJECT, ACCEPT, ACCEPT, ACCEPT, ACCEPT, ACCEPT]
    assert [site.rings(user) for user in waiting] == [1] * 6


def asked(site: Site) -> list[tuple[str, str, dict[str, str]]]:
    """Return the last requests that the service got."""
    return list(site.duo.simulator.asked)


@contextmanager
def cramped(world: World) -> Iterator[None]:
    """Let no file of the server grow, and whatever happens, let them afterwards."""
    with ExitStack() as stack:
        stack.enter_context(size_limit(world))
        _, hard = resource.prlimit(world.pid, resource.RLIMIT_FSIZE)
        stack.callback(resource.prlimit, world.pid, resource.RLIMIT_FSIZE, (hard, hard))
        yield


def filled(site: Site) -> None:
    """Have rejects written until there is no room for one more."""
    with site.nas("codes") as nas:
        for number in range(2000):
            nas.send(nas.request(f"nobody{number}", "123456"))
            if nas.receive(0.5) is None:
                return
    message = "the disk is not full"
    raise AssertionError(message)
