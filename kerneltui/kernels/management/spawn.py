"""Spawn: how a kernel's command becomes a process; a child of this process unless told else."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from kerneltui.frozen import frozen
from kerneltui.kernels.management.launch import launch
from kerneltui.kernels.processes.process import ChildProcess, KernelProcess


@frozen
class SpawnOrder:
    """Everything that the start of one process needs."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    cwd: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None
    streams: Mapping[str, Any]
    """stdin, stdout and stderr, as for Popen; closed by the caller, also after an error."""
    popen_kwargs: Mapping[str, Any]
    """The other arguments of Popen that the caller of `start_kernel` gave."""


Spawn = Callable[[SpawnOrder], KernelProcess]
"""Returns the process that was started, which leads a session and a group of its own.

Raises LaunchError if the command cannot run, and OSError or RuntimeError if its process cannot be
watched from here; then it has been ended.
"""


def spawn_child(order: SpawnOrder) -> ChildProcess:
    """Start a child of this process, by `subprocess.Popen`; see `Spawn`."""
    popen = launch(
        order.argv,
        env=order.env,
        cwd=order.cwd,  # type: ignore[arg-type]  # bytes too, as Popen takes
        **order.streams,
        **order.popen_kwargs,
    )
    try:
        return ChildProcess(popen)
    except (OSError, RuntimeError):
        with contextlib.suppress(ProcessLookupError):  # gone by itself
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        raise
