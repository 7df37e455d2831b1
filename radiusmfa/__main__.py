"""Run `python -m radiusmfa` as the command `radiusmfa`."""

from __future__ import annotations

import sys

from radiusmfa.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
