"""
Directories and approval services as `try` asks them: one errand at a time, blocking.

A search tells and counts nothing; a bind counts at the directory, so that it is done only
where somebody said so. A service that knows approvals is not asked: what it would say is
said on the command line.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, final

from radiusmfa.login.errands import Approval, AskApproval, Bind
from radiusmfa.primary.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from radiusmfa.config.model import Configuration
    from radiusmfa.login.errands import Answer, Errand


@final
class Errands:
    """Asks the directories of a configuration, each connected to when it is first needed."""

    def __init__(
        self,
        config: Configuration,
        *,
        may_bind: bool,
        approved: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Keep the directories.

        Args:
            config: Checked.
            may_bind: Whether passwords are sent to directories.
            approved: Approvals of services that count as in force.
            clock: What deadlines are counted by.
        """
        self._settings = {one.name: one for one in config.directories}
        self._open: dict[str, Directory] = {}
        self._may_bind = may_bind
        self._approved = approved
        self._clock = clock

    def __call__(self, errand: Errand) -> Answer | None:
        """Do *errand*; None: nobody is asked that here."""
        if isinstance(errand, AskApproval):
            return Approval(approval=errand.approval) if errand.approval in self._approved else None
        if isinstance(errand, Bind) and not self._may_bind:
            return None
        directory = self._open.get(errand.directory)
        if directory is None:
            directory = Directory(self._settings[errand.directory], self._clock)
            self._open[errand.directory] = directory
        return directory.bind(errand) if isinstance(errand, Bind) else directory.find(errand)

    def close(self) -> None:
        """End all connections."""
        for directory in self._open.values():
            directory.close()
