"""ProcessIdentity: which process is meant, and whether it still runs."""

from __future__ import annotations

import functools
import os
import re
import time
from dataclasses import field
from pathlib import Path

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.stat import ProcessStat, has_proc, read_stat, ticks_per_second

_FIRST_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of linux/proc_ns.h


@frozen
class ProcessIdentity:
    """A process that no later one can be mistaken for."""

    pid: int
    start_ticks: int
    """Raw start time since boot, in clock ticks (field 22 of /proc/PID/stat; microseconds since
    the epoch where there is no /proc): it never moves, as a wall clock's time would."""
    boot_id: str
    pid_namespace: str = field(default="", compare=False)
    """As /proc/PID/ns/pid names it: in another one the pid means another process. "" if the
    system has none, and if nobody has noted it; so it is not compared."""

    def is_alive(self) -> bool:
        """Tell whether this very process still runs; a zombie does not.

        One of another boot or pid namespace cannot be seen from here: `is_here` tells.
        """
        if not self.is_here:
            return False
        found = read_stat(self.pid)
        return found is not None and not found.is_zombie and found.start_ticks == self.start_ticks

    @property
    def is_here(self) -> bool:
        """The pid is of this boot and of this process's pid namespace."""
        is_this_namespace = self.pid_namespace in ("", pid_namespace())
        return is_this_namespace and self.boot_id == boot_id()

    def age(self) -> float | None:
        """Return the seconds since its start, however clocks were set; None once it is gone."""
        if not self.is_alive():
            return None
        if not has_proc():
            return time.time() - self.start_ticks / 1e6
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_ticks / ticks_per_second()


def identify(pid: int) -> ProcessIdentity | None:
    """Return who now has `pid`, a zombie included; None if nothing has."""
    found = identify_with_parent(pid)
    return None if found is None else found[1]


def identify_with_parent(pid: int) -> tuple[int, ProcessIdentity] | None:
    """Return the parent's pid and who now has `pid`, as of one instant; None if nothing has."""
    found = read_stat(pid)
    return None if found is None else (found.parent, identity_of(pid, found))


def identity_of(pid: int, stat: ProcessStat) -> ProcessIdentity:
    """Return who has `pid` as of a look at it."""
    return ProcessIdentity(pid, stat.start_ticks, boot_id(), pid_namespace())


@functools.cache
def boot_id() -> str:
    """Return what tells this boot of this host from every other."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import psutil

        return str(int(psutil.boot_time()))


@functools.cache
def pid_namespace() -> str:
    """Return the name of the pid namespace of this process; "" if the system has none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def host_key() -> str:
    """Return what tells this host from others that see the same folders, for a file's name.

    A container may have its host's name, but it sees other processes.
    """
    name, namespace = os.uname().nodename, pid_namespace()
    inside = "" if namespace in ("", _FIRST_NAMESPACE) else "-" + re.sub(r"\D", "", namespace)
    return name + inside
