"""ProcessIdentity: tell a process from later ones with its pid, and whether it still runs."""

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
    """Identifies one process, distinct from any later one with the same pid."""

    pid: int
    start_ticks: int
    """Raw start time since boot, in clock ticks (field 22 of /proc/PID/stat; microseconds since
    the epoch on a system without /proc): it never moves, as a wall clock's time would."""
    boot_id: str
    pid_namespace: str = field(default="", compare=False)
    """As /proc/PID/ns/pid names it: in another namespace the pid means another process. "" if the
    system has none, or if it was not recorded; so it is not compared."""

    def is_alive(self) -> bool:
        """Tell whether this same process still runs; a zombie does not.

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
    """Return the process that has `pid` now, even a zombie; None if there is none."""
    found = identify_with_parent(pid)
    return None if found is None else found[1]


def identify_with_parent(pid: int) -> tuple[int, ProcessIdentity] | None:
    """Return the parent's pid and the process with `pid`, from one read; None if there is none."""
    found = read_stat(pid)
    return None if found is None else (found.parent, identity_of(pid, found))


def identity_of(pid: int, stat: ProcessStat) -> ProcessIdentity:
    """Return the process that has `pid`, given its stat."""
    return ProcessIdentity(pid, stat.start_ticks, boot_id(), pid_namespace())


@functools.cache
def boot_id() -> str:
    """Return an id of this boot of this host."""
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
    """Return a name for this host, for files in folders that other hosts see, too.

    A container may have its host's name, but it sees other processes: so its namespace is added.
    """
    name, namespace = os.uname().nodename, pid_namespace()
    inside = "" if namespace in ("", _FIRST_NAMESPACE) else "-" + re.sub(r"\D", "", namespace)
    return name + inside
