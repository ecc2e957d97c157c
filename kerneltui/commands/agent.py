"""`kerneltui agent`: speaks for the kernels of this host to a kerneltui on another one."""

from __future__ import annotations

import os
import signal

from kerneltui.commands.settings import read_settings
from kerneltui.commands.verbs import configured_fleet
from kerneltui.fleet.engines.ssh.serving import serve
from kerneltui.version import __version__

FIRST_LOOK = 5.0  # seconds for a first look at this host
STDIN, STDOUT, STDERR = range(3)


def agent(*, read_only: bool) -> int:
    """Serve on stdin and stdout until the other side has gone, or a signal comes.

    Kernels live on. Whatever else is printed goes to stderr. `read_only`: whatever the other side
    wants, no requests are sent to kernels.
    """
    outgoing = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    end = _readable_at_signals()
    fleet = configured_fleet()
    fleet.locked = read_only or read_settings().read_only
    try:
        fleet.open()
        fleet.look_closely(FIRST_LOOK)  # so that the first rows are all rows, and whole
        serve(fleet, STDIN, outgoing, __version__, end)
    finally:
        fleet.close()
    return 0


def _readable_at_signals() -> int:
    """Return a descriptor that can be read once a signal has asked this process to end.

    An exception from a signal handler could come while a lock is taken.
    """
    end, wakes = os.pipe()
    os.set_blocking(wakes, False)
    for signum in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    return end
