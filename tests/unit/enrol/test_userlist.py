"""Tests of `radiusmfa.enrol.userlist`."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol.records import Algorithm, Fault, Kind
from radiusmfa.enrol.userlist import UserList, UserRow
from radiusmfa.primary import hashing
from tests.families import family

SEED: Final = b"12345678901234567890"
BASE32: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
ARGON2: Final = hashing.hash_password(b"hunter2", hashing.Parameters(memory_kib=8, passes=1))


def _rows(content: str | bytes) -> list[UserRow | Fault]:
    users = UserList(content)
    assert not users.faults
    return list(users.rows())


def _only(content: str) -> UserRow:
    (row,) = _rows(content)
    assert isinstance(row, UserRow)
    return row


def _fault(content: str) -> Fault:
    (row,) = _rows(content)
    assert isinstance(row, Fault)
    return row


# What must not be imported


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "empty; the first row must name", id="nothing"),
        pytest.param("\n# a comment\n", "empty; the first row must name", id="a comment"),
        pytest.param(b"\xff", "not UTF-8", id="no UTF-8"),
        pytest.param("a\0b", "NUL", id="NUL"),
        pytest.param("alice,hunter2", "line 1: column 1 of the header", id="no header"),
        pytest.param("password\nx", "must name a column name", id="no name"),
        pytest.param("name,user", "columns 1 and 2 mean the same", id="twice"),
        pytest.param("name,seed,seed_hex", "more than one column of seeds", id="two seeds"),
        pytest.param("name,serial,kind", "but none of its seed", id="a token without seed"),
        pytest.param('name,"password', "a quoted cell", id="a quote"),
    ],
)
def test_bad_header_is_told_before_any_row(content: str | bytes, message: str) -> None:
    """A list without a header that is understood has no rows; its cells are not repeated."""
    users = UserList(content)
    assert list(users.rows()) == []
    (fault,) = users.faults
    assert fault.where == "the file"
    assert message in fault.message
    assert "hunter2" not in fault.message


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        pytest.param("name,password", ",hunter2", "must not be empty", id="no name"),
        pytest.param("name,password", "a\x07b,hunter2", "control characters", id="a bell"),
        pytest.param("name,password", f"{'a' * 254},hunter2", "253 octets", id="a long name"),
        pytest.param("name,password,hash", f'a,hunter2,"{ARGON2}"', "only one", id="both"),
        pytest.param("name,password", f"a,{'x' * 129}", "more than 128 octets", id="long"),
        pytest.param("name,password", "a," + "\u00fc" * 65, "more than 128 octets", id="octets"),
        pytest.param("name,hash", "a,hunter2", "not a password hash", id="no hash"),
        pytest.param("name,hash", "a,$1$abc$" + "A" * 22, "not a password hash", id="MD5-crypt"),
        pytest.param("name,hash", f'a,"!{ARGON2}"', "not a password hash", id="a locked one"),
        pytest.param(
            "name,hash", f"a,$6$rounds=999999999$salt${'A' * 86}", "cost is outside", id="slow"
        ),
        pytest.param("name,disabled", "a,perhaps", "must be yes or no", id="no flag"),
        pytest.param("name,password_only", "a,-", "must be yes or no", id="no flag either"),
        pytest.param("name,seed_hex", "a,xyz", "the seed is not hex", id="no hex"),
        pytest.param("name,seed", "a,2222222222222222", "hex or base32", id="either"),
        pytest.param("name,seed,digits", "a,,8", "a token without a seed", id="no seed"),
        pytest.param("name,seed,digits", f"a,{BASE32},5", "digits", id="five digits"),
        pytest.param("name,seed,kind", f"a,{BASE32},ocra", "the kind", id="another kind"),
        pytest.param("name,seed,period", f"a,{BASE32},1", "the period", id="a short period"),
        pytest.param("name,seed,serial", f"a,{BASE32},b c", "serial number", id="a blank"),
        pytest.param("name", "a,hunter2", "more cells than", id="more cells"),
        pytest.param("name,password", "a,hunter2,x", "needs quotes", id="a comma in it"),
    ],
)
def test_bad_row_is_a_fault_with_its_line(header: str, row: str, message: str) -> None:
    """A row that cannot be used is told with its line, without password, hash or seed."""
    (fault,) = _rows(f"{header}\n{row}")
    assert isinstance(fault, Fault)
    assert fault.where == "line 2"
    assert message in fault.message
    for hidden in ("hunter2", ARGON2[-20:], BASE32, "xyz"):
        assert hidden not in fault.message


def test_user_or_serial_number_that_comes_again_is_a_fault() -> None:
    """A name that differs in case alone is the same user; a serial number is used once."""
    found = _rows(
        f"name,seed,serial\nAlice,{BASE32},T-1\nbob,{BASE32},T-1\nALICE,,\n\u212aim,,\nkim,,\n"
    )
    assert [str(row) for row in found if isinstance(row, Fault)] == [
        "line 3: the serial number of line 2 again",
        "line 4: the user of line 2 again",
        "line 6: the user of line 5 again",
    ]


def test_rows_end_at_a_quote_that_is_not_closed() -> None:
    """After a damaged quote nothing more is read, and the import is refused."""
    found = _rows('name,password\nalice,hunter2\nbob,"hunter3\ncarol,hunter4\n')
    assert isinstance(found[0], UserRow)
    assert [str(row) for row in found[1:]] == [
        "the file: line 3: a quoted cell is not closed on its line, or a cell is too long"
    ]


# What is read


def test_password_is_taken_octet_for_octet() -> None:
    """A password keeps its blanks, commas and letters of any script."""
    row = _only('name,password\nalice,"  p\u00e4ss, ""word"" "')
    assert row.password is not None
    assert row.password.reveal() == '  p\u00e4ss, "word" '.encode()
    assert (row.name, row.where) == ("alice", "line 2")
    assert not row.disabled
    assert not row.password_only


@pytest.mark.parametrize(
    ("inputs", "expected"),
    family("password_verify", lambda row: row["inputs"]["format"] != "nt_hash"),
)
def test_hashes_of_every_form_are_taken(inputs: dict[str, str], expected: object) -> None:
    """PHC Argon2, bcrypt, SHA-crypt, PBKDF2 and SSHA come in as they are."""
    assert expected
    row = _only(f"name;hash\nalice;{inputs['stored_text']}")
    assert row.password_hash == inputs["stored_text"]
    assert row.password is None


def test_hash_in_a_list_with_commas_is_quoted() -> None:
    """Argon2's own commas need quotes in a list with commas; without them the row is refused."""
    assert _only(f'name,hash\nalice,"{ARGON2}"').password_hash == ARGON2
    assert "more cells" in _fault(f"name,hash\nalice,{ARGON2}").message


