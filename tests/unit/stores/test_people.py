"""Tests of `radiusmfa.stores.people`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.service_model import Limits
from radiusmfa.factors import recovery
from radiusmfa.login.calls import refusal
from radiusmfa.login.devices import Question
from radiusmfa.outcome import Reason
from radiusmfa.stores import approvals, assignments, granting, names, people, tokens, trail
from radiusmfa.stores.assignments import Assignment
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.people import Failure, RefusedError
from radiusmfa.stores.trail import Actor
from tests.unit.stores.stock import ACTOR, NOW, SEED, device, enroll, settle, totp

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock


def _last_line(store: Database) -> dict[str, Any]:
    *_, (_, line) = trail.read(store)
    found: dict[str, Any] = json.loads(line)
    return found


def _fail(store: Database, factor: str, client: str, until: int = 0) -> None:
    with store.transaction() as connection:
        (number,) = connection.execute("SELECT id FROM users").fetchone()
        connection.execute(
            "INSERT INTO failures VALUES (?, ?, ?, 3, 0, ?, x'00')", (number, factor, client, until)
        )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda store: people.person(store, "bob"), id="show"),
        pytest.param(lambda store: people.failures(store, "bob"), id="failures"),
        pytest.param(lambda store: people.set_password(store, ACTOR, "bob", None), id="password"),
        pytest.param(
            lambda store: people.set_disabled(store, ACTOR, "bob", disabled=True), id="disable"
        ),
        pytest.param(
            lambda store: people.set_password_only(store, ACTOR, "bob", password_only=True),
            id="exempt",
        ),
        pytest.param(lambda store: people.unlock(store, ACTOR, "bob"), id="unlock"),
        pytest.param(lambda store: people.delete(store, ACTOR, "bob"), id="delete"),
        pytest.param(
            lambda store: people.issue_recovery(store, ACTOR, "bob", ["abcde-fghjk"]), id="recovery"
        ),
    ],
)
def test_unknown_user_is_refused(
    change: Callable[[Database], object], store: Database, stock: Stock
) -> None:
    """What concerns nobody is refused, changes nothing and leaves no audit line."""
    settle(store, "alice")
    before = stock.dump()
    with pytest.raises(RefusedError, match="there is no user 'bob'"):
        change(store)
    assert stock.dump() == before


def test_name_is_given_once(store: Database, stock: Stock) -> None:
    """A second user of one name is refused, and the first keeps the password."""
    people.add(store, ACTOR, "alice", password="$one")
    before = stock.dump()
    with pytest.raises(RefusedError, match="there is a user 'alice' already; nothing was changed"):
        people.add(store, ACTOR, "alice", password="$other")
    with pytest.raises(RefusedError, match="already"):
        people.refuse_taken(store, "alice")
    people.refuse_taken(store, "bob")
    assert stock.dump() == before


@pytest.mark.parametrize(
    "name",
    [
        "a" * 253,
        "\u0430lice",
        "alice\u0301",
        "\u05d3\u05d5\u05d3",
        "x'; DROP TABLE users;--",
        "%",
        "\\",
    ],
    ids=["253-octets", "cyrillic", "accent", "hebrew", "sql", "percent", "backslash"],
)
def test_names_are_taken_as_they_are(name: str, store: Database) -> None:
    """A name that looks like another's, or like SQL, is just another name."""
    people.add(store, ACTOR, "alice", password="$alice")
    people.add(store, ACTOR, name, password="$other")
    assert people.person(store, name).password == "$other"
    assert people.person(store, "alice").password == "$alice"
    people.delete(store, ACTOR, name)
    assert [person.name for person in people.everybody(store)] == ["alice"]


@pytest.mark.parametrize(
    ("password", "exempt", "detail"),
    [
        ("$hash", False, None),
        (None, False, "without a password"),
        ("$hash", True, "PASSWORD ONLY: exempt from the second factor"),
    ],
)
def test_adding_is_audited(
    password: str | None, detail: str | None, store: Database, *, exempt: bool
) -> None:
    """The audit says who was added by whom, loudly if no second factor is needed; no hash."""
    people.add(store, ACTOR, "alice", password=password, password_only=exempt)
    line = _last_line(store)
    assert (line["action"], line["by"], line["user"]) == ("user.add", "tester", "alice")
    assert line.get("detail") == detail
    assert "$hash" not in json.dumps(line)
    added = people.person(store, "alice")
    assert (added.password, added.password_only, added.created) == (password, exempt, int(NOW))
    assert "$hash" not in repr(added)


