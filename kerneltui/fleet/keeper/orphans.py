"""Makes this process the parent of all that its descendants leave behind; see prctl(2)."""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


def adopt_orphans() -> int:
    """Become a subreaper; return a descriptor that is readable once a child has ended.

    Only for the main thread. Where there are no subreapers, init stays their parent.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    reader, writer = os.pipe()
    for fd in (reader, writer):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _note_end)
    return reader


def _note_end(_signum: int, _frame: object) -> None:
    """Do nothing: the wake-up descriptor tells it, which needs a handler."""
