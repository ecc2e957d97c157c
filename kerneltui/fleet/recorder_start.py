"""Is there a recorder for a runtime folder, does it complain, and if there is none, start one."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path

import kerneltui
from kerneltui.fleet.recorder_lock import is_locked, read_problem
from kerneltui.kernels.launch import NOT_INHERITED

# A shell that ends at once leaves the recorder to the system: it is nobody's zombie later.
_DETACHED = ("/bin/sh", "-c", '"$@" &', "sh")


def is_recorded(folder: Path) -> bool:
    """Tell whether a recorder runs. Raises OSError where nobody can tell."""
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
            "kerneltui.fleet.recorder",
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
