"""Asks a keeper for processes, as a dashboard does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kerneltui.fleet.keeper.spawn import KeptSpawn
from kerneltui.kernels.management.spawn import SpawnOrder
from kerneltui.kernels.processes.process import KernelProcess

PATIENCE = 30.0  # seconds


class Asker:
    """Asks the keeper of a folder for processes that write to a log."""

    def __init__(self, folder: Path) -> None:
        self.warnings: list[str] = []
        self.folder = folder
        self.log = folder / "log"
        self.kept = KeptSpawn(folder, self.warnings.append)

    def start(self, *argv: str, env: Mapping[str, str] | None = None) -> KernelProcess:
        with self.log.open("ab") as log:
            streams = {"stdin": None, "stdout": log.fileno(), "stderr": log.fileno()}
            return self.kept.spawn(self._order(argv, env, streams))

    def _order(
        self, argv: Sequence[str], env: Mapping[str, str] | None, streams: Mapping[str, object]
    ) -> SpawnOrder:
        env = {"PATH": os.environ["PATH"]} if env is None else env
        return SpawnOrder(argv, env, str(self.folder), streams, {})

    def shell(self, script: str) -> KernelProcess:
        return self.start("/bin/sh", "-c", script)

    def told_by(self, script: str) -> str:
        """Return what a script has written, once it has ended."""
        assert self.shell(script).wait(PATIENCE)
        return self.said()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


@contextmanager
def ended(*processes: KernelProcess) -> Iterator[None]:
    """Kill processes at the end."""
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            assert process.wait(PATIENCE)
