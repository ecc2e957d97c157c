"""A stand-in for a kernel's process, and the lines of a transcript, for tests of this floor."""

from __future__ import annotations

import subprocess
from typing import Self

from kerneltui.fleet.transcript.transcript import Role, TranscriptView
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.process import ChildProcess
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.status import Wanted
from kerneltui.protocol.text import plain


class Kernel:
    """A manager of a kernel at `info` whose process only sleeps."""

    def __init__(self, info: ConnectionInfo) -> None:
        self.manager = KernelManager()
        self.move(info)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        process = self.manager.life.process
        if process is not None and not process.exited:
            self.manager.life.order(Wanted.DOWN)
            self.die()

    def move(self, info: ConnectionInfo) -> None:
        """Let the next process serve at `info`."""
        self.manager.load_connection_info(info.to_dict())

    def spawn(self) -> None:
        popen = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        self.manager.life.begin(ChildProcess(popen), None)

    def die(self) -> None:
        process = self.manager.life.process
        assert process is not None
        process.send_signal(9)
        self.manager.life.record_exit(process)


def shown(view: TranscriptView) -> list[tuple[Role, str]]:
    """Return the lines of a transcript."""
    return [(entry.role, plain(line)) for entry in view.entries for line in entry.lines]
