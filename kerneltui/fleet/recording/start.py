"""Is there a recorder for a runtime folder, does it complain, and if there is none, start one."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import kerneltui
from kerneltui.fleet.recording.lock import is_locked, read_problem
from kerneltui.kernels.management.launch import NOT_INHERITED

INTERVAL = 10.0  # seconds between two looks whether there is a recorder

# A shell that ends at once leaves the recorder to the system: it is nobody's zombie later.
_DETACHED = ("/bin/sh", "-c", '"$@" &', "sh")


def is_recorded(folder: Path) -> bool:
    """Tell whether a recorder runs. Raises OSError if nobody can tell."""
    return is_locked(folder)


def ensure_recorder(folder: Path) -> None:
    """Start a recorder where there is none. Raises OSError.

    Call it once a kernel's manifest is written: a recorder that is about to end, as it found
    no kernel, looks once more after it has let go of its lock.
    """
    if is_recorded(folder):
        return
    subprocess.run(
        [
            *_DETACHED,
            sys.executable,
            "-P",
            "-m",
            "kerneltui.fleet.recording.recorder",
            str(folder.absolute()),
        ],
        env=_environment(),
        cwd="/",
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


class RecorderStarter:
    """Sees to it that there is a recorder while there is a kernel to record."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._due = 0.0
        self._problem = ""

    def look(self, *, is_wanted: bool) -> None:
        """Look from time to time. `is_wanted`: some kernel of ours lives."""
        if is_wanted and time.monotonic() >= self._due:
            self.ensure()

    def ensure(self) -> None:
        """Have a recorder now; what it says is wrong is told once."""
        self._due = time.monotonic() + INTERVAL
        try:
            ensure_recorder(self._folder)
            problem = recorder_problem(self._folder)
        except OSError as error:
            problem = f"what kernels print cannot be recorded: {error.strerror}"
        if problem != self._problem:
            self._problem = problem
            if problem:
                self._warn(problem)


def recorder_problem(folder: Path) -> str:
    """Return what the recorder says is wrong, "" when all is well. Raises OSError."""
    return read_problem(folder)


def _environment() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    home = str(Path(kerneltui.__file__).parents[1])
    if home not in (*site.getsitepackages(), site.getusersitepackages()):  # a checkout
        path = [home, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(path)
    return environment
