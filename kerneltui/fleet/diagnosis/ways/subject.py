"""Subject: the kernel that is looked into."""

from __future__ import annotations

from pathlib import Path

from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity


@frozen
class Subject:
    """What has to be known of a kernel to look into it."""

    kernel_id: str
    manager: KernelManager | None
    identity: ProcessIdentity | None
    log: Path | None = None
    """The log file of a kernel of ours; None for others."""
