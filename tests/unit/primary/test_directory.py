"""Tests of `radiusmfa.primary.directory`: refusals first."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.directory_model import (
    ANONYMOUS,
    DirectoryServer,
    Groups,
    Kind,
    Tls,
)
from radiusmfa.config.directory_model import (
    Directory as Settings,
)
from radiusmfa.login.errands import Bind, LookUp, Told
from radiusmfa.login.person import Person
from radiusmfa.outcome import Reason
from radiusmfa.primary.directory import Directory
from radiusmfa.secret import Secret
from tests.unit.primary.responder import (
    ALICE,
    BASE,
    HANG_UP,
    PATIENCE,
    SERVICE,
    SILENCE,
    Request,
    Responder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SERVICE_BIND = (SERVICE, b"service-password")
PERSON = Person(directory="corp", name="alice", dn=ALICE)


class Time:
    """A clock that really runs, and that a test can put forward."""

    def __init__(self) -> None:
        """Begin."""
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return seconds."""
        return time.monotonic() + self.ahead


def settings(*responders: Responder, **changes: Any) -> Settings:  # noqa: ANN401
    """Return a directory on *responders*, which somebody searches."""
    servers = tuple(
        DirectoryServer(host="127.0.0.1", port=one.port, tls=Tls.NONE) for one in responders
    )
    made = Settings(
        name="corp",
        servers=servers,
        base=BASE,
        bind_dn=SERVICE,
        bind_password=Secret(b"service-password"),
        groups=Groups.NONE,
    )
    return replace(made, **changes)


@pytest.fixture
def clock() -> Time:
    """Time runs."""
    return Time()


@pytest.fixture
def responder() -> Iterator[Responder]:
    """One server."""
    with Responder() as made:
        yield made


@pytest.fixture
def other() -> Iterator[Responder]:
    """Another one."""
    with Responder() as made:
        yield made


@pytest.fixture
def directory(responder: Responder, clock: Time) -> Iterator[Directory]:
    """A directory on one server."""
    made = Directory(settings(responder), clock)
    yield made
    made.close()


def look_up(directory: Directory, clock: Time, name: str = "alice", patience: float = 20) -> Told:
    """Look somebody up."""
    return directory.find(LookUp(directory="corp", name=name, deadline=clock() + patience))


def bind(
    directory: Directory,
    clock: Time,
    password: bytes = b"right",
    person: Person | None = PERSON,
    *,
    name: str = "alice",
    patience: float = 20,
) -> Told:
    """Check a password."""
    errand = Bind(
        directory="corp",
        name=name,
        person=person,
        password=password,
        deadline=clock() + patience,
    )
    return directory.bind(errand)


def answers(told: Told) -> tuple[Reason | None, Person | None]:
    """Return what was told but for where and how long."""
    return told.reason, told.person


# What is never sent


@pytest.mark.parametrize("person", [PERSON, None])
@pytest.mark.parametrize("password", [b"", b"\xff\xfe", b"pa\xe4ss"])
def test_empty_password_and_no_text_are_never_sent(
    directory: Directory, clock: Time, responder: Responder, password: bytes, person: Person | None
) -> None:
    """An empty password succeeds as nobody; what is not UTF-8 is no password of a directory."""
    told = bind(directory, clock, password, person)
    assert answers(told) == (Reason.BAD_PASSWORD, None)
    assert responder.connections == 0


