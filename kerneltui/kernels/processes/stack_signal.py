"""The signals at which the threads of a Python kernel write their stacks to its log.

They do so even if the GIL is held.

The code that does so is in `stack_hook`; the kernel's environment names it until it has run.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

VARIABLE = "KERNELTUI_STACK_SIGNAL"
FOLDER = str(Path(__file__).with_name("stack_hook"))
OFF = "off"
STACK_SIGNAL = "RTMIN+8"  # no library is known to use it, as some do SIGUSR1 and SIGUSR2
ALLOWED = "off, USR1, USR2, RTMIN+1 to RTMIN+14"
_CAUGHT = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)
_REAL_TIME = re.compile(r"RTMIN\+([1-9]|1[0-4])")


def signal_number(name: str) -> int | None:
    """Return the number of a signal as the configuration names it; None for "off".

    Raises ValueError for what is not in ALLOWED.
    """
    if name == OFF:
        return None
    if found := _REAL_TIME.fullmatch(name):
        real_time: int | None = getattr(signal, "SIGRTMIN", None)  # macOS has none
        return None if real_time is None else real_time + int(found[1])
    if name not in ("USR1", "USR2"):
        raise ValueError(f"no signal for stacks: {name!r}; allowed: {ALLOWED}")
    return int(signal.Signals[f"SIG{name}"])


def with_hook(env: Mapping[str, str], signum: int) -> dict[str, str]:
    """Return an environment in which the threads of Python write their stacks at `signum`."""
    path = os.pathsep.join(filter(None, (FOLDER, env.get("PYTHONPATH"))))
    return {**env, "PYTHONPATH": path, VARIABLE: f"{signum}:{FOLDER}"}


def without_hook(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment as it was before `with_hook`, of any installation of kerneltui."""
    rest = dict(env)
    folder = rest.pop(VARIABLE, "").partition(":")[2]
    if folder and "PYTHONPATH" in rest:
        path = [each for each in rest["PYTHONPATH"].split(os.pathsep) if each != folder]
        rest["PYTHONPATH"] = os.pathsep.join(path)
        if not path:
            del rest["PYTHONPATH"]
    return rest


class StackSignals(NamedTuple):
    """The signals of one process."""

    own: int
    """A thread that gets it writes its own stack."""
    for_all: int | None
    """A thread that gets it writes the stacks of all; None if the process has no such signal.

    It must be sent only while no other thread can run Python: to read a stack that changes can
    end the process.
    """


def hooked_signals(env: Mapping[str, str]) -> StackSignals | None:
    """Return the signals for which a process was started to write its stacks; None for none."""
    number = env.get(VARIABLE, "").partition(":")[0]
    known = {str(int(each)): int(each) for each in signal.valid_signals()}
    own = known.get(number)
    if own is None:
        return None
    return StackSignals(own, own + 1 if own >= getattr(signal, "SIGRTMIN", own + 1) else None)


def is_caught(pid: int, signum: int) -> bool:
    """Tell whether a process handles a signal itself; False if unknown. See proc(5)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    found = _CAUGHT.search(status)
    return found is not None and bool(int(found[1], 16) >> (signum - 1) & 1)
