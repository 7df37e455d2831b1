"""Tests of `radiusmfa.primary.hashing`."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from typing import Any, Final

import argon2
import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiusmfa.primary import hashing
from radiusmfa.primary.hashing import Parameters, PasswordRefusedError
from tests.families import family

PEPPER: Final = b"a pepper of this store alone...."
FAST: Final = Parameters(memory_kib=8, passes=1, lanes=1)
PASSWORD: Final = b"correct horse"
ARGON2: Final = hashing.hash_password(PASSWORD, FAST)
SHA512_SUM: Final = (
    "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
)
TAG: Final = "A" * 43
SALT: Final = "A" * 22


def _salted(name: str, scheme: str, password: bytes = PASSWORD, salt: bytes = b"salt") -> str:
    digest = hashlib.new(name, password + salt).digest()
    return f"{{{scheme}}}{base64.b64encode(digest + salt).decode()}"


# Refusals


@pytest.mark.parametrize("password", [b"", bytes(129)])
def test_password_nobody_could_use_is_refused(password: bytes) -> None:
    """An empty password, or one that no User-Password holds, is never hashed."""
    with pytest.raises(PasswordRefusedError, match="1 to 128 octets"):
        hashing.hash_password(password, FAST)
    with pytest.raises(PasswordRefusedError, match="1 to 128 octets"):
        hashing.keyed(password, PEPPER)


@pytest.mark.parametrize("stored", [ARGON2, hashing.keyed(PASSWORD, PEPPER)])
@pytest.mark.parametrize(
    "password",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"correct hors", id="an octet missing"),
        pytest.param(b"correct horse ", id="a blank more"),
        pytest.param(b"correct horse\0", id="a NUL more"),
        pytest.param(b"correct horse\0" + bytes(115), id="too long"),
        pytest.param(b"Correct horse", id="another case"),
        pytest.param(b"correct\xffhorse", id="no UTF-8"),
    ],
)
def test_another_password_is_wrong(stored: str, password: bytes) -> None:
    """A password is right octet for octet, or not at all."""
    assert not hashing.verify(stored, password, PEPPER)


def test_empty_password_is_never_right() -> None:
    """Not even a hash of the empty password lets anybody in with one."""
    for name, scheme in (("sha1", "SSHA"), ("sha512", "SSHA512")):
        assert not hashing.verify(_salted(name, scheme, b""), b"", PEPPER)
    empty = argon2.low_level.hash_secret(
        b"", bytes(16), time_cost=1, memory_cost=8, parallelism=1, hash_len=32,
        type=argon2.Type.ID,
    ).decode()  # fmt: skip
    assert hashing.known(empty) == "argon2id"
    assert not hashing.verify(empty, b"", PEPPER)


def test_too_long_password_is_never_right() -> None:
    """A password of more than 128 octets is not compared, whatever was stored."""
    long = b"a" * 129
    assert hashing.verify(_salted("sha1", "SSHA", long[:-1]), long[:-1], PEPPER)
    assert not hashing.verify(_salted("sha1", "SSHA", long), long, PEPPER)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("", id="nothing"),
        pytest.param("correct horse", id="the password itself"),
        pytest.param("*", id="no login"),
        pytest.param("!" + ARGON2, id="locked the way of Unix"),
        pytest.param(ARGON2 + "\n", id="a newline after it"),
        pytest.param(" " + ARGON2, id="a blank before it"),
        pytest.param(ARGON2[:-2], id="cut"),
        pytest.param(ARGON2.replace("v=19", "v=18"), id="an unknown version of Argon2"),
        pytest.param(ARGON2.replace("argon2id", "argon2x"), id="an unknown Argon2"),
        pytest.param(ARGON2.replace("m=8", "m=08"), id="a number with a zero"),
        pytest.param(ARGON2.replace("m=8", "m=\u0668"), id="a number in other digits"),
        pytest.param(f"$argon2id$v=19$m=8,t=1,p=1${SALT}${TAG[:-1]}B", id="bits left over"),
        pytest.param("{SHA}" + base64.b64encode(bytes(20)).decode(), id="SHA without salt"),
        pytest.param("{SSHA}" + base64.b64encode(bytes(20)).decode() + "A", id="no base64"),
        pytest.param("{SSHA256}" + base64.b64encode(bytes(32)).decode(), id="an empty salt"),
        pytest.param("{SSHA512}" + base64.b64encode(bytes(60)).decode(), id="a cut digest"),
        pytest.param("{SSHA}" + "A" * 600, id="over-long"),
        pytest.param("$1$abc$" + "A" * 22, id="MD5-crypt"),
        pytest.param("$2b$05$" + "C" * 52, id="bcrypt, cut"),
        pytest.param("$2x$05$" + "C" * 21 + "." + "C" * 31, id="bcrypt with the sign fault"),
        pytest.param("$2b$05$" + "C" * 53, id="bcrypt with bits left over"),
        pytest.param(f"$6$salt$with$dollar${SHA512_SUM}", id="a salt with a dollar"),
        pytest.param(f"$6$seventeen-octets!${SHA512_SUM}", id="a salt too long"),
        pytest.param(f"$6$rounds=05000$salt${SHA512_SUM}", id="rounds with a zero"),
        pytest.param(f"$pbkdf2-sha256$1000${'A' * 5}${TAG}", id="PBKDF2 with a cut salt"),
        pytest.param("$keyed$2$" + "A" * 22 + "==$" + TAG + "=", id="an unknown keyed form"),
        pytest.param("cfc43211ba8dc470832267827cac1407", id="an NT hash"),
    ],
)
def test_unknown_or_damaged_hash_lets_nobody_in(stored: str) -> None:
    """What is not a whole hash of a known form is refused at import and at login."""
    assert hashing.known(stored) is None
    assert "not a password hash" in (hashing.fault_in(stored) or "")
    assert not hashing.verify(stored, PASSWORD, PEPPER)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(f"$argon2id$v=19$m=1048577,t=1,p=1${SALT}${TAG}", id="memory over 1 GiB"),
        pytest.param(f"$argon2id$v=19$m=1048576,t=5,p=1${SALT}${TAG}", id="memory times passes"),
        pytest.param(f"$argon2id$v=19$m=8,t=999999999,p=1${SALT}${TAG}", id="passes"),
        pytest.param(f"$argon2id$v=19$m=4096,t=1,p=65${SALT}${TAG}", id="lanes"),
        pytest.param(f"$argon2id$v=19$m=8,t=1,p=2${SALT}${TAG}", id="too little memory for them"),
        pytest.param("$2b$16$" + "C" * 21 + "." + "C" * 31, id="bcrypt of cost 16"),
        pytest.param("$2b$03$" + "C" * 21 + "." + "C" * 31, id="bcrypt of cost 3"),
        pytest.param("$2b$99$" + "C" * 21 + "." + "C" * 31, id="bcrypt of cost 99"),
        pytest.param(f"$6$rounds=1000001$salt${SHA512_SUM}", id="SHA-512-crypt, a million and one"),
        pytest.param(f"$6$rounds=999$salt${SHA512_SUM}", id="SHA-512-crypt, too few"),
        pytest.param(f"$5$rounds=999999999$salt${'A' * 43}", id="SHA-256-crypt"),
        pytest.param(f"$pbkdf2-sha256$5000001${SALT}${TAG}", id="PBKDF2"),
    ],
)
def test_hash_that_costs_too_much_is_not_computed(stored: str) -> None:
    """One imported line cannot take the server's memory or hold a thread for minutes."""
    assert hashing.known(stored) is None
    assert "whose cost is outside" in (hashing.fault_in(stored) or "")
    assert not hashing.verify(stored, PASSWORD, PEPPER)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(b"a" * 72 + b"b", id="octets past the 72nd"),
        pytest.param(b"a" * 128, id="128 octets"),
        pytest.param(b"a\0b", id="NUL"),
    ],
)
def test_bcrypt_never_looks_at_a_part_only(password: bytes) -> None:
    """A password of which bcrypt would ignore a part is wrong, not cut."""
    for part in (password[:72], password.partition(b"\0")[0]):
        stored = bcrypt.hashpw(part[:72], bcrypt.gensalt(4)).decode()
        assert hashing.known(stored) == "bcrypt"
        assert not hashing.verify(stored, password, PEPPER)


