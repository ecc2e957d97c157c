"""`kerneltui agent`: speaks for the kernels of this host to a kerneltui on another one."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

from kerneltui.commands.settings import read_settings
from kerneltui.commands.verbs import configured_fleet
from kerneltui.fleet.engines.ssh.serving import serve
from kerneltui.version import __version__

FIRST_LOOK = 5.0  # seconds for a first look at this host
STDIN, STDOUT, STDERR = range(3)


class _Ended(BaseException):
    """A signal has asked this process to end."""


def agent() -> int:
    """Serve on stdin and stdout until the other side has gone, or a signal comes.

    Kernels live on. Whatever else is printed goes to stderr.
    """
    outgoing = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    for signum in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _end)
    fleet = configured_fleet()
    fleet.locked = read_settings().read_only
    try:
        fleet.open()
        fleet.look_closely(FIRST_LOOK)  # so that the first rows are all rows, and whole
        serve(fleet, STDIN, outgoing, __version__)
    except _Ended:
        pass
    finally:
        for signum in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, signal.SIG_IGN)
        fleet.close()
    return 0


def _end(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise _Ended
