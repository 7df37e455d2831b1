"""An upstream that checks the password, or the second factor, or each of the two another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.token_server import TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE, PASSWORD
from tests.live.upstreams import answer, ends, entry, told, unique
from tests.live.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.nas import Nas, Reply

_PRIMARY: Final = "127.0.5.1"
_PRIMARY_APPEND: Final = "127.0.5.2"
_PRIMARY_ASKS: Final = "127.0.5.3"
_APPEND: Final = "127.0.5.4"
_TAIL: Final = "127.0.5.5"
_TWO: Final = "127.0.5.6"
_PLAYED: Final = ("securid", "nps", "generic")
_ACCEPT: Final = numbers.ACCESS_ACCEPT
_CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_REJECT: Final = numbers.ACCESS_REJECT
_FILTER_ID: Final = 11
_THRESHOLD: Final = 10


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TokenServer]]:
    """Return a SecurID server, an NPS and a generic one."""
    need("freeradius", "oathtool")
    folder = tmp_path_factory.mktemp("servers")
    made = {plays: TokenServer(folder / plays, plays) for plays in _PLAYED}
    for server in made.values():
        server.start()
    yield made
    for server in made.values():
        server.stop()


@pytest.fixture(scope="module")
def world(
    servers: dict[str, TokenServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return our server before them, with a client for each division of labor."""
    world = World(tmp_path_factory.mktemp("world"))
    local = {"factors": ["totp"]}
    rsa = {"factors": ["rsa"]}
    clients: list[dict[str, object]] = [
        {"name": "primary", "networks": [_PRIMARY], "primary": "generic", **local},
        {"name": "primary-append", "networks": [_PRIMARY_APPEND], "mode": "append",
         "primary": "generic", **local},
        {"name": "primary-asks", "networks": [_PRIMARY_ASKS], "primary": "nps", **local},
        {"name": "append", "networks": [_APPEND], "mode": "append", "delimiter": ",", **rsa},
        {"name": "tail", "networks": [_TAIL], "mode": "append", "factors": ["rsa-tail"]},
        {"name": "two", "networks": [_TWO], "primary": "nps", **rsa},
    ]  # fmt: skip
    upstreams.configure(
        world,
        clients,
        {
            plays: {"servers": [entry(server.port)], "dialogue": plays}
            for plays, server in servers.items()
        },
        {
            "totp": {},
            "rsa": {"upstream": "securid"},
            "rsa-tail": {"upstream": "securid", "tail": len(PASSCODE)},
        },
    )
    world.start(source=_PRIMARY)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


# -- the password is the upstream's, the code ours --


def test_upstream_primary_wrong_password_is_refused(world: World) -> None:
    """Nobody is asked for a code before the upstream has found the password right."""
    (person,) = upstreams.people(world, "plain")
    with world.nas(_PRIMARY) as nas:
        assert nas.login(person.name, "correct mule") == _REJECT

    assert ends(world, person.name) == [("reject", "upstream-refused")]


def test_upstream_primary_alone_lets_nobody_in(world: World) -> None:
    """Whom only the upstream knows has no second factor here."""
    user = unique("plain")
    with world.nas(_PRIMARY) as nas:
        assert nas.login(user, PASSWORD) == _REJECT

    assert ends(world, user) == [("reject", "not-enrolled")]


def test_upstream_primary_and_wrong_code_is_refused(world: World) -> None:
    """Behind the upstream's password a wrong code is wrong, and a used one is used up."""
    (person,) = upstreams.people(world, "plain")
    with world.nas(_PRIMARY) as nas:
        assert nas.dialogue(person.name, PASSWORD, person.wrong_code()) == _REJECT
        code = person.code()
        assert nas.dialogue(person.name, PASSWORD, code) == _ACCEPT
        assert nas.dialogue(person.name, PASSWORD, code) == _REJECT

    reasons = [reason for decision, reason in ends(world, person.name) if decision == "reject"]
    assert reasons == ["bad-passcode", "replayed-passcode"]


