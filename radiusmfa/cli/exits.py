"""The exit codes of every command; documented, so scripts may rely on them."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
"""The command did what it says."""
NO: Final = 1
"""The answer is no: a login rejected, or not decided because an upstream would have to be asked
(`try`), a fault found (`doctor`), a case that ends otherwise than expected (`check --against`), a
change that was found (`plan`), an audit that does not verify, a question declined, or something
that cannot be done as things stand, as adding a user who is there. Nothing changed."""
USAGE: Final = 2
"""Wrong usage: unknown option, missing argument (click's own code)."""
CONFIGURATION: Final = 3
"""The configuration cannot be used."""
STORE: Final = 4
"""The store or the keys cannot be used."""
SILENCE: Final = 5
"""A server did not answer (`probe`)."""
INPUT: Final = 6
"""An input file was refused as a whole."""
INTERNAL: Final = 70
"""A fault of radiusmfa itself (EX_SOFTWARE of sysexits.h)."""
SYSTEM: Final = 74
"""The operating system refused a file or a port (EX_IOERR of sysexits.h)."""
INTERRUPTED: Final = 130
"""Stopped by Ctrl-C (128 + SIGINT, as shells count)."""
BROKEN_PIPE: Final = 141
"""Whoever read our output went away (128 + SIGPIPE)."""
