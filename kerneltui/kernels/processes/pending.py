"""Signals that were sent to a process and that no thread of it has taken yet; see proc(5)."""

from __future__ import annotations

import re
import time
from pathlib import Path

PATIENCE = 0.1  # seconds: only a thread that runs in the system takes longer
LOOK = 0.002  # seconds between two looks
_PENDING = re.compile(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$", re.MULTILINE)


def wait_until_taken(pid: int, signum: int) -> None:
    """Wait until a thread of the process has taken the signal, at most PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while is_pending(pid, signum) and time.monotonic() < deadline:
        time.sleep(LOOK)


def is_pending(pid: int, signum: int) -> bool:
    """Tell whether the signal waits for the process or its main thread; False if unknown."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(int(mask, 16) >> (signum - 1) & 1 for mask in _PENDING.findall(status))
