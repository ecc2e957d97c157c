"""Tells by its command line whether a process is a Python kernel, without asking the kernel."""

from __future__ import annotations

import functools
from pathlib import PurePath

import psutil

from kerneltui.kernels.processes.identity import ProcessIdentity

_PROGRAM = 4  # words of a command line: an interpreter, its options and the module
_PYTHON = ("ipykernel", "xpython", "xeus-python", "spyder_kernels")
"""Names of programs that run users' Python code; other kernels may be written in Python, too."""


_LAUNCH = 10.0  # seconds of its life in which a process may become another program


class _NotYet(Exception):
    """The process is too young: its command line may still change."""


def is_python(process: ProcessIdentity) -> bool:
    """Tell whether a process runs Python code for its user, as far as that is known yet."""
    try:
        return _is_python(process)
    except _NotYet:
        return False


@functools.lru_cache(maxsize=4096)
def _is_python(process: ProcessIdentity) -> bool:
    """The cached part: an answer is kept for good, a _NotYet is not kept."""
    try:
        words = psutil.Process(process.pid).cmdline()[:_PROGRAM]
    except psutil.Error:
        raise _NotYet from None
    if any(PurePath(word).name.startswith(_PYTHON) for word in words):
        return True
    if (process.age() or 0.0) < _LAUNCH:
        raise _NotYet
    return False
