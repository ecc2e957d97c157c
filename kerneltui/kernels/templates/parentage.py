"""Whether a process was forked from a template, with which it then shares most of its memory."""

from __future__ import annotations

import functools
from pathlib import Path

from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.stat import read_stat
from kerneltui.kernels.templates.recognition import TITLE


@functools.lru_cache(maxsize=4096)
def is_forked(process: ProcessIdentity) -> bool:
    """Tell whether a template is the parent of a process, or was when this was first asked.

    Linux only.
    """
    found = read_stat(process.pid)
    try:
        command = Path(f"/proc/{found.parent}/cmdline").read_bytes() if found else b""
    except OSError:
        return False
    return TITLE.encode() in command.split(b"\0")