def test_person_of_another_directory_is_not_bound(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """A name of one directory is not tried in another one, nor the empty one anywhere."""
    for person in (replace(PERSON, directory="other"), replace(PERSON, dn="")):
        told = bind(directory, clock, person=person)
        assert answers(told) == (Reason.DIRECTORY_REFUSED, None)
    assert not responder.binds


def test_password_is_sent_once_where_the_server_hangs_up(
    responder: Responder, other: Responder, clock: Time
) -> None:
    """Whether it counted nobody knows: another server is not asked."""
    responder.rules["bindRequest"] = lambda _: [HANG_UP]
    directory = Directory(settings(responder, other), clock)
    told = bind(directory, clock)
    assert answers(told) == (Reason.DIRECTORY_UNREACHABLE, None)
    assert (len(responder.binds), other.connections) == (1, 0)
    directory.close()


def test_password_is_sent_once_where_the_server_is_silent(
    responder: Responder, other: Responder, clock: Time
) -> None:
    """Silence after a password is no reason to send it elsewhere."""
    responder.rules["bindRequest"] = lambda _: [SILENCE]
    directory = Directory(settings(responder, other), clock)
    told = bind(directory, clock, patience=0.3)
    assert answers(told) == (Reason.DIRECTORY_SILENT, None)
    assert told.server == f"127.0.0.1:{responder.port}"
    assert (len(responder.binds), other.connections) == (1, 0)
    directory.close()


@pytest.mark.parametrize("typed", ["", "alice"])
def test_nobody_costs_a_bind_and_is_refused(
    directory: Directory, clock: Time, responder: Responder, typed: str
) -> None:
    """Who was looked up in vain is refused though the directory says yes, as slowly as others."""
    responder.rules["bindRequest"] = lambda request: [request.result(0)]
    told = bind(directory, clock, b"correct horse", None, name=typed)
    assert answers(told) == (Reason.UNKNOWN_USER, None)
    ((name, password),) = responder.binds
    assert name.startswith("cn=")
    assert name.endswith(f",{BASE}")
    # It is nobody's there: the password of somebody who mistyped their name stays here.
    assert password != b"correct horse"


@pytest.mark.parametrize("rule", [[HANG_UP], []])
def test_nobody_is_refused_whatever_comes(
    directory: Directory, clock: Time, responder: Responder, rule: list[bytes]
) -> None:
    """A directory that is gone does not tell who exists."""
    responder.rules["bindRequest"] = lambda request: rule or [request.result(52)]
    assert answers(bind(directory, clock, b"x", None)) == (Reason.UNKNOWN_USER, None)
    responder.close()
    assert answers(bind(directory, clock, b"x", None)) == (Reason.UNKNOWN_USER, None)


# What a directory answers


@pytest.mark.parametrize(
    ("entries", "code", "expected"),
    [
        ([], 0, Reason.UNKNOWN_USER),
        ([ALICE, f"uid=a2,{BASE}"], 0, Reason.AMBIGUOUS_USER),
        ([ALICE, f"uid=a2,{BASE}"], 4, Reason.AMBIGUOUS_USER),
        ([ALICE], 4, Reason.AMBIGUOUS_USER),
        ([ALICE], 32, Reason.DIRECTORY_REFUSED),
        ([ALICE], 50, Reason.DIRECTORY_REFUSED),
        ([ALICE], 3, Reason.DIRECTORY_REFUSED),
        ([], 10, Reason.DIRECTORY_REFUSED),
    ],
)
def test_only_one_entry_is_a_person(
    directory: Directory,
    clock: Time,
    responder: Responder,
    entries: list[str],
    code: int,
    expected: Reason,
) -> None:
    """Nobody, two of them, or an answer that is not whole: no person."""
    responder.rules["searchRequest"] = lambda request: [
        *(request.entry(dn, {"uid": [b"alice"]}) for dn in entries),
        request.result(code),
    ]
    assert answers(look_up(directory, clock)) == (expected, None)


def test_reference_is_not_followed_and_no_person(
    directory: Directory, clock: Time, responder: Responder, other: Responder
) -> None:
    """What another server may know is not asked for: it would be sent our password."""
    responder.rules["searchRequest"] = lambda request: [
        request.reference(f"ldap://127.0.0.1:{other.port}/{BASE}"),
        request.result(),
    ]
    assert answers(look_up(directory, clock)) == (Reason.UNKNOWN_USER, None)
    assert other.connections == 0


def test_referral_is_said_in_the_log(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """Who set the wrong base is told."""
    responder.rules["searchRequest"] = lambda request: [request.result(10)]
    look_up(directory, clock)
    (remark,) = directory.remarks()
    assert "another server has it, and referrals are not followed" in remark


@pytest.mark.parametrize("name", ["*", "*)(uid=*", "alice)(|(uid=*", "a\\2a", "\\"])
def test_what_is_typed_is_no_filter(
    directory: Directory, clock: Time, responder: Responder, name: str
) -> None:
    """Whatever is typed is a value that is looked for, and never a part of the question."""
    look_up(directory, clock, name)
    (request,) = responder.searches
    assert request.filter.count("(") == 5
    assert request.filter.count("*") == 0


def test_nothing_left_of_a_name_is_nobody(responder: Responder, clock: Time) -> None:
    """`@example` without its realm names nobody, and nobody is asked."""
    directory = Directory(settings(responder, strip=("realm",)), clock)
    assert answers(look_up(directory, clock, "@corp.example")) == (Reason.UNKNOWN_USER, None)
    assert responder.connections == 0


def test_person_without_one_name_is_refused(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """Whose tokens these would be is not guessed, and said in the log."""
    responder.rules["searchRequest"] = lambda request: [
        request.entry(ALICE, {"uid": [b"a", b"b"]}),
        request.result(),
    ]
    assert answers(look_up(directory, clock)) == (Reason.DIRECTORY_REFUSED, None)
    (remark,) = directory.remarks()
    assert remark.endswith("it has several values of uid, the name_attribute")


@pytest.mark.parametrize("code", [4, 11, 32, 50])
def test_groups_that_are_not_whole_are_refused(
    responder: Responder, clock: Time, code: int
) -> None:
    """A rule that keeps a group out would not see it: no groups at all, and no person."""
    directory = Directory(settings(responder, groups=Groups.SEARCH), clock)

    def answer(request: Request) -> Sequence[bytes]:
        if "member" in request.filter:
            return [request.entry(f"cn=g,{BASE}", {"cn": [b"g"]}), request.result(code)]
        return [request.entry(ALICE, {"uid": [b"alice"]}), request.result()]

    responder.rules["searchRequest"] = answer
    assert answers(look_up(directory, clock)) == (Reason.DIRECTORY_REFUSED, None)
    directory.close()


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (49, "", Reason.BAD_PASSWORD),
        (49, "error, data 775, v1", Reason.ACCOUNT_LOCKED),
        (49, "error, data 525, v1", Reason.UNKNOWN_USER),
        (53, "", Reason.DIRECTORY_REFUSED),
        (8, "", Reason.DIRECTORY_REFUSED),
        (10, "", Reason.DIRECTORY_REFUSED),
    ],
)
def test_bind_that_is_refused_says_why(
    responder: Responder, clock: Time, code: int, message: str, expected: Reason
) -> None:
    """The directory's reason is the login's."""
    directory = Directory(settings(responder, kind=Kind.ACTIVE_DIRECTORY), clock)
    responder.rules["bindRequest"] = lambda request: [request.result(code, message)]
    assert answers(bind(directory, clock)) == (expected, None)
    assert len(responder.binds) == 1
    is_said = directory.remarks() == [
        f"127.0.0.1:{responder.port}: it refuses to bind people: result code {code}"
    ]
    assert is_said is (expected is Reason.DIRECTORY_REFUSED)


def test_service_that_is_refused_is_not_tried_again_at_once(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """A wrong password of `bind_dn` does not lock that account by being sent with every login."""
    responder.rules["bindRequest"] = lambda request: [request.result(49)]
    found = [answers(look_up(directory, clock)) for _ in range(3)]
    assert found == [
        (Reason.DIRECTORY_REFUSED, None),
        (Reason.DIRECTORY_UNREACHABLE, None),
        (Reason.DIRECTORY_UNREACHABLE, None),
    ]
    assert responder.binds == [SERVICE_BIND]
    assert directory.is_dead()
    (remark,) = directory.remarks()
    assert remark.endswith("it refuses bind_dn: bad-password, result code 49")
    assert "service-password" not in remark


# What is right


def test_person_is_found(directory: Directory, clock: Time, responder: Responder) -> None:
    """Who was looked for has one name here, whatever was typed."""
    told = look_up(directory, clock, "alice@corp.example")
    assert answers(told) == (None, PERSON)
    assert (told.directory, told.server) == ("corp", f"127.0.0.1:{responder.port}")
    assert 0 < told.seconds < PATIENCE
    assert responder.binds == [SERVICE_BIND]
    assert responder.searches[0].size_limit == 2


def test_password_is_right(directory: Directory, clock: Time, responder: Responder) -> None:
    """One bind, as the person, and nothing else is asked."""
    assert answers(bind(directory, clock)) == (None, PERSON)
    assert responder.binds == [(ALICE, b"right")]
    assert not responder.searches


def test_searches_share_a_connection_and_binds_do_not(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """Nobody is searched for as somebody else; the service binds once."""
    for _ in range(2):
        look_up(directory, clock)
        bind(directory, clock)
    assert {one.connection for one in responder.searches} == {0}
    assert [one.connection for one in responder.seen("bindRequest")] == [0, 1, 2]
    assert [name for name, _ in responder.binds] == [SERVICE, ALICE, ALICE]


def test_everybody_may_search(responder: Responder, clock: Time) -> None:
    """With `bind_dn: anonymous` nobody is bound for a search."""
    directory = Directory(settings(responder, bind_dn=ANONYMOUS, bind_password=None), clock)
    assert look_up(directory, clock).person == PERSON
    assert not responder.binds
    directory.close()


def test_groups_are_found_on_the_same_connection(responder: Responder, clock: Time) -> None:
    """A person comes with their groups, sorted."""
    directory = Directory(settings(responder, groups=Groups.SEARCH, group_base="ou=g"), clock)

    def answer(request: Request) -> Sequence[bytes]:
        if request.base == "ou=g":
            groups = [request.entry(f"cn={n},ou=g", {"cn": [n.encode()]}) for n in ("b", "a")]
            return [*groups, request.result()]
        return [request.entry(ALICE, {"uid": [b"alice"]}), request.result()]

    responder.rules["searchRequest"] = answer
    person = look_up(directory, clock).person
    assert person is not None
    assert person.groups == ("a", "b")
    assert responder.connections == 1
    directory.close()


# Without a search before


def _by_name(responder: Responder, clock: Time, bind_as: str, **changes: Any) -> Directory:  # noqa: ANN401
    return Directory(
        settings(responder, bind_dn="", bind_password=None, bind_as=bind_as, **changes), clock
    )


def test_bind_by_dn_reads_the_own_entry(responder: Responder, clock: Time) -> None:
    """Who is bound by a distinguished name is read there, by themselves."""
    directory = _by_name(responder, clock, f"uid={{user}},ou=people,{BASE}")
    assert answers(bind(directory, clock, person=None)) == (None, PERSON)
    assert responder.binds == [(ALICE, b"right")]
    assert [one.base for one in responder.searches] == [ALICE]
    assert {one.connection for one in responder.requests} == {0}


@pytest.mark.parametrize("name", ["bob,ou=admins", "bob+cn=x", "*", "a\\,b"])
def test_what_is_typed_is_one_value_of_the_name(
    responder: Responder, clock: Time, name: str
) -> None:
    """Nobody leads the bind to another place."""
    directory = _by_name(responder, clock, f"uid={{user}},ou=people,{BASE}")
    bind(directory, clock, b"wrong", None, name=name)
    ((dn, _),) = responder.binds
    assert dn.count(",") == ALICE.count(",")
    assert dn.count("=") == ALICE.count("=")
    assert dn.endswith(f",ou=people,{BASE}")


def test_wrong_password_reads_nothing(responder: Responder, clock: Time) -> None:
    """Who is not bound is told nothing, of themselves neither."""
    directory = _by_name(responder, clock, f"uid={{user}},ou=people,{BASE}")
    assert answers(bind(directory, clock, b"wrong", None)) == (Reason.BAD_PASSWORD, None)
    assert [one.kind for one in responder.requests if one.kind != "unbindRequest"] == [
        "bindRequest"
    ]


@pytest.mark.parametrize(
    ("bind_as", "expected"),
    [("{user}@corp.example", "alice@corp.example"), ("CORP\\{user}", "CORP\\alice")],
)
def test_bind_by_account_asks_who_that_is(
    responder: Responder, clock: Time, bind_as: str, expected: str
) -> None:
    """Active Directory says whom it bound; that entry is read, whoever else has such a name."""
    directory = _by_name(
        responder,
        clock,
        bind_as,
        kind=Kind.ACTIVE_DIRECTORY,
        name_attribute="sAMAccountName",
        user_filter="(objectClass=user)",
    )
    responder.rules["searchRequest"] = lambda request: [
        request.entry(
            ALICE, {"sAMAccountName": [b"Alice"], "msDS-PrincipalName": [b"CORP\\Alice"]}
        ),
        request.result(),
    ]
    assert answers(bind(directory, clock, person=None)) == (None, PERSON)
    assert responder.binds == [(expected, b"right")]
    assert responder.searches[0].filter == "(&(objectClass=user)(sAMAccountName=alice))"


@pytest.mark.parametrize(
    ("code", "principal"), [(2, b"CORP\\alice"), (1, b"CORP\\alice"), (0, b"OTHER\\alice")]
)
def test_bind_by_account_without_a_sure_entry_is_refused(
    responder: Responder, clock: Time, code: int, principal: bytes
) -> None:
    """Where the server does not say who is bound, or the entry is another domain's: nobody."""
    directory = _by_name(
        responder,
        clock,
        "{user}@corp.example",
        kind=Kind.ACTIVE_DIRECTORY,
    )
    known = responder.rules["extendedReq"]
    responder.rules["extendedReq"] = lambda request: (
        [request.result(code)] if code else known(request)
    )
    responder.rules["searchRequest"] = lambda request: [
        request.entry(ALICE, {"uid": [b"alice"], "msDS-PrincipalName": [principal]}),
        request.result(),
    ]
    assert answers(bind(directory, clock, person=None)) == (Reason.DIRECTORY_REFUSED, None)


SID = b"\x01\x05\x00\x00\x00\x00\x00\x05\x15*()"


@pytest.mark.parametrize(
    ("token", "expected"),
    [([SID, b"group"], None), ([], Reason.DIRECTORY_REFUSED), (None, Reason.DIRECTORY_REFUSED)],
)
def test_samba_tells_by_its_token_who_is_bound(
    responder: Responder, clock: Time, token: list[bytes] | None, expected: Reason | None
) -> None:
    """Where nobody answers "Who am I?" the first SID of the token does; without it: nobody."""
    directory = _by_name(responder, clock, "{user}@corp.example", kind=Kind.ACTIVE_DIRECTORY)
    responder.rules["extendedReq"] = lambda request: [request.result(2)]

    def answer(request: Request) -> Sequence[bytes]:
        if request.base:
            return [request.entry(ALICE, {"uid": [b"alice"]}), request.result()]
        tokens = [request.entry("", {"tokenGroups": token})] if token is not None else []
        return [*tokens, request.result()]

    responder.rules["searchRequest"] = answer
    told = bind(directory, clock, person=None)
    assert answers(told) == (expected, None if expected else PERSON)
    if expected is None:
        sid = "".join(f"\\{octet:02x}" for octet in SID)
        assert f"(objectSid={sid})" in responder.searches[1].filter


@pytest.mark.parametrize("name", ["alice@other", "OTHER\\alice", "cn=x,dc=y", "a/b", 'a"b'])
def test_other_forms_of_a_name_are_nobody(responder: Responder, clock: Time, name: str) -> None:
    """What would make another kind of name of it is not sent."""
    directory = _by_name(responder, clock, "{user}@corp.example", kind=Kind.ACTIVE_DIRECTORY)
    assert answers(bind(directory, clock, person=None, name=name)) == (Reason.UNKNOWN_USER, None)
    assert responder.connections == 0


def test_nothing_left_of_a_name_is_not_bound(responder: Responder, clock: Time) -> None:
    """A name of nothing but a realm is nobody's."""
    directory = _by_name(responder, clock, f"uid={{user}},{BASE}", strip=("realm",))
    told = bind(directory, clock, person=None, name="@corp.example")
    assert answers(told) == (Reason.UNKNOWN_USER, None)
    assert responder.connections == 0


def test_connection_lost_after_the_bind_is_no_second_bind(
    responder: Responder, other: Responder, clock: Time
) -> None:
    """Whose entry cannot be read after all is not bound again elsewhere."""
    directory = Directory(
        settings(
            responder,
            other,
            bind_dn="",
            bind_password=None,
            bind_as=f"uid={{user}},ou=people,{BASE}",
        ),
        clock,
    )
    responder.rules["searchRequest"] = lambda _: [HANG_UP]
    assert answers(bind(directory, clock, person=None)) == (Reason.DIRECTORY_UNREACHABLE, None)
    assert other.connections == 0


# Servers come and go


def test_search_goes_on_with_another_server(
    responder: Responder, other: Responder, clock: Time
) -> None:
    """A server that hangs up costs nobody their login, and is left alone for a while."""
    directory = Directory(settings(responder, other), clock)
    responder.rules["searchRequest"] = lambda _: [HANG_UP]
    told = [look_up(directory, clock) for _ in range(3)]
    assert [answers(one) for one in told] == [(None, PERSON)] * 3
    assert {one.server for one in told} == {f"127.0.0.1:{other.port}"}
    assert responder.connections == 1
    directory.close()


def test_silent_server_takes_its_share_of_the_time(
    responder: Responder, other: Responder, clock: Time
) -> None:
    """Half of the time is kept for the second server."""
    directory = Directory(settings(responder, other), clock)
    responder.rules["bindRequest"] = lambda _: [SILENCE]
    told = look_up(directory, clock, patience=1)
    assert answers(told) == (None, PERSON)
    assert 0.4 < told.seconds < 1
    directory.close()


def test_bind_goes_on_where_nothing_was_sent(
    responder: Responder, other: Responder, clock: Time
) -> None:
    """A server that cannot be connected to, or has no time, has not seen the password."""
    directory = Directory(settings(responder, other), clock)
    responder.rules["bindRequest"] = lambda request: [request.result(51)]
    assert answers(bind(directory, clock)) == (None, PERSON)
    responder.close()
    clock.ahead = 60
    assert answers(bind(directory, clock)) == (None, PERSON)
    assert len(other.binds) == 2


def test_server_that_is_back_is_found_again(
    responder: Responder, other: Responder, clock: Time
) -> None:
    """After its pause the preferred server is tried, and has everybody again."""
    directory = Directory(settings(responder, other), clock)
    rule = responder.rules["bindRequest"]
    responder.rules["bindRequest"] = lambda _: [HANG_UP]
    look_up(directory, clock)
    responder.rules["bindRequest"] = rule
    clock.ahead = 3
    told = look_up(directory, clock)
    assert told.server == f"127.0.0.1:{responder.port}"
    assert [one.partition(": ")[2] for one in directory.remarks()] == [
        "the connection broke (LDAPSessionTerminatedByServerError)",
        "it answers again",
    ]
    directory.close()


def test_dropped_connection_is_replaced(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """A server that hung up on who was idle, or was started again, costs nobody their login."""
    look_up(directory, clock)
    responder.hang_up()
    assert answers(look_up(directory, clock)) == (None, PERSON)
    assert responder.binds == [SERVICE_BIND, SERVICE_BIND]
    assert directory.remarks() == []


def test_kept_connection_that_is_silent_is_not_waited_for_twice(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """The time is gone: the login ends."""
    look_up(directory, clock)
    responder.rules["searchRequest"] = lambda _: [SILENCE]
    assert answers(look_up(directory, clock, patience=0.2)) == (Reason.DIRECTORY_SILENT, None)
    assert responder.connections == 1


def test_dead_directory_answers_at_once(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """Where nobody is, nobody is asked, until somebody tries again."""
    responder.close()
    assert not directory.is_dead()
    told = look_up(directory, clock)
    assert (told.reason, told.server) == (
        Reason.DIRECTORY_UNREACHABLE,
        f"127.0.0.1:{responder.port}",
    )
    assert directory.is_dead()
    told = look_up(directory, clock)
    assert (told.reason, told.server) == (Reason.DIRECTORY_UNREACHABLE, "")
    clock.ahead = 3
    assert not directory.is_dead()


def test_short_silence_is_not_held_against_a_server(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """A login with no time left says nothing of the server."""
    responder.rules["bindRequest"] = lambda _: [SILENCE]
    assert answers(look_up(directory, clock, patience=0.1)) == (Reason.DIRECTORY_SILENT, None)
    assert not directory.is_dead()


def test_login_that_was_given_up_asks_nobody(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """What nobody waits for is not done."""
    assert answers(look_up(directory, clock, patience=-1)) == (Reason.DIRECTORY_SILENT, None)
    assert responder.connections == 0


def test_same_remark_is_made_once_a_minute(
    directory: Directory, clock: Time, responder: Responder
) -> None:
    """A fault of the directory does not fill the log."""
    responder.rules["searchRequest"] = lambda request: [request.result(50)]
    for _ in range(3):
        look_up(directory, clock)
    assert len(directory.remarks()) == 1
    clock.ahead = 61
    look_up(directory, clock)
    assert len(directory.remarks()) == 1


def test_remarks_are_bounded(directory: Directory, clock: Time, responder: Responder) -> None:
    """However many faults there are, and nobody reads them, memory stays."""
    count = iter(range(1000))

    def answer(request: Request) -> Sequence[bytes]:
        name = f"a{next(count)};range=0-1"
        return [request.entry(ALICE, {name: [b"a"], "uid": [b"a"]}), request.result()]

    responder.rules["searchRequest"] = answer
    for _ in range(300):
        look_up(directory, clock)
    assert len(directory.remarks()) <= 257


def test_closing_wakes_threads(directory: Directory, clock: Time, responder: Responder) -> None:
    """When the server ends nobody waits for a directory that says nothing."""
    begun = threading.Event()

    def be_silent(_: Request) -> Sequence[bytes]:
        begun.set()
        return [SILENCE]

    responder.rules["bindRequest"] = be_silent
    found = []
    thread = threading.Thread(target=lambda: found.append(look_up(directory, clock)))
    thread.start()
    assert begun.wait(PATIENCE)
    directory.close()
    thread.join(PATIENCE)
    assert [answers(one) for one in found] == [(Reason.DIRECTORY_UNREACHABLE, None)]


def test_many_threads_each_get_their_own_answer(responder: Responder, clock: Time) -> None:
    """Answers never change hands."""

    def answer(request: Request) -> Sequence[bytes]:
        name = request.filter.partition("(uid=")[2].partition(")")[0]
        return [request.entry(f"uid={name},{BASE}", {"uid": [name.encode()]}), request.result()]

    responder.rules["searchRequest"] = answer
    directory = Directory(settings(responder, threads=4), clock)
    wrong: list[Told] = []

    def work(number: int) -> None:
        for at in range(20):
            name = f"u{number}-{at}"
            told = look_up(directory, clock, name)
            if told.person is None or told.person.name != name:
                wrong.append(told)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert wrong == []
    directory.close()


def test_password_stands_in_no_text(
    directory: Directory, clock: Time, responder: Responder, ca_file: Path
) -> None:
    """Neither errands, nor what is told, nor remarks show what was typed."""
    errand = Bind(directory="corp", name="a", person=None, password=b"horse", deadline=clock() + 9)
    assert "horse" not in repr(errand)
    responder.rules["bindRequest"] = lambda request: [request.result(1, "you sent: horse")]
    told = bind(directory, clock, b"horse")
    assert "horse" not in f"{told} {directory.remarks()} {vars(directory)}"
    assert ca_file.exists()