def test_bcrypt_hash_without_the_package_is_refused_with_advice() -> None:
    """Where the optional package is missing an import says so, and a login is refused."""
    stored = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4)).decode()
    assert hashing.verify(stored, PASSWORD, PEPPER)
    program = (
        "import sys; sys.modules['bcrypt'] = None\n"
        "from radiusmfa.primary import hashing\n"
        f"print(hashing.verify({stored!r}, {PASSWORD!r}, b''), hashing.fault_in({stored!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.decode().startswith("False a bcrypt hash, and the package bcrypt is missing")


# Vectors


@pytest.mark.parametrize(
    ("inputs", "expected"),
    family("password_verify", lambda row: row["inputs"]["format"] != "nt_hash"),
)
def test_vectors_are_verified(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """A stored string of every form agrees with its password and with no other."""
    stored, password = inputs["stored_text"], inputs["password_text"].encode()
    assert hashing.fault_in(stored) is None
    assert hashing.verify(stored, password, b"") is expected["match"]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    family("password_verify", lambda row: row["inputs"]["format"] == "nt_hash"),
)
def test_nt_hashes_are_not_for_passwords(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """An NT hash is as good as the password itself: it is not taken, even where it matches."""
    assert expected["match"]
    assert hashing.known(inputs["stored_text"]) is None
    assert not hashing.verify(inputs["stored_text"], inputs["password_text"].encode(), b"")


@pytest.mark.parametrize(
    ("inputs", "expected"),
    family("kdf", lambda row: row["op"] == "argon2id" and not row["inputs"]["secret_hex"]),
)
def test_new_hashes_are_argon2id_as_published(
    inputs: dict[str, Any], expected: dict[str, str]
) -> None:
    """A new hash has the tag that the vector gives for its password, salt and cost."""
    salt = bytes.fromhex(inputs["salt_hex"])
    cost = Parameters(
        memory_kib=inputs["memory_kib"], passes=inputs["time_cost"], lanes=inputs["lanes"]
    )
    stored = hashing.hash_password(bytes.fromhex(inputs["password_hex"]), cost, lambda _: salt)
    tag = base64.b64decode(stored.rpartition("$")[2] + "=")
    assert tag.hex() == expected["tag_hex"]


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        pytest.param(ARGON2, "argon2id", id="Argon2id"),
        pytest.param(f"$argon2i$v=16$m=8,t=1,p=1${SALT}${TAG}", "argon2i", id="an old Argon2i"),
        pytest.param(f"$argon2d$v=19$m=8,t=1,p=1${SALT}${TAG}", "argon2d", id="Argon2d"),
        pytest.param("$2y$05$" + "C" * 21 + "." + "C" * 31, "bcrypt", id="bcrypt"),
        pytest.param(f"$6$salt${SHA512_SUM}", "sha512-crypt", id="SHA-512-crypt"),
        pytest.param(f"$6$${SHA512_SUM}", "sha512-crypt", id="an empty salt"),
        pytest.param(f"$5$rounds=1000$salt${'A' * 43}", "sha256-crypt", id="SHA-256-crypt"),
        pytest.param(_salted("sha1", "SSHA"), "ssha", id="SSHA"),
        pytest.param(_salted("sha256", "ssha256"), "ssha", id="SSHA-256"),
        pytest.param(_salted("sha512", "SSHA512"), "ssha", id="SSHA-512"),
        pytest.param(f"$pbkdf2-sha256$1000${SALT}${TAG}", "pbkdf2-sha256", id="PBKDF2"),
        pytest.param(hashing.keyed(PASSWORD, PEPPER), "keyed", id="our interim form"),
    ],
)
def test_known_forms_have_names(stored: str, name: str) -> None:
    """Every form that an import may bring is known by its name."""
    assert hashing.known(stored) == name
    assert hashing.fault_in(stored) is None


