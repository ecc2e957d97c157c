"""Short ways to look at a manager's state, process and files."""

from __future__ import annotations

from pathlib import Path

from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.status import KernelState


def state(manager: KernelManager) -> KernelState:
    return manager.status.state


def process_of(manager: KernelManager) -> KernelProcess:
    assert manager.process is not None
    return manager.process


def process_id(manager: KernelManager) -> int:
    return process_of(manager).identity.pid


def files_of(manager: KernelManager) -> list[str]:
    folder = Path(manager.connection_file).parent
    return sorted(path.name for path in folder.rglob(f"*{manager.kernel_id}*"))
