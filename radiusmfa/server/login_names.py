"""Names of logins."""

from __future__ import annotations

import secrets
from typing import Final, final

_LOGIN_OCTETS: Final = 12  # of chance in a login's id: nobody meets another's
_LOGIN_CHARACTERS: Final = 16  # in base64
_LOGINS_AT_ONCE: Final = 256


@final
class LoginNames:
    """Random ids of logins, drawn from the system many at a time."""

    def __init__(self) -> None:
        """Draw none yet."""
        self._drawn: list[str] = []

    def draw(self) -> str:
        """Return an id that nobody else gets: 16 characters of base64 for URLs."""
        while not self._drawn:
            text = secrets.token_urlsafe(_LOGIN_OCTETS * _LOGINS_AT_ONCE)
            starts = range(0, len(text), _LOGIN_CHARACTERS)
            # On a command line a minus in front would be an option.
            self._drawn = [text[at : at + _LOGIN_CHARACTERS] for at in starts if text[at] != "-"]
        return self._drawn.pop()
