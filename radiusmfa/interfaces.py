"""Every seam between the pure core and the world, and the errors that reach a person."""

from __future__ import annotations

from typing import Protocol


class RadiusmfaError(Exception):
    """Something a person has to mend; its text is one clear line."""


class ConfigError(RadiusmfaError):
    """
    The configuration cannot be used.

    Attributes:
        faults: Every fault found, each as `file:line:column: where: what`.
    """

    def __init__(self, *faults: str) -> None:
        """Collect *faults*, at least one."""
        super().__init__("\n".join(faults))
        self.faults = faults


class StoreError(RadiusmfaError):
    """The store cannot be opened, read or written."""


class StoreBusyError(StoreError):
    """Another process writes just now; the same call may succeed in a moment."""


class KeysError(RadiusmfaError):
    """The keys file is missing, unsafe, damaged, or belongs to another store."""


class SystemRefusedError(RadiusmfaError):
    """The operating system does not give what is needed: a port, for example."""


class ImportRefusedError(RadiusmfaError):
    """
    An input file was refused as a whole.

    Attributes:
        faults: One line per fault, each naming the place in the file.
    """

    def __init__(self, *faults: str) -> None:
        """Collect *faults*, at least one."""
        super().__init__("\n".join(faults))
        self.faults = faults


class Clock(Protocol):
    """Two clocks that are never subtracted from each other."""

    def wall(self) -> float:
        """Return the time of day in seconds since 1970, for passcodes and the audit."""

    def monotonic(self) -> float:
        """Return seconds that only grow, for timeouts and expiry."""
