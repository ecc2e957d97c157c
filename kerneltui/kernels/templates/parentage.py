"""Whether a process was forked from a template, with which it then shares most of its memory."""

from __future__ import annotations

from pathlib import Path

from kerneltui.kernels.processes.stat import read_stat
from kerneltui.kernels.templates.recognition import TITLE


def is_forked(pid: int) -> bool:
    """Tell whether a template is the parent of a process. Linux only."""
    found = read_stat(pid)
    try:
        command = Path(f"/proc/{found.parent}/cmdline").read_bytes() if found else b""
    except OSError:
        return False
    return TITLE.encode() in command.split(b"\0")
