"""How a kernel that outlived its dashboard comes into the hands of another one."""

from __future__ import annotations

import time

import psutil

from kerneltui.fleet.manifest import Manifest
from kerneltui.kernels.adopted import AdoptedProcess
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.kernels.manager import KernelManager


def adopt_process(manager: KernelManager, identity: ProcessIdentity, cwd: str) -> None:
    """Give `manager` the process that serves its kernel, or that last did.

    A restart uses the environment that the living process has; it is kept in memory only.
    """
    environment, age = None, None
    try:
        process = psutil.Process(identity.pid)
        if identity.is_alive():
            age = time.time() - process.create_time()
            environment = process.environ()
    except psutil.Error:
        pass  # it is gone, or not ours to look into: then today's environment has to do
    manager.adopt_kernel(
        AdoptedProcess(identity), age=age, cwd=cwd or None, env=environment, independent=True
    )


def last_seen(manifest: Manifest) -> str:
    """Return when a dashboard last saw the kernel alive, for a person."""
    try:
        seen = manifest.path.stat().st_mtime
    except OSError:
        return "nobody knows when"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seen))