def test_upstream_primary_refusal_leaves_the_code_unused(world: World) -> None:
    """Password and code in one: a wrong password does not cost the code."""
    (person,) = upstreams.people(world, "plain")
    code = person.code()
    with world.nas(_PRIMARY_APPEND) as nas:
        assert nas.login(person.name, "correct mule" + code) == _REJECT
        assert nas.login(person.name, PASSWORD + code) == _ACCEPT
        assert nas.login(person.name, PASSWORD + code) == _REJECT

    assert ends(world, person.name) == [
        ("reject", "upstream-refused"),
        ("accept", "passed"),
        ("reject", "replayed-passcode"),
    ]


def test_upstream_primary_is_not_asked_about_a_locked_user(
    world: World, servers: dict[str, TokenServer]
) -> None:
    """After ten wrong passwords the upstream hears no more guesses, nor of the right one."""
    user = unique("plain")
    with world.nas(_PRIMARY) as nas:
        for guess in range(_THRESHOLD + 1):
            assert nas.login(user, f"guess {guess}") == _REJECT
        assert nas.login(user, PASSWORD) == _REJECT

    reasons = [reason for _, reason in ends(world, user)]
    assert reasons == ["upstream-refused"] * _THRESHOLD + ["locked"] * 2
    assert len(servers["generic"].requests(user)) == _THRESHOLD


def test_upstream_primary_then_our_code_is_accepted(
    world: World, servers: dict[str, TokenServer]
) -> None:
    """The upstream is asked once, hears no code, and its attributes are in the last Accept."""
    (person,) = upstreams.people(world, "rich")
    code = person.code()
    with world.nas(_PRIMARY) as nas:
        first = nas.ask(nas.request(person.name, PASSWORD))
        assert first.code == _CHALLENGE
        assert first.packet.values(_FILTER_ID) == []
        last = nas.ask(answer(nas, person.name, code, first.state))

    assert last.code == _ACCEPT
    assert last.packet.values(_FILTER_ID) == [b"staff.in"]
    login, *classes = last.packet.values(numbers.CLASS)
    assert classes == [b"\x00class-1\xff", b"class-2"]
    lines = told(world, person.name)
    assert [line["id"] for line in lines] == [login.decode()] * 2
    assert lines[-1]["factor"] == "totp"
    assert servers["generic"].passwords(person.name) == [PASSWORD]


def test_upstream_primary_that_asks_comes_before_our_code(world: World) -> None:
    """NPS wants its code first; then we want ours; only both let somebody in."""
    (person,) = upstreams.people(world, "code")
    with world.nas(_PRIMARY_ASKS) as nas:
        theirs = nas.ask(nas.request(person.name, PASSWORD))
        assert b"Microsoft verification code" in theirs.packet.values(numbers.REPLY_MESSAGE)[0]
        ours = nas.ask(answer(nas, person.name, CODE, theirs.state))
        assert ours.code == _CHALLENGE
        last = nas.ask(answer(nas, person.name, person.code(), ours.state))

    assert last.code == _ACCEPT
    assert ends(world, person.name) == [
        ("challenge", "upstream-asks"),
        ("challenge", "passcode-wanted"),
        ("accept", "passed"),
    ]
    assert len({line["id"] for line in told(world, person.name)}) == 1


def test_upstream_primary_that_asks_refuses_a_wrong_code(world: World) -> None:
    """A wrong code for NPS ends the login before ours is asked for."""
    (person,) = upstreams.people(world, "code")
    with world.nas(_PRIMARY_ASKS) as nas:
        assert nas.dialogue(person.name, PASSWORD, "123456") == _REJECT

    assert ends(world, person.name)[-1] == ("reject", "upstream-refused")


# -- both in one field, the factor is the upstream's --


