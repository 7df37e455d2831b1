"""Local passwords: is this the one? Blocking on purpose; it runs in a thread."""

from __future__ import annotations

from typing import NamedTuple

from radiusmfa.primary import hashing


class Question(NamedTuple):
    """
    One password to check.

    Attributes:
        stored: The user's hash, or a decoy: whoever asks for a user that does not
            exist waits as long.
        is_decoy: The answer is no, whatever the hash says.
        typed: Octets from the request.
    """

    stored: str
    is_decoy: bool
    typed: bytes

    def __repr__(self) -> str:
        """Show nothing of the password."""
        return "Question(...)"


class Answer(NamedTuple):
    """
    What came of it.

    Attributes:
        is_right: It is the password of that hash, and the hash was no decoy.
        better: A new hash to keep, if the old one has other parameters.
    """

    is_right: bool
    better: str | None


def check(question: Question, pepper: bytes, parameters: hashing.Parameters) -> Answer:
    """Return whether the password is right; costs one hash, or two where it is renewed."""
    stored, _, typed = question
    if not agrees(question, pepper):
        if typed and stored.startswith(hashing.QUICK_FORMS):
            # A wrong password would tell that the user exists: unknown ones cost more
            # (but for an empty one, which is hashed for nobody).
            decoy(parameters)
        return Answer(is_right=False, better=None)
    if not hashing.needs_rehash(stored, parameters):
        return Answer(is_right=True, better=None)
    try:
        return Answer(is_right=True, better=hashing.hash_password(typed, parameters))
    except hashing.PasswordRefusedError:
        return Answer(is_right=True, better=None)  # right under the old form, too long for ours


def agrees(question: Question, pepper: bytes) -> bool:
    """Return whether the password is right; never true for a decoy."""
    return hashing.verify(question.stored, question.typed, pepper) and not question.is_decoy


def decoy(parameters: hashing.Parameters) -> str:
    """Return a hash with *parameters* that no user has."""
    return hashing.hash_password(b"decoy", parameters)
