"""Conditions: what a process inherits besides arguments, environment, folder and files.

A process that is started by another one on our behalf is to run under our conditions, not under
those of the one that starts it. Linux only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.nofile import original_nofile_limit

_NAMESPACES = ("ipc", "mnt", "net", "user", "uts")
_GROUPS = Path("/sys/fs/cgroup")
_GROUP_LIMITS = ("cpu.max", "cpuset.cpus", "memory.high", "memory.max", "memory.swap.max")
_UNLIMITED = re.compile(r"max( \d+)?|")
_ANOTHER_NAME = "RLIMIT_OFILE"  # for RLIMIT_NOFILE, which may not be ours to pass on
_LIMITS = {
    name: number
    for name, number in vars(resource).items()
    if name.startswith("RLIMIT_") and name != _ANOTHER_NAME
}


@frozen
class Conditions:
    """The conditions of one process that another one can give to a process of its own."""

    umask: int
    nice: int
    oom_score_adj: int
    cpus: tuple[int, ...]
    limits: tuple[tuple[str, int, int], ...]
    """Name, soft and hard value of each resource limit."""


def own_conditions() -> Conditions:
    """Return the conditions of this process. Raises OSError where there is no /proc."""
    limits = {name: resource.getrlimit(number) for name, number in _LIMITS.items()}
    limits["RLIMIT_NOFILE"] = original_nofile_limit() or limits["RLIMIT_NOFILE"]
    return Conditions(
        umask=own_umask(),
        nice=os.getpriority(os.PRIO_PROCESS, 0),
        oom_score_adj=int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii")),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        limits=tuple((name, *limits[name]) for name in sorted(limits)),
    )


def own_umask() -> int:
    """Return the umask of this process, which no call tells without changing it."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^Umask:\s*([0-7]+)$", status, re.MULTILINE)
    return int(found[1], 8) if found else 0o077


def why_not_given(wanted: Conditions, own: Conditions) -> str:
    """Return why a process under `own` conditions cannot give the `wanted` ones; "" if it can."""
    if wanted.nice < own.nice:
        return f"its priority would be {own.nice}, not {wanted.nice}"
    if wanted.oom_score_adj < own.oom_score_adj:
        return f"its oom_score_adj would be {own.oom_score_adj}, not {wanted.oom_score_adj}"
    given = {name: hard for name, _, hard in own.limits}
    for name, _, hard in wanted.limits:
        if name not in given or _is_more(hard, given[name]):
            return f"its limit {name} would be lower"
    return ""


def give(pid: int, wanted: Conditions, own: Conditions) -> None:
    """Give a process that has just been started the wanted conditions, except the umask.

    Raises OSError for what this process may not do, or what no process can have.
    """
    try:
        _give(pid, wanted, own)
    except (KeyError, ValueError, OverflowError):
        raise OSError(errno.EINVAL, "its conditions are impossible") from None


def _give(pid: int, wanted: Conditions, own: Conditions) -> None:
    known = {name: (soft, hard) for name, soft, hard in own.limits}
    for name, soft, hard in wanted.limits:
        if known.get(name) != (soft, hard):
            resource.prlimit(pid, _LIMITS[name], (soft, hard))
    if wanted.nice != own.nice:
        os.setpriority(os.PRIO_PROCESS, pid, wanted.nice)
    if wanted.oom_score_adj != own.oom_score_adj:
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(wanted.oom_score_adj), encoding="ascii")
    if wanted.cpus != own.cpus:
        os.sched_setaffinity(pid, wanted.cpus)


def own_place() -> tuple[str, ...]:
    """Return what holds this process and cannot be given to another: namespaces, and the control
    groups around it that limit anything."""
    return (*_namespaces(), *_limiting_groups())


def _namespaces() -> Iterator[str]:
    for kind in _NAMESPACES:
        with contextlib.suppress(OSError):
            yield str(Path(f"/proc/self/ns/{kind}").readlink())


def _limiting_groups() -> Iterator[str]:
    try:
        text = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers:  # of the first version: the groups are not looked into
            yield re.sub(r"/session-[^/]*\.scope", "", f"{controllers}:{path}")
            continue
        group = Path(path)
        for each in (group, *group.parents):
            yield from _limits_of(each)


def _limits_of(group: Path) -> Iterator[str]:
    folder = _GROUPS / group.relative_to("/")
    for name in _GROUP_LIMITS:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            value = (folder / name).read_text(encoding="ascii").strip()
            if not _UNLIMITED.fullmatch(value):
                yield f"{group}/{name} {value}"


def _is_more(limit: int, other: int) -> bool:
    if other == resource.RLIM_INFINITY:
        return False
    return limit == resource.RLIM_INFINITY or limit > other
