"""`python -P -m engine.cli`: how the program starts itself as a child process."""

from __future__ import annotations

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