def test_user_without_password_is_one_without() -> None:
    """An empty cell is no password, not an empty one."""
    row = _only("name,password,hash,disabled,password_only\nalice,,,yes,1")
    assert (row.password, row.password_hash) == (None, None)
    assert row.disabled
    assert row.password_only


def test_token_comes_with_its_user() -> None:
    """A seed makes a token of that user, with all that the row says of it."""
    row = _only(
        "name,seed_base32,serial,kind,algorithm,digits,period,counter,label\n"
        f"Alice,{BASE32},T-1,totp,sha256,8,60,,Desk\n"
    )
    token = row.token
    assert token is not None
    assert (token.seed.reveal(), token.user, token.where) == (SEED, "alice", "line 2")
    assert (token.serial, token.kind, token.algorithm) == ("T-1", Kind.TOTP, Algorithm.SHA256)
    assert (token.digits, token.period, token.label) == (8, 60, "Desk")


def test_token_of_a_counter_keeps_it() -> None:
    """A counter token has a counter and no period."""
    token = _only(f"name,seed,kind,counter,period\na,{BASE32},hotp,9,77").token
    assert token is not None
    assert (token.kind, token.counter, token.period) == (Kind.HOTP, 9, 30)


def test_user_without_seed_has_no_token() -> None:
    """An empty seed is no token."""
    assert _only("name,seed,serial\nalice,,").token is None


def test_list_of_excel_is_read() -> None:
    """A byte order mark, semicolons and CRLF do no harm."""
    found = _rows("\ufeffName;Password\r\nalice;hunter2\r\n\r\nbob;hunter3\r\n".encode())
    assert [row.name for row in found if isinstance(row, UserRow)] == ["alice", "bob"]


def test_rows_are_counted_for_a_progress_bar() -> None:
    """The total is about the number of rows, before any of them is looked at."""
    assert UserList("name\na\nb\nc\n").total == 3
    assert UserList("name").total == 0
    assert list(UserList("name").rows()) == []


def test_row_does_not_show_what_is_secret() -> None:
    """A row may be printed."""
    row = _only(f"name,password,seed\nalice,hunter2,{BASE32}")
    assert "hunter2" not in repr(row)
    assert "1234567890" not in repr(row)
    assert ARGON2 not in repr(_only(f"name;hash\nalice;{ARGON2}"))


_CELLS: Final = st.sampled_from([
    "name", "password", "hash", "seed", "serial", "disabled", "alice", "bob", "hunter2", BASE32,
    ARGON2, '"', "", " ", "yes", "\x1b", "\r", "\u0130", "#", ";", "\t",
])  # fmt: skip
_TABLES: Final = st.lists(st.lists(_CELLS, max_size=6).map(",".join), max_size=6).map("\n".join)


@given(
    st.one_of(
        st.binary(max_size=60), st.text(max_size=60), _TABLES,
        _TABLES.map("name,password,seed,disabled\n".__add__),
    )
)  # fmt: skip
def test_any_list_is_users_or_faults(content: str | bytes) -> None:
    """Whatever a list holds: users with a name, or faults, and no exception."""
    users = UserList(content)
    found = list(users.rows())
    assert not (users.faults and found)
    names = [row.name for row in found if isinstance(row, UserRow)]
    assert len(names) == len(set(names))
    assert all(names)
    for row in (*users.faults, *found):
        assert not isinstance(row, Fault) or str(row).isprintable()
