"""Starts a runtime folder's recorder if there is none, and reads its problem."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import kerneltui
from kerneltui.fleet.keeper.lock import is_recorded, keeper_problem
from kerneltui.kernels.management.launch import NOT_INHERITED
from kerneltui.kernels.processes.marked import MARK

INTERVAL = 10.0  # seconds between two looks whether there is a recorder

# The shell ends at once, so init adopts the recorder, which never becomes our zombie.
_DETACHED = ("/bin/sh", "-c", '"$@" &', "sh")


def ensure_keeper(folder: Path) -> None:
    """Start a recorder if there is none. Raises OSError.

    Call it after a kernel's manifest is written: a recorder that is about to end, as it found
    no kernel, looks once more after it has released its lock.
    """
    if is_recorded(folder):
        return
    subprocess.run(
        [
            *_DETACHED,
            sys.executable,
            "-P",
            "-m",
            "kerneltui.fleet.keeper.keeper",
            str(folder.absolute()),
            kerneltui.__version__,
        ],
        env=_environment(),
        cwd="/",
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


class KeeperStarter:
    """Keeps a recorder running while there is a kernel to record."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._warn = warn
        self._due = 0.0
        self._problem = ""

    def look(self, *, is_wanted: bool) -> None:
        """Look from time to time. `is_wanted`: a kernel of ours is alive."""
        if is_wanted and time.monotonic() >= self._due:
            self.ensure()

    def ensure(self) -> None:
        """Start a recorder if there is none; warn of its problem once."""
        self._due = time.monotonic() + INTERVAL
        try:
            ensure_keeper(self._folder)
            problem = keeper_problem(self._folder)
        except OSError as error:
            problem = f"what kernels print cannot be recorded: {error.strerror}"
        if problem != self._problem:
            self._problem = problem
            if problem:
                self._warn(problem)


def _environment() -> dict[str, str]:
    # Nor the mark of a kernel that has started us: the keeper is not a part of it.
    dropped = {*NOT_INHERITED, MARK}
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    home = str(Path(kerneltui.__file__).parents[1])
    if home not in (*site.getsitepackages(), site.getusersitepackages()):  # a checkout
        path = [home, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(path)
    return environment
