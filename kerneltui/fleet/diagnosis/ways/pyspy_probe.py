"""Reads the stack of any Python process by py-spy, if that is installed and permitted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from kerneltui.fleet.diagnosis.pyspy_json import parse_pyspy
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found
from kerneltui.kernels.processes.identity import ProcessIdentity

PROGRAM = "py-spy"
PATIENCE = 5.0  # seconds


def look_by_pyspy(identity: ProcessIdentity) -> Found:
    """Have py-spy read a process, which it stops meanwhile. Raises CannotLook."""
    program = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=str(Path(sys.executable).parent))
    if program is None:
        raise CannotLook(f"{PROGRAM} is not installed (the extra `stack`)")
    if not identity.is_alive():
        raise CannotLook("its process is gone")
    command = [program, "dump", "--json", "--pid", str(identity.pid)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotLook(f"it has not read the process within {PATIENCE:g} s") from None
    except OSError as error:
        raise CannotLook(f"it cannot be run: {error.strerror}") from None
    try:
        found = Found(parse_pyspy(done.stdout.decode("utf-8", "replace"), identity.pid))
    except ValueError:
        raise CannotLook(_complaint(done.stderr.decode("utf-8", "replace"))) from None
    if not found.threads:
        raise CannotLook("it has seen no thread")
    return found


def _complaint(text: str) -> str:
    """Return the first line of py-spy's error message; the rest is advice."""
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    return lines[0] if lines else "it has failed"
