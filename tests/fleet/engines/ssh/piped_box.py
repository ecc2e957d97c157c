"""PipedBox: another host in this process. What stands in for ssh passes bytes to a socket."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from pathlib import Path

import psutil
import pytest

from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.ssh.engine import SshEngine
from kerneltui.fleet.engines.ssh.serving import serve
from tests.support import eventually
from tests.tui.fakes import FakeFleet

VERSION = "1.2.3"
PASS_ON = """#!{python} -SE
import os, select, socket
box = socket.socket(socket.AF_UNIX)
box.connect({place!r})
with open({pids!r}, "a") as file:
    print(os.getpid(), file=file)
while True:
    ready = select.select([0, box], [], [])[0]
    data = os.read(0, 65536) if 0 in ready else b"."
    if not data:
        break
    if 0 in ready:
        box.sendall(data)
    data = memoryview(box.recv(65536)) if box in ready else b"."
    if not data:
        break
    while box in ready and data:
        data = data[os.write(1, data):]
"""


def put_on_path(folder: Path, script: str, patch: pytest.MonkeyPatch) -> None:
    """Have a script run in place of ssh."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    ssh = programs / "ssh"
    ssh.write_text(script, encoding="utf-8")
    ssh.chmod(0o755)
    patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


class PipedBox:
    """Each connection is served as `kerneltui agent` serves one."""

    def __init__(self, folder: Path, fleet: FakeFleet, patch: pytest.MonkeyPatch) -> None:
        self._fleet = fleet
        self._pids = folder / "pids"
        place = str(folder / "box")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(place)
        self._listener.listen()
        script = PASS_ON.format(python=sys.executable, place=place, pids=str(self._pids))
        put_on_path(folder, script, patch)
        self._thread = threading.Thread(target=self._admit, name="agent-box", daemon=True)
        self._thread.start()

    def _admit(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=[connection], name="agent-box", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        never, wakes = os.pipe()
        try:
            with connection, contextlib.suppress(OSError):
                serve(self._fleet, connection.fileno(), connection.fileno(), VERSION, never)
        finally:
            os.close(never)
            os.close(wakes)

    def wait_until_told(self, engine: SshEngine) -> None:
        """Wait until an engine shows the rows of this box."""
        wanted = [f"{engine.name}:{each.kernel_id}" for each in self._fleet.snapshots]

        def is_told() -> bool:
            shown = engine.snapshots
            is_fresh = all(each.unheard_since is None for each in shown)
            is_whole = [each.kernel_id for each in shown] == wanted
            return engine.state.link is Link.CONNECTED and is_whole and is_fresh

        eventually(is_told)

    @property
    def ssh(self) -> psutil.Process:
        """The latest process in place of ssh."""
        return psutil.Process(int(self._pids.read_text().split()[-1]))

    @property
    def runs(self) -> int:
        """How often ssh was started."""
        return len(self._pids.read_text().split())

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
