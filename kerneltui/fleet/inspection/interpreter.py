"""Whether a process is a Python kernel, told by its command line: no kernel need be asked."""

from __future__ import annotations

import functools
from pathlib import PurePath

import psutil

from kerneltui.kernels.processes.identity import ProcessIdentity

_PROGRAM = 4  # words of a command line: an interpreter, its options and the module
_PYTHON = ("ipykernel", "xpython", "xeus-python", "spyder_kernels")
"""How what runs users' Python is called; kernels for other languages may be written in it."""


@functools.lru_cache(maxsize=4096)
def is_python(process: ProcessIdentity) -> bool:
    """Tell whether a process runs Python code for its user."""
    try:
        words = psutil.Process(process.pid).cmdline()[:_PROGRAM]
    except psutil.Error:
        return False
    return any(PurePath(word).name.startswith(_PYTHON) for word in words)