@pytest.mark.parametrize("scheme", ["SSHA", "SSHA256", "SSHA512", "ssha"])
@pytest.mark.parametrize("salt", [b"s", b"eight...", bytes(16)])
def test_salted_sha_is_verified(scheme: str, salt: bytes) -> None:
    """The forms of directories are verified whatever the length of their salt."""
    stored = _salted("sha" + (scheme[4:] or "1"), scheme, PASSWORD, salt)
    assert hashing.verify(stored, PASSWORD, PEPPER)
    assert not hashing.verify(stored, PASSWORD + salt[:1], PEPPER)


# Our own


def test_new_hash_is_verified_by_argon2_itself() -> None:
    """What we make is a plain PHC string that other programs read as well."""
    assert argon2.PasswordHasher().verify(ARGON2, PASSWORD)
    assert ARGON2.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert hashing.verify(ARGON2, PASSWORD, b"")


def test_equal_passwords_have_unequal_hashes() -> None:
    """Every hash has a salt of its own."""
    assert hashing.hash_password(PASSWORD, FAST) != ARGON2
    assert hashing.keyed(PASSWORD, PEPPER) != hashing.keyed(PASSWORD, PEPPER)


def test_default_cost_is_at_least_what_owasp_asks() -> None:
    """Nobody who sets nothing gets less than 19 MiB and two passes."""
    usual = Parameters()
    assert (usual.memory_kib, usual.passes, usual.lanes) == (19456, 2, 1)