@pytest.mark.parametrize(
    ("source", "typed", "reason", "asked"),
    [
        pytest.param(_APPEND, f"correct mule,{PASSCODE}", "bad-password", 0, id="password"),
        pytest.param(_APPEND, f"{PASSWORD},{CODE}", "upstream-refused", 1, id="passcode"),
        pytest.param(_APPEND, PASSWORD, "bad-passcode", 0, id="no-delimiter"),
        pytest.param(_TAIL, PASSWORD + "x" + PASSCODE, "bad-password", 0, id="tail-password"),
        pytest.param(_TAIL, PASSWORD + PASSCODE[::-1], "upstream-refused", 1, id="tail-passcode"),
    ],
)
def test_upstream_factor_behind_a_password_is_refused(
    world: World,
    servers: dict[str, TokenServer],
    source: str,
    typed: str,
    reason: str,
    asked: int,
) -> None:
    """The token server hears of nobody whose password is wrong, and never of a password."""
    user = unique("normal")
    upstreams.import_users(world, [user], PASSWORD)
    with world.nas(source) as nas:
        assert nas.login(user, typed) == _REJECT

    assert ends(world, user) == [("reject", reason)]
    assert len(servers["securid"].requests(user)) == asked


def test_upstream_factor_that_asks_cannot_be_shown_in_append(world: World) -> None:
    """Where the client shows no challenges, Next Tokencode mode is a Reject."""
    user = unique("next")
    upstreams.import_users(world, [user], PASSWORD)
    with world.nas(_APPEND) as nas:
        assert nas.login(user, f"{PASSWORD},{PASSCODE}") == _REJECT

    assert ends(world, user) == [("reject", "challenge-not-shown")]


@pytest.mark.parametrize(
    ("source", "typed"), [(_APPEND, f"{PASSWORD},{PASSCODE}"), (_TAIL, PASSWORD + PASSCODE)]
)
def test_upstream_factor_behind_a_password_is_accepted(
    world: World, servers: dict[str, TokenServer], source: str, typed: str
) -> None:
    """Password and passcode in one field, with a delimiter or a known length."""
    user = unique("normal")
    upstreams.import_users(world, [user], PASSWORD)
    with world.nas(source) as nas:
        assert nas.login(user, typed) == _ACCEPT

    assert ends(world, user) == [("accept", "passed")]
    assert servers["securid"].passwords(user) == [PASSCODE]


# -- one upstream for the password, another one for the factor --


def test_upstream_after_upstream_is_refused(world: World, servers: dict[str, TokenServer]) -> None:
    """Each of the two can refuse, and the second is not asked behind a refusal of the first."""
    user, there = unique("push"), unique("normal")
    upstreams.import_users(world, [user], "of no use")
    world.run("user", "upstream", user, "securid", "--as", there)
    with world.nas(_TWO) as nas:
        assert nas.login(user, "correct mule") == _REJECT
        assert servers["securid"].requests(there) == []
        assert nas.dialogue(user, PASSWORD, CODE) == _REJECT

    assert ends(world, user) == [
        ("reject", "upstream-refused"),
        ("challenge", "passcode-wanted"),
        ("reject", "upstream-refused"),
    ]


def test_upstream_after_upstream_is_accepted(world: World, servers: dict[str, TokenServer]) -> None:
    """A user of NPS who is called otherwise at SecurID: each server gets its own name."""
    user, there = unique("push"), unique("next")
    upstreams.import_users(world, [user], "of no use")
    world.run("user", "upstream", user, "securid", "--as", there)
    with world.nas(_TWO) as nas:
        ours = nas.ask(nas.request(user, PASSWORD))
        theirs = _next(nas, user, PASSCODE, ours)
        last = nas.ask(answer(nas, user, NEXT_CODE, theirs.state))

    assert last.code == _ACCEPT
    assert ends(world, user) == [
        ("challenge", "passcode-wanted"),
        ("challenge", "upstream-asks"),
        ("accept", "passed"),
    ]
    assert servers["nps"].passwords(user) == [PASSWORD]
    assert servers["securid"].passwords(there) == [PASSCODE, NEXT_CODE]


def _next(nas: Nas, user: str, typed: str, reply: Reply) -> Reply:
    assert reply.code == _CHALLENGE
    following = nas.ask(answer(nas, user, typed, reply.state))
    assert following.code == _CHALLENGE
    return following
