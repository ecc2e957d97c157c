"""Whether a process is a Python kernel, told by its command line: no kernel need be asked."""

from __future__ import annotations

import functools
from pathlib import PurePath

import psutil

from kerneltui.kernels.processes.identity import ProcessIdentity

_PROGRAM = 4  # words of a command line: an interpreter, its options and the module
_PYTHON = ("ipykernel", "xpython", "xeus-python", "spyder_kernels")
"""How what runs users' Python is called; kernels for other languages may be written in it."""


_LAUNCH = 10.0  # seconds of its life in which a process may become another program


class _NotYet(Exception):
    """It is not told by the command line that a process has at first."""


def is_python(process: ProcessIdentity) -> bool:
    """Tell whether a process runs Python code for its user, as far as its program tells by now."""
    try:
        return _is_python(process)
    except _NotYet:
        return False


@functools.lru_cache(maxsize=4096)
def _is_python(process: ProcessIdentity) -> bool:
    """Remember what will not change: what is raised is not kept."""
    try:
        words = psutil.Process(process.pid).cmdline()[:_PROGRAM]
    except psutil.Error:
        raise _NotYet from None
    if any(PurePath(word).name.startswith(_PYTHON) for word in words):
        return True
    if (process.age() or 0.0) < _LAUNCH:
        raise _NotYet
    return False
