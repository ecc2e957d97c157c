"""Measures the import of the library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.harness import Row, medians, ratio_row

ROUNDS = 15
CLOCKED = "from time import perf_counter as now; begun = now(); {}; print(now() - begun)"


def rows() -> Iterator[Row]:
    codes = {
        "ours": "import kerneltui",
        "peer": "import jupyter_client",
        "all": "from kerneltui import *",
        "needed": "import zmq",
    }
    ways = {name: partial(import_time, code) for name, code in codes.items()}
    medians(ways, 1)  # writes the bytecode
    took = medians(ways, ROUNDS)
    yield ratio_row("import kerneltui", took["ours"], took["peer"], "peer", at_most=0.3)
    yield ratio_row("import and first use of every name", took["all"], took["peer"], "peer")
    yield ratio_row("  of that, what others wrote", took["needed"], took["all"], "of it")


def import_time(code: str) -> float:
    """Return the seconds of an import in a fresh interpreter."""
    command = [sys.executable, "-c", CLOCKED.format(code)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
