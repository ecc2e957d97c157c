"""Adopts kernels that outlived the dashboard which started them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Sequence
from typing import Any

import psutil

from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.kernels.connection.transport import choose_transport
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.adopted import AdoptedProcess, AskParent
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.marked import MARK
from kerneltui.kernels.processes.stack_signal import without_hook
from kerneltui.kernels.processes.wrapped import WrappedProcess
from kerneltui.kernels.specs.spec_manager import KernelSpec, KernelSpecManager
from kerneltui.protocol.connection import Transport
from kerneltui.words import day_and_minute

NAMED = 8  # variables; the rest is only counted
UNLESS_SET = {
    # Keeps a debugger's warning out of the first output of every Python kernel.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    # Has a Python kernel that crashes write its stack to its log.
    "PYTHONFAULTHANDLER": "1",
}
"""Variables of every kernel, unless the user has set them."""


def todays_environment(kernel_id: str) -> dict[str, str]:
    """Return the environment that a kernel is started with."""
    return {**UNLESS_SET, **os.environ, MARK: kernel_id}


class KeptSpecs(KernelSpecManager):
    """Kernelspecs, and a copy from a manifest for a kernel whose kernelspec is gone now."""

    def __init__(self, installed: KernelSpecManager, manifest: Manifest) -> None:
        super().__init__(kernel_dirs=installed.kernel_dirs)
        self._kept = KernelSpec(
            argv=list(manifest.argv),
            name=manifest.kernel_name,
            display_name=manifest.kernel_name,
            interrupt_mode=manifest.interrupt_mode,
        )

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        try:
            return super().get_kernel_spec(kernel_name)
        except NoSuchKernel:
            if not self._kept.argv or kernel_name != self._kept.name:
                raise
            return self._kept


def adoptable_manager(
    manifest: Manifest, installed: KernelSpecManager, transport: Transport
) -> KernelManager:
    """Return a manager for a kernel of ours that another process has started.

    A dead kernel's connection file may be gone; a restart writes another, over `transport`.
    Raises KernelError if a living kernel's connection file cannot be read.
    """
    arguments: dict[str, Any] = {
        "kernel_name": manifest.kernel_name,
        "kernel_id": manifest.kernel_id,
        "kernel_spec_manager": KeptSpecs(installed, manifest),
    }
    manager = KernelManager(**arguments)
    try:
        manager.load_connection_file(manifest.connection_file)
    except KernelError:
        if manifest.identity is not None and manifest.identity.is_alive():
            raise
        with contextlib.suppress(KernelError):  # without a kernelspec there is no restart either
            manager = KernelManager(**arguments, **choose_transport(arguments, transport))
        manager.connection_file = manifest.connection_file
    return manager


def adopt_process(
    manager: KernelManager,
    identity: ProcessIdentity,
    launched: ProcessIdentity | None,
    cwd: str,
    ask_parent: AskParent,
) -> bool:
    """Give `manager` the process that serves its kernel, or that served it last.

    `launched`: the process that was launched, if that is another one: a wrapper. `ask_parent`: asks
    the parent of either how it has ended.

    A restart uses the environment that the living process has; it is kept in memory only.
    Returns False if that is not known: then a restart uses today's environment.
    """
    environment: dict[str, str] = {}
    try:
        process = psutil.Process(identity.pid)
        if identity.is_alive():
            environment = without_hook(process.environ())
    except psutil.Error:
        pass  # it is gone, or may not be read: then today's environment is used
    wrapper = AdoptedProcess(launched, ask_parent) if launched is not None else None
    manager.adopt_kernel(
        WrappedProcess(wrapper, identity) if wrapper else AdoptedProcess(identity, ask_parent),
        age=identity.age(),
        cwd=cwd or None,
        env=environment or todays_environment(manager.kernel_id),
        independent=True,
    )
    return bool(environment)


def environment_differs(before: Collection[str], now: Collection[str]) -> str:
    """Return which variables a kernel has lost, and which are new; empty for none."""
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
        return "at an unknown time"
    return day_and_minute(seen)
