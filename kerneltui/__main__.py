"""`python -m kerneltui`."""

from __future__ import annotations

import sys

from kerneltui.cli import main

if __name__ == "__main__":
    sys.exit(main())
