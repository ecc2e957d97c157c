"""The processes that descend from this one. Any of them may end while one looks."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from tests.support import eventually


def descendant(is_it: Callable[[list[str]], bool]) -> psutil.Process:
    """Return the one process below this one whose command line `is_it` is true of."""
    descendants = psutil.Process().children(recursive=True)
    (found,) = (each for each in descendants if is_it(command_line(each)))
    return found


def command_line(process: psutil.Process) -> list[str]:
    """Return the words of a process's command line; none if it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def environment_of_process(pid: int | None) -> dict[str, str]:
    """Return the environment of a process, once its exec is over: before, there is none."""
    assert pid is not None, "it has not been started"
    process = psutil.Process(pid)
    eventually(process.environ)
    return process.environ()
