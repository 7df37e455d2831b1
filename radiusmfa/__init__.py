"""A RADIUS server that adds a second factor to anything that speaks RADIUS."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
