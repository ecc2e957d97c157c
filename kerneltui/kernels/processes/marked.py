"""Marks the processes of a kernel: its environment names it, and what it starts inherits that.

So a process of it is known even if it has left the kernel's session and its parents have ended.
"""

from __future__ import annotations

import os
from pathlib import Path

from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.stat import all_pids

MARK = "KERNELTUI_KERNEL"
"""The variable that holds the kernel's id."""


def marked_by(kernel_id: str) -> tuple[ProcessIdentity, ...]:
    """Return the processes that have begun with a kernel's mark in their environment. Linux only.

    A process of another kernel, which this one may have started, has the other's mark. The calling
    process is left out: it may run in the kernel's terminal.
    """
    mark = os.fsencode(f"{MARK}={kernel_id}")
    others = (pid for pid in all_pids() if pid != os.getpid())
    found = (identify(pid) for pid in others if mark in _environment(pid))
    return tuple(each for each in found if each is not None)


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it is another user's, or has ended
        return []
