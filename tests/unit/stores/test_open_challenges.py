"""Tests of `radiusmfa.stores.open_challenges`."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.login.challenges import Entry
from radiusmfa.login.talk import Talk
from radiusmfa.stores import open_challenges
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.stores.database import Database

TALK: Final = Talk(
    upstream="rsa",
    factor="securid",
    server="192.0.2.9:1812",
    state=b"\0their State\xff",
    rounds=2,
    kept=b"\1\0\0their keys",
    missing="vip",
)
PLAIN: Final = Entry(b"0plain", "192.0.2.1", 1, "id-1", "auto", 0, 10.0, 70.0)
TALKING: Final = Entry(b"0talking", "2001:db8::1", -7, "id_2", "proxy", 1, 11.5, 71.5, "BOTH", TALK)


@pytest.fixture
def vault(store: Database) -> Vault:
    """The keys of the store."""
    return store.vault


def _put(store: Database, *entries: Entry, vault: Vault | None = None) -> None:
    with store.transaction() as connection:
        for entry in entries:
            connection.execute(
                open_challenges.PUT, open_challenges.row(entry, vault or store.vault)
            )


def _read(store: Database) -> list[Entry]:
    return open_challenges.read(store.connection, store.vault)


def _body(entry: Entry, vault: Vault) -> list[Any]:
    body: list[Any] = json.loads(str(open_challenges.row(entry, vault)[3]))
    return body


def _spoil(store: Database, body: object, state: str = "0talking") -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    with store.transaction() as connection:
        connection.execute("UPDATE challenges SET body = ? WHERE state = ?", (text, state))


# -- what cannot be answered --


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("no JSON", id="no JSON"),
        pytest.param("null", id="null"),
        pytest.param("7", id="a number"),
        pytest.param([], id="an empty list"),
        pytest.param(["id", "auto"], id="two values"),
        pytest.param(["id", "auto", "many"], id="wrong of text"),
        pytest.param('["id","auto",Infinity]', id="endless"),
        pytest.param([7, "auto", 0], id="a login that is a number"),
        pytest.param(["", "auto", 0], id="no login"),
        pytest.param(['x","user":"bob', "auto", 0], id="a login that forges a line"),
        pytest.param(["a" * 65, "auto", 0], id="a login that is too long"),
        pytest.param(["id\n", "auto", 0], id="a login and a line"),
        pytest.param(["id", "auto", 0, ""], id="no step"),
        pytest.param(["id", "auto", 0, 7], id="a step that is a number"),
        pytest.param(["id", "auto", 0, None], id="a step that is none"),
        pytest.param(["id", "auto", 0, "both"], id="a step in small letters"),
        pytest.param(["id", "auto", 0, "BOTH\n"], id="a step and a line"),
        pytest.param(["id", "auto", 0, "A" * 33], id="a step that is too long"),
        pytest.param(["id", "auto", 0, "BOTH", ""], id="an empty dialogue"),
        pytest.param(["id", "auto", 0, "BOTH", None], id="a dialogue that is none"),
        pytest.param(["id", "auto", 0, "BOTH", "e"], id="a dialogue that is no base 64"),
        pytest.param(["id", "auto", 0, "BOTH", "\u00fc"], id="a dialogue of letters"),
        pytest.param(["id", "auto", 0, "BOTH", "AAAA"], id="a dialogue of three octets"),
        pytest.param(
            ["id", "auto", 0, "BOTH", base64.b64encode(b"\1" * 80).decode()],
            id="a dialogue that nobody sealed",
        ),
        pytest.param("[" * 20_000, id="deep"),
    ],
)
def test_damaged_row_vanishes(store: Database, body: object) -> None:
    """A challenge that cannot be read is nobody's, and spoils no other."""
    _put(store, PLAIN, TALKING)
    _spoil(store, body)
    assert _read(store) == [PLAIN]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("state = x'ff'", id="state of octets"),
        pytest.param("body = x'ff'", id="body of octets"),
        pytest.param("created = 'long ago'", id="created"),
        pytest.param("expires = x'00'", id="expires"),
    ],
)
def test_row_with_a_damaged_column_vanishes(store: Database, change: str) -> None:
    """Whatever stands in a column, it stops neither the start nor other people's logins."""
    _put(store, PLAIN, TALKING)
    with store.transaction() as connection:
        connection.execute(f"UPDATE challenges SET {change} WHERE state = '0talking'")  # noqa: S608
    assert _read(store) == [PLAIN]


