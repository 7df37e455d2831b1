"""SHA-crypt, the `$5$` and `$6$` password hashes of Unix, over hashlib; to verify imports only."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

DEFAULT_ROUNDS: Final = 5000
FEWEST_ROUNDS: Final = 1000
MOST_ROUNDS: Final = 1_000_000  # ours: about two seconds; the format itself allows 999,999,999

_ALPHABET: Final = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CYCLE: Final = 42  # what a round mixes in depends on its number modulo 2, 3 and 7

_Cycle: TypeAlias = list[tuple[bytes, bytes]]


def checksum(name: str, password: bytes, salt: bytes, rounds: int) -> str:
    """
    Return the last field of a SHA-crypt string.

    Args:
        name: `sha256` for `$5$`, `sha512` for `$6$`.
        password: Octets, any number.
        salt: 0 to 16 octets.
        rounds: 1000 to 1000000; 5000 where the string does not say.
    """
    digest = _first_digest(name, password, salt)
    p_digest = hashlib.new(name, password * len(password)).digest()
    p_octets = _stretched(p_digest, len(password))
    s_digest = hashlib.new(name, salt * (16 + digest[0])).digest()
    s_octets = _stretched(s_digest, len(salt))
    digest = _stirred(name, digest, _cycle(p_octets, s_octets), rounds)
    return _encoded(digest, _places_256() if name == "sha256" else _places_512())


def _first_digest(name: str, password: bytes, salt: bytes) -> bytes:
    size = len(password)
    other = hashlib.new(name, password + salt + password).digest()
    mixed = hashlib.new(name, password + salt + _stretched(other, size))
    while size:
        mixed.update(other if size & 1 else password)
        size >>= 1
    return mixed.digest()


def _stretched(digest: bytes, size: int) -> bytes:
    return (digest * (size // len(digest) + 1))[:size]


def _cycle(password: bytes, salt: bytes) -> _Cycle:
    # Each round hashes `before + digest + after`; only 42 different pairs ever occur.
    pairs: _Cycle = []
    for number in range(_CYCLE):
        middle = (salt if number % 3 else b"") + (password if number % 7 else b"")
        pairs.append((password + middle, b"") if number & 1 else (b"", middle + password))
    return pairs


def _stirred(name: str, digest: bytes, cycle: _Cycle, rounds: int) -> bytes:
    function = hashlib.sha256 if name == "sha256" else hashlib.sha512
    for _ in range(rounds // _CYCLE):
        for before, after in cycle:
            digest = function(before + digest + after).digest()
    for before, after in cycle[: rounds % _CYCLE]:
        digest = function(before + digest + after).digest()
    return digest


def _places_256() -> list[tuple[int, ...]]:
    triples: list[tuple[int, ...]] = []
    a, b, c = 0, 10, 20
    for _ in range(10):
        triples.append((a, b, c))
        a, b, c = c + 1, a + 1, b + 1
    return [*triples, (31, 30)]


def _places_512() -> list[tuple[int, ...]]:
    triples: list[tuple[int, ...]] = []
    a, b, c = 0, 21, 42
    for _ in range(21):
        triples.append((a, b, c))
        a, b, c = b + 1, c + 1, a + 1
    return [*triples, (63,)]


def _encoded(digest: bytes, places: list[tuple[int, ...]]) -> str:
    # Groups of octets, high octet first, written as six-bit characters, low bits first.
    text = []
    for group in places:
        number = int.from_bytes(bytes(digest[place] for place in group), "big")
        for _ in range(len(group) + 1):
            text.append(_ALPHABET[number & 63])
            number >>= 6
    return "".join(text)