@pytest.mark.parametrize(
    ("change", "action", "detail"),
    [
        pytest.param(
            lambda store: people.set_password(store, ACTOR, "alice", "$new"),
            "user.password",
            None,
            id="password",
        ),
        pytest.param(
            lambda store: people.set_password(store, ACTOR, "alice", None),
            "user.password",
            "removed",
            id="no-password",
        ),
        pytest.param(
            lambda store: people.set_disabled(store, ACTOR, "alice", disabled=True),
            "user.disable",
            None,
            id="disable",
        ),
        pytest.param(
            lambda store: people.set_disabled(store, ACTOR, "alice", disabled=False),
            "user.enable",
            None,
            id="enable",
        ),
        pytest.param(
            lambda store: people.set_password_only(store, ACTOR, "alice", password_only=True),
            "user.password-only",
            "PASSWORD ONLY: exempt from the second factor",
            id="exempt",
        ),
        pytest.param(
            lambda store: people.set_password_only(store, ACTOR, "alice", password_only=False),
            "user.password-only",
            "ended",
            id="no-longer-exempt",
        ),
    ],
)
def test_change_is_audited(
    change: Callable[[Database], object], action: str, detail: str | None, store: Database
) -> None:
    """Each change is one line with who, whom and what, and without a hash."""
    settle(store, "alice")
    change(store)
    line = _last_line(store)
    assert (line["action"], line["user"], line.get("detail")) == (action, "alice", detail)
    assert "$new" not in json.dumps(line)


def test_change_concerns_one_user(store: Database) -> None:
    """What is changed for one person is as before for all others."""
    settle(store, "alice", "bob")
    people.set_password(store, ACTOR, "alice", "$new")
    people.set_disabled(store, ACTOR, "alice", disabled=True)
    people.set_password_only(store, ACTOR, "alice", password_only=True)
    alice, bob = people.everybody(store)
    assert (alice.password, alice.disabled, alice.password_only) == ("$new", True, True)
    assert (bob.password, bob.disabled, bob.password_only) == (None, False, False)
    people.set_disabled(store, ACTOR, "alice", disabled=False)
    people.set_password_only(store, ACTOR, "alice", password_only=False)
    alice = people.person(store, "alice")
    assert (alice.disabled, alice.password_only) == (False, False)


def test_listing_counts_what_a_person_has(store: Database) -> None:
    """Active tokens, unused codes and the latest lock are in the listing."""
    settle(store, "alice")
    enroll(store, totp("T1", "alice"), totp("T2", "alice"))
    enroll(store, totp("T3", "alice"), status="pending")
    people.issue_recovery(store, ACTOR, "alice", recovery.generate(3))
    _fail(store, "oath", "vpn", 50)
    _fail(store, "password", "vpn", 70)
    found = people.person(store, "alice")
    assert (found.tokens, found.recovery_codes, found.locked_until) == (2, 3, 70)
    assert people.failures(store, "alice") == [
        Failure("oath", "vpn", 3, 50),
        Failure("password", "vpn", 3, 70),
    ]


def test_listing_has_the_upstreams_of_a_person(store: Database) -> None:
    """Whoever is assigned to upstreams is listed with them, by name; others with none."""
    settle(store, "alice", "bob")
    for upstream, name in (("vip", ""), ("rsa", 'A "B" \\ü')):
        assignments.assign(store, ACTOR, Assignment(user="alice", upstream=upstream, name=name))
    found = {one.name: list(one.upstreams.items()) for one in people.everybody(store)}
    assert found == {"alice": [("rsa", 'A "B" \\ü'), ("vip", "")], "bob": []}


def test_unlocking_forgets_failures(store: Database) -> None:
    """After `unlock` nothing keeps the person waiting, at no client."""
    settle(store, "alice")
    _fail(store, "oath", "vpn", 50)
    _fail(store, "oath", "wifi", 70)
    assert people.unlock(store, ACTOR, "alice") == 2
    assert people.failures(store, "alice") == []
    assert people.unlock(store, ACTOR, "alice") == 0
    assert _last_line(store)["action"] == "user.unlock"


