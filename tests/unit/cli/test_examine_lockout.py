"""Tests of `radiusmfa.cli.examine_lockout`, against an LDAP server of a few lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.cli import examine_lockout
from radiusmfa.cli.examine_lockout import Rule
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config.directory_model import Directory, DirectoryServer, Kind, Tls
from radiusmfa.primary import ldap
from radiusmfa.primary.ldap import Link
from tests.unit.primary.responder import BASE, Responder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from radiusmfa.cli.findings import Finding
    from tests.unit.primary.responder import Request

PATIENT: Final = 20.0
HALF_AN_HOUR: Final = b"-18000000000"
FOREVER: Final = b"-9223372036854775808"


def _directory(kind: Kind = Kind.LDAP, base: str = BASE, **more: Any) -> Directory:  # noqa: ANN401
    server = DirectoryServer(host="127.0.0.1", port=1, tls=Tls.NONE)
    return Directory(name="corp", servers=(server,), base=base, kind=kind, **more)


@pytest.fixture
def responder() -> Iterator[Responder]:
    """A server that knows nothing."""
    with Responder() as made:
        made.rules["searchRequest"] = lambda request: [request.result()]
        yield made


def _look(responder: Responder, directory: Directory) -> list[Finding]:
    server = DirectoryServer(host="127.0.0.1", port=responder.port, tls=Tls.NONE)
    link = Link(server, ldap.context(directory), time.monotonic)
    link.open(time.monotonic() + PATIENT)
    try:
        return examine_lockout.examine(directory, link, "x", PATIENT)
    finally:
        link.close()


def _answer(
    responder: Responder,
    *found: Mapping[str, list[bytes]],
    contexts: tuple[str, ...] = (BASE,),
    code: int = 0,
) -> None:
    """Let *responder* name *contexts* at its root, and answer everything else with *found*."""

    def search(request: Request) -> list[bytes]:
        if not request.base:
            named = [one.encode() for one in contexts]
            return [request.entry("", {"namingContexts": named}), request.result()]
        told = [request.entry(f"cn={at},{BASE}", one) for at, one in enumerate(found)]
        return [*told, request.result(code)]

    responder.rules["searchRequest"] = search


def _told(found: list[Finding]) -> list[tuple[Level, Cause]]:
    return [(one.level, one.cause) for one in found]


TOO_HIGH: Final = (Level.FAULT, Cause.LOCKOUT_TOO_HIGH)
TOO_SHORT: Final = (Level.FAULT, Cause.LOCKOUT_WINDOW_TOO_SHORT)
ADDS_UP: Final = (Level.NOTE, Cause.LOCKOUT_WINDOW_TOO_SHORT)
WELL: Final = (Level.OK, Cause.WELL)
UNKNOWN: Final = (Level.NOTE, Cause.UNKNOWN_LOCKOUT)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        pytest.param(Rule(threshold=4, window=1800), [TOO_HIGH], id="as many"),
        pytest.param(Rule(threshold=3, window=1800), [TOO_HIGH], id="fewer"),
        pytest.param(Rule(threshold=1, window=1800), [TOO_HIGH], id="one"),
        pytest.param(Rule(threshold=5, window=1801), [TOO_SHORT], id="longer"),
        pytest.param(Rule(threshold=4, window=1801), [TOO_HIGH, TOO_SHORT], id="both"),
        pytest.param(Rule(threshold=4, window=0), [TOO_HIGH, ADDS_UP], id="both for ever"),
        pytest.param(Rule(threshold=5, window=0), [ADDS_UP], id="for ever"),
        pytest.param(Rule(threshold=5, window=1800), [WELL], id="below"),
        pytest.param(Rule(threshold=0, window=0), [WELL], id="never"),
        pytest.param(Rule(threshold=0, window=9999), [WELL], id="never, with a window"),
    ],
)
def test_lockout_has_to_stay_below(rule: Rule, told: list[tuple[Level, Cause]]) -> None:
    """Four wrong ones in half an hour go with what takes more, and forgets as soon."""
    found = examine_lockout.judge(_directory(lockout=4, lockout_window=1800), rule, "x")

    assert _told(found) == told
    assert all(bool(one.advice) is (one.level is not Level.OK) for one in found)


def test_domain_is_read_at_its_root(responder: Responder) -> None:
    """An Active Directory has one rule for all, wherever below it people are."""
    rule = {"lockoutThreshold": [b"5"], "lockOutObservationWindow": [HALF_AN_HOUR]}
    _answer(responder, rule, contexts=(f"CN=Configuration,{BASE}", "dc=example", BASE.upper()))
    directory = _directory(Kind.ACTIVE_DIRECTORY, f"OU=People,{BASE}")

    (found,) = _look(responder, directory)

    assert found.text == (
        "locks an account after 5 wrong passwords within 1800 s; we stop after 4 within 1800 s"
    )
    assert responder.searches[-1].base == BASE.upper()


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        pytest.param({"lockoutThreshold": [b"0"]}, [UNKNOWN], id="half of it"),
        pytest.param({}, [UNKNOWN], id="hidden"),
        pytest.param(
            {"lockoutThreshold": [b"5"], "lockOutObservationWindow": [FOREVER]},
            [ADDS_UP],
            id="for ever",
        ),
        pytest.param(
            {"lockoutThreshold": [b"many"], "lockOutObservationWindow": [HALF_AN_HOUR]},
            [UNKNOWN],
            id="no number",
        ),
        pytest.param(
            {"lockoutThreshold": [b"3"], "lockOutObservationWindow": [HALF_AN_HOUR]},
            [TOO_HIGH],
            id="too low",
        ),
        pytest.param(
            {"lockoutThreshold": [b"5"], "lockOutObservationWindow": [b"-36000000000"]},
            [TOO_SHORT],
            id="an hour",
        ),
    ],
)
def test_rule_of_a_domain(
    responder: Responder, entry: dict[str, list[bytes]], told: list[tuple[Level, Cause]]
) -> None:
    """Its window is written backwards, in ten millionths of a second."""
    _answer(responder, entry)

    assert _told(_look(responder, _directory(Kind.ACTIVE_DIRECTORY))) == told


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        pytest.param(
            [{"pwdMaxFailure": [b"4"], "pwdLockout": [b"TRUE"]}], [TOO_HIGH, ADDS_UP], id="low"
        ),
        pytest.param([{"pwdMaxFailure": [b"4"], "pwdLockout": [b"FALSE"]}], [WELL], id="off"),
        pytest.param([{"pwdMaxFailure": [b"4"]}], [WELL], id="off by default"),
        pytest.param([{"pwdLockout": [b"TRUE"]}], [WELL], id="no number"),
        pytest.param(
            [
                {
                    "pwdMaxFailure": [b"9"],
                    "pwdLockout": [b"TRUE"],
                    "pwdFailureCountInterval": [b"600"],
                },
                {
                    "pwdMaxFailure": [b"5"],
                    "pwdLockout": [b"TRUE"],
                    "pwdFailureCountInterval": [b"60"],
                },
                {},
            ],
            [WELL],
            id="several that are well",
        ),
        pytest.param(
            [
                {
                    "pwdMaxFailure": [b"9"],
                    "pwdLockout": [b"TRUE"],
                    "pwdFailureCountInterval": [b"3600"],
                },
                {
                    "pwdMaxFailure": [b"3"],
                    "pwdLockout": [b"TRUE"],
                    "pwdFailureCountInterval": [b"60"],
                },
            ],
            [TOO_HIGH, TOO_SHORT],
            id="the strictest counts",
        ),
        pytest.param([], [UNKNOWN], id="none"),
    ],
)
def test_policies_of_openldap(
    responder: Responder, entries: list[dict[str, list[bytes]]], told: list[tuple[Level, Cause]]
) -> None:
    """Of several policies the strictest is what we have to stay below."""
    _answer(responder, *entries)

    assert _told(_look(responder, _directory())) == told
    assert responder.searches[-1].filter == "(objectClass=pwdPolicy)"


def test_refused_search_leaves_it_unknown(responder: Responder) -> None:
    """Who may not read the policy is told so, not that there is none."""
    _answer(responder, {"pwdMaxFailure": [b"3"]}, code=50)

    assert _told(_look(responder, _directory())) == [UNKNOWN]


def test_base_is_taken_where_the_root_says_nothing(responder: Responder) -> None:
    """A server that does not tell what it has is searched below base."""
    assert _told(_look(responder, _directory(base=f"ou=people,{BASE}"))) == [UNKNOWN]
    assert responder.searches[-1].base == f"ou=people,{BASE}"
