"""How a kernel that outlived its dashboard comes into the hands of another one."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence

import psutil

from kerneltui.fleet.manifest import Manifest
from kerneltui.kernels.adopted import AdoptedProcess
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.manager import KernelManager

NAMED = 8  # variables; of more, the rest is counted
QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
"""Keeps a debugger's warning out of the first output of every Python kernel."""


def todays_environment() -> dict[str, str]:
    """Return what a kernel is started with."""
    return QUIET | os.environ


def adopt_process(manager: KernelManager, identity: ProcessIdentity, cwd: str) -> bool:
    """Give `manager` the process that serves its kernel, or that last did.

    A restart uses the environment that the living process has; it is kept in memory only.
    Returns False where that is not known, and a restart will use ours.
    """
    environment: dict[str, str] = {}
    age = None
    try:
        process = psutil.Process(identity.pid)
        if identity.is_alive():
            age = time.time() - process.create_time()
            environment = process.environ()
    except psutil.Error:
        pass  # it is gone, or not ours to look into: then today's environment has to do
    manager.adopt_kernel(
        AdoptedProcess(identity),
        age=age,
        cwd=cwd or None,
        env=environment or todays_environment(),
        independent=True,
    )
    return bool(environment)


def environment_differs(before: Collection[str], now: Collection[str]) -> str:
    """Return which variables a kernel lacks that it had, and which are new; empty for none."""
    missing, new = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    told = (("without", missing), ("with", new))
    return ", ".join(f"{word} {_named(names)}" for word, names in told if names)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def last_seen(manifest: Manifest) -> str:
    """Return when a dashboard last saw the kernel alive, for a person."""
    try:
        seen = manifest.path.stat().st_mtime
    except OSError:
        return "nobody knows when"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seen))