def test_deleted_users_tokens_do_not_count(store: Database) -> None:
    """The tokens stay, nobody's: active ones disabled, pending ones still not proved."""
    settle(store, "alice", "bob")
    enroll(store, totp("T1", "alice"), totp("T2", "alice"), totp("T9", "bob"))
    enroll(store, totp("T3", "alice"), status="pending")
    tokens.revoke(store, ACTOR, "T2")
    assert people.delete(store, ACTOR, "alice") == ("T1", "T2", "T3")
    found = {one.serial: (one.user, one.status) for one in tokens.listing(store)}
    assert found == {
        "T1": (None, "disabled"),
        "T2": (None, "revoked"),
        "T3": (None, "pending"),
        "T9": ("bob", "active"),
    }
    assert _last_line(store)["detail"] == "tokens unassigned: T1 T2 T3"


def test_deleted_users_token_can_be_given_on(store: Database) -> None:
    """The seed is sealed anew for nobody, and for the next owner."""
    settle(store, "alice", "bob")
    enroll(store, totp("T1", "alice"))
    people.delete(store, ACTOR, "alice")
    tokens.assign(store, ACTOR, "T1", "bob")
    ((_, seed),) = tokens.export(store, ACTOR, user="bob", serials=frozenset())
    assert seed.reveal() == SEED


def test_deleting_leaves_nothing_behind(store: Database, stock: Stock) -> None:
    """Whatever is one user's alone goes with them, others' stays."""
    settle(store, "alice")
    assignments.assign(store, ACTOR, Assignment(user="alice", upstream="rsa"))
    _fail(store, "oath", "vpn")
    people.issue_recovery(store, ACTOR, "alice", recovery.generate(3))
    with store.transaction() as connection:
        connection.execute("INSERT INTO challenges VALUES ('s', 'vpn', 1, '[]', 0, 0)")
        connection.execute("INSERT INTO challenges VALUES ('t', 'vpn', 2, '[]', 0, 0)")
        connection.execute("INSERT INTO aliases VALUES ('asmith', 1)")
        connection.execute("INSERT INTO user_groups VALUES (1, 'Admins')")
        connection.executemany(
            "INSERT INTO remembered VALUES (NULL, ?, ?, 'x', 'vpn', '', '', 0, 9e9)",
            [(b"1", 1), (b"2", 2)],
        )
    assert people.delete(store, ACTOR, "alice") == ()
    assert "detail" not in _last_line(store)
    with stock.raw() as connection:
        left = {
            "users": 0, "failures": 0, "recovery": 0, "challenges": 1, "upstream_users": 0,
            "aliases": 0, "user_groups": 0, "remembered": 1,
        }  # fmt: skip
        for table, rows in left.items():
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)  # noqa: S608


def test_deleting_ends_approvals(store: Database) -> None:
    """Whoever is given the name next inherits none; those of other names stay."""
    settle(store, "alice")
    source = ApprovalSource(name="aws-root")
    for user in ("alice", "alice", "bob"):
        granting.grant(store, ACTOR, source, user, why="why", until=NOW + 60)
    granting.revoke(store, Actor("eve", NOW), 2)
    people.delete(store, ACTOR, "alice")
    assert [one.revoked_by for one in approvals.listing(store)] == ["tester", "eve", ""]
    assert _last_line(store)["detail"] == "approvals ended: 1"


def test_alias_is_named_where_a_name_is_wanted(store: Database) -> None:
    """Whoever types another name of somebody learns which one is meant."""
    settle(store, "alice")
    names.add_aliases(store, ACTOR, "alice", ["asmith"])
    with pytest.raises(RefusedError, match="no user 'asmith'; that is an alias of 'alice'"):
        people.person(store, "asmith")
    with store.reading() as connection:
        assert people.own_name(connection, "asmith") == "alice"
        assert people.own_name(connection, "alice") == "alice"
        assert people.own_name(connection, "eve") is None


def test_number_of_a_deleted_user_is_not_given_again(store: Database) -> None:
    """Whoever is added later inherits nothing that was bound to a deleted user's number."""
    settle(store, "alice")
    before = people.person(store, "alice").id
    people.delete(store, ACTOR, "alice")
    settle(store, "alice")
    assert people.person(store, "alice").id > before