def test_dialogue_is_bound_to_its_state(store: Database) -> None:
    """Whoever copies a sealed dialogue into another challenge's row gets none of them."""
    other = TALKING._replace(state=b"0other", talk=Talk(upstream="rsa", state=b"another"))
    _put(store, PLAIN, TALKING, other)
    mine, theirs = _body(TALKING, store.vault), _body(other, store.vault)
    _spoil(store, theirs)
    _spoil(store, mine, "0other")
    assert _read(store) == [PLAIN]


def test_dialogue_under_another_state_vanishes(store: Database) -> None:
    """Nor does it follow its row to a new name."""
    _put(store, TALKING)
    with store.transaction() as connection:
        connection.execute("UPDATE challenges SET state = '0new'")
    assert _read(store) == []


def test_dialogue_that_was_changed_vanishes(store: Database) -> None:
    """One octet that somebody turned over makes it nobody's."""
    _put(store, TALKING)
    body = _body(TALKING, store.vault)
    sealed = bytearray(base64.b64decode(body[4]))
    sealed[-20] ^= 1
    _spoil(store, [*body[:4], base64.b64encode(sealed).decode()])
    assert _read(store) == []


def test_dialogue_of_other_keys_vanishes(store: Database, tmp_path: Path) -> None:
    """What was sealed with keys that are gone ends a dialogue, not the server."""
    _put(store, PLAIN, TALKING, vault=Vault.create(tmp_path / "others"))
    assert _read(store) == [PLAIN]


def test_sealed_thing_that_is_no_dialogue_vanishes(store: Database) -> None:
    """Even under the right seal only a dialogue counts."""
    _put(store, PLAIN, TALKING)
    sealed = base64.b64encode(store.vault.seal(b"[]", "challenge|0talking")).decode()
    _spoil(store, ["id_2", "proxy", 1, "BOTH", sealed])
    assert _read(store) == [PLAIN]


# -- what can --


def test_older_rows_still_load(store: Database) -> None:
    """A row of the release before knows one step: a passcode of ours is wanted."""
    with store.transaction() as connection:
        connection.execute(
            open_challenges.PUT, ("0old", "192.0.2.1", 3, '["id", "auto", 1]', 10, 70.5)
        )
    assert _read(store) == [
        Entry(b"0old", "192.0.2.1", 3, "id", "auto", 1, 10.0, 70.5, "PASSCODE", None)
    ]


@pytest.mark.parametrize("step", ["PASSCODE", "PASSWORD", "BOTH", "INSTEAD"])
@pytest.mark.parametrize("talk", [None, TALK, Talk(kept=b"\1"), Talk(missing="securid")])
def test_what_was_put_is_read(store: Database, step: str, talk: Talk | None) -> None:
    """Every field comes back as it was, the dialogue octet for octet."""
    entry = PLAIN._replace(step=step, talk=talk)
    _put(store, entry)
    assert _read(store) == [entry]


def test_challenges_come_oldest_first(store: Database) -> None:
    """The order is that of time, whatever the States are."""
    early = PLAIN._replace(state=b"9early", created=1.0)
    _put(store, TALKING, PLAIN, early)
    assert _read(store) == [early, PLAIN, TALKING]


def test_answered_challenge_is_dropped(store: Database) -> None:
    """The row goes by its State."""
    _put(store, PLAIN, TALKING)
    with store.transaction() as connection:
        connection.execute(open_challenges.DROP, ("0talking",))
    assert _read(store) == [PLAIN]


def test_row_shows_nothing_of_the_dialogue(vault: Vault) -> None:
    """Who reads the store without keys learns neither the upstream's State nor the keys."""
    text = repr(open_challenges.row(TALKING, vault))
    for secret in (TALK.state, TALK.kept, b"their", b"rsa", b"securid"):
        assert secret.decode("latin-1") not in text
        assert base64.b64encode(secret).decode() not in text
    sealed = base64.b64decode(_body(TALKING, vault)[4])
    assert b"their" not in sealed


def test_no_two_seals_are_alike(vault: Vault) -> None:
    """The same dialogue sealed twice is not the same: nobody sees that nothing has changed."""
    assert _body(TALKING, vault)[4] != _body(TALKING, vault)[4]
