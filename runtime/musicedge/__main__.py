"""`python -m musicedge` is the `musicedge` command."""

from __future__ import annotations

import sys

from musicedge.cli import main

if __name__ == "__main__":
    sys.exit(main())