def test_new_recovery_codes_make_old_ones_void(store: Database, stock: Stock) -> None:
    """Only the codes issued last are known, and only as keyed hashes."""
    settle(store, "alice")
    old, new = recovery.generate(3), recovery.generate(2)
    people.issue_recovery(store, ACTOR, "alice", old)
    people.issue_recovery(store, ACTOR, "alice", new)
    number = people.person(store, "alice").id
    wanted = {
        recovery.digest(store.pepper, number, recovery.canonical(code.encode()) or b"")
        for code in new
    }
    with stock.raw() as connection:
        assert {code for (code,) in connection.execute("SELECT code FROM recovery")} == wanted
    everything = "\n".join(stock.dump())
    assert not any(code in everything for code in old + new)
    assert not any(code.replace("-", "") in everything for code in old + new)


def test_recovery_codes_can_be_taken_away(store: Database) -> None:
    """Issuing none leaves none."""
    settle(store, "alice")
    people.issue_recovery(store, ACTOR, "alice", recovery.generate(3))
    people.issue_recovery(store, ACTOR, "alice", [])
    assert people.person(store, "alice").recovery_codes == 0
    assert _last_line(store)["detail"] == "0 codes; those before are void"


def test_what_is_no_code_is_not_stored(store: Database) -> None:
    """A string that nobody could type as a code does not become one."""
    settle(store, "alice")
    people.issue_recovery(store, ACTOR, "alice", ["abcde-fghjk", "short"])
    assert people.person(store, "alice").recovery_codes == 1


def _calls(store: Database) -> list[tuple[int, str]]:
    return store.connection.execute("SELECT user, result FROM calls ORDER BY id").fetchall()


def test_unlocking_ends_cool_downs(store: Database, stock: Stock) -> None:
    """Silence after a no, and what was counted, end; an open call stays, and so do others'."""
    settle(store, "alice", "bob")
    now = int(NOW)
    rows = [
        (at, "push", user, "push", b"", b"", b"", now - 5, now - 5, result)
        for at, (user, result) in enumerate(
            [(1, "refused"), (1, "fraud"), (1, "sent"), (1, "open"), (2, "refused")]
        )
    ]
    with store.transaction() as connection:
        connection.executemany("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    server = Logins(store)
    server.begin()
    server.commit()
    limits = Limits(per_hour=3, cool_down=3600)

    def why(user: int) -> Reason | None:
        return refusal(server.calls.of("push"), limits, user, b"t", NOW, is_open=False)

    assert why(1) is why(2) is Reason.COOLING_DOWN
    with stock.open() as administrators:
        people.unlock(administrators, ACTOR, "alice")
        assert _calls(administrators) == [(1, "open"), (2, "refused")]
    assert server.begin()  # somebody else has written: it reads anew
    server.commit()
    assert (why(1), why(2)) == (None, Reason.COOLING_DOWN)


def test_what_is_ones_own_goes_with_its_user(store: Database) -> None:
    """Numbers, addresses and questions are destroyed; a token that somebody can be given stays."""
    settle(store, "alice")
    enroll(store, totp("T1", "alice"))
    device(store, "alice", "yubikey", b"private id and key", serial="ccccccbcgujh")
    for kind, secret in (
        ("sms", "+491701234567"),
        ("voice", "+491701234567"),
        ("email", "alice@example.org"),
        ("question", Question("Which city?", "$hash").dump()),
    ):
        device(store, "alice", kind, secret, serial=kind)
    assert people.delete(store, ACTOR, "alice") == ("T1", "ccccccbcgujh")
    found = {one.serial: (one.user, one.status) for one in tokens.listing(store)}
    assert found == {
        "T1": (None, "disabled"),
        "ccccccbcgujh": (None, "disabled"),
        **dict.fromkeys(("sms", "voice", "email", "question"), (None, "revoked")),
    }
    assert _last_line(store)["detail"] == (
        "tokens unassigned: T1 ccccccbcgujh; revoked: sms voice email question"
    )
    stored = tokens.find(store.connection, "sms")
    assert tokens.open_seed(store, stored).reveal() == b""
    stored = tokens.find(store.connection, "ccccccbcgujh")
    assert tokens.open_seed(store, stored).reveal() == b"private id and key"
    assert trail.verify(store).fault is None
