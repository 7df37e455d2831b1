"""The machine's clocks."""

from __future__ import annotations

import time
from typing import final


@final
class SystemClock:
    """Fulfills `interfaces.Clock`."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