@pytest.mark.parametrize(
    ("stored", "wanted", "renewed"),
    [
        pytest.param(ARGON2, FAST, False, id="as wanted"),
        pytest.param(ARGON2, Parameters(memory_kib=16, passes=1, lanes=1), True, id="memory"),
        pytest.param(ARGON2, Parameters(memory_kib=8, passes=2, lanes=1), True, id="passes"),
        pytest.param(ARGON2, Parameters(memory_kib=8, passes=1, lanes=2), True, id="lanes"),
        pytest.param(ARGON2, Parameters(memory_kib=8, passes=1, lanes=11), True, id="a prefix"),
        pytest.param(ARGON2.replace("v=19", "v=16"), FAST, True, id="an old version"),
        pytest.param(ARGON2.replace("argon2id", "argon2i"), FAST, True, id="another Argon2"),
        pytest.param(_salted("sha1", "SSHA"), FAST, True, id="an imported form"),
        pytest.param(hashing.keyed(PASSWORD, PEPPER), FAST, True, id="the interim form"),
    ],
)
def test_hash_of_another_cost_is_renewed(stored: str, wanted: Parameters, *, renewed: bool) -> None:
    """A hash is renewed unless it is Argon2id with exactly the wanted parameters."""
    assert hashing.needs_rehash(stored, wanted) is renewed


def test_keyed_hash_is_worthless_without_its_pepper() -> None:
    """The interim form of a mass import agrees only under the store's own key."""
    stored = hashing.keyed(PASSWORD, PEPPER)
    assert hashing.verify(stored, PASSWORD, PEPPER)
    assert not hashing.verify(stored, PASSWORD, b"another pepper")
    assert not hashing.verify(stored, PASSWORD, b"")


def test_keyed_hash_under_no_pepper_is_never_right() -> None:
    """An empty key, as a damaged store might give, does not turn the form into a plain hash."""
    assert not hashing.verify(hashing.keyed(PASSWORD, b""), PASSWORD, b"")


# Anything


_PIECES: Final = st.one_of(
    st.sampled_from([
        "$argon2id$v=19$m=8,t=1,p=1$", "$argon2i$v=16$m=16,t=1,p=2$", "$2b$04$", "$6$", "$5$",
        "rounds=1000$", "{SSHA}", "{SSHA256}", "$pbkdf2-sha256$1$", "$keyed$1$", "$", "=", "==",
        SALT, TAG, SHA512_SUM, "C" * 21 + ".", "C" * 31, "A" * 28,
    ]),
    st.text("ABab01./+=$", max_size=24),
)  # fmt: skip


@settings(max_examples=300)
@given(
    st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=5).map("".join)),
    st.binary(max_size=140),
)
def test_any_stored_string_is_a_yes_or_a_no(stored: str, password: bytes) -> None:
    """Whatever was stored and typed: no exception, and a yes only for a form that is known."""
    right = hashing.verify(stored, password, PEPPER)
    assert right is False or hashing.known(stored) is not None
    assert (hashing.known(stored) is None) is (hashing.fault_in(stored) is not None)
    assert isinstance(hashing.needs_rehash(stored, FAST), bool)


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=128), st.binary(min_size=1, max_size=128))
def test_hash_agrees_with_its_own_password_only(password: bytes, other: bytes) -> None:
    """Any octets are a password; another one never agrees with its hash."""
    for stored in (hashing.hash_password(password, FAST), hashing.keyed(password, PEPPER)):
        assert hashing.verify(stored, password, PEPPER)
        assert hashing.verify(stored, other, PEPPER) is (other == password)
