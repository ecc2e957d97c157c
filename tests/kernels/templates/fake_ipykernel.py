"""A package called ipykernel that is imported in a moment, and kernels that do what a test says."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

from kerneltui.kernels.templates.events import Event, Forked
from kerneltui.kernels.templates.order import ForkOrder
from kerneltui.kernels.templates.recognition import TemplateKey, recognise
from kerneltui.kernels.templates.template import Template
from tests.support import PATIENCE

AnyEvent = TypeVar("AnyEvent", bound=Event)

INTERPRETER: str = getattr(sys, "_base_executable", sys.executable)
# Empty modules hide these packages, which would take their time.
OTHERS = ("IPython", "argcomplete", "asttokens", "comm", "executing", "jedi", "psutil", "pygments")
MODULE = "ipykernel_launcher"
LAUNCHER = "import os, signal, sys, time\nexec(sys.argv[1])\n"


class FakeIpykernel:
    """Makes the package in `folder`, and the environment of a kernel that imports it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "packages" / "ipykernel"
        self.package.mkdir(parents=True)
        for name in ("__init__", "kernelapp", "ipkernel", "zmqshell"):
            (self.package / f"{name}.py").touch()
        for name in OTHERS:
            (self.package.parent / f"{name}.py").touch()
        (self.package / "__main__.py").write_text(LAUNCHER)
        (self.package.parent / "ipykernel_launcher.py").write_text(LAUNCHER)
        self.env = {
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "PATH": os.defpath,
            "PYTHONPATH": str(self.package.parent),
            "PYTHONNOUSERSITE": "1",
        }

    def importing(self, code: str) -> None:
        """Have code run when a template imports the package."""
        (self.package / "kernelapp.py").write_text(code)

    def key(
        self,
        *options: str,
        module: str = MODULE,
        program: str = INTERPRETER,
        preload: tuple[str, ...] = (),
    ) -> TemplateKey:
        found = recognise([program, *options, "-m", module], self.env, preload=preload)
        assert isinstance(found, TemplateKey), found
        return found


class Asked:
    """A template, what it has told, and the files that its kernels write to."""

    def __init__(self, fake: FakeIpykernel, key: TemplateKey | None = None) -> None:
        self.fake = fake
        self.template = Template(key or fake.key())
        known = self.template.key
        self.command = [known.interpreter, *known.options, "-m", known.module]
        self.events: list[Event] = []
        self._log = fake.folder / "log"
        self._log.touch()
        self._forked: list[Forked] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.template.close()
        for each in self._forked:
            os.close(each.exit_fd)

    def hear(self, kind: type[AnyEvent]) -> AnyEvent:
        """Wait for the next event of a kind, and return it; those before it are dropped."""
        deadline = time.monotonic() + PATIENCE
        poller = select.poll()
        while True:
            while self.events:
                event = self.events.pop(0)
                if isinstance(event, kind):
                    return event
            assert time.monotonic() < deadline, f"no {kind.__name__}"
            if self.template.fileno() >= 0:
                poller.register(self.template.fileno(), select.POLLIN)
                poller.poll(100)
            self.events += self.template.receive()

    def ask(
        self,
        code: str,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        within: float = PATIENCE,
        umask: int = 0o22,
    ) -> int:
        """Ask for a kernel that runs `code`; return the request's number."""
        order = ForkOrder(
            [*self.command, code],
            self.fake.env if env is None else env,
            str(self.fake.folder) if cwd is None else cwd,
            umask,
            time.monotonic() + within,
        )
        with Path(os.devnull).open("rb") as null, self._log.open("ab") as log:
            fds = (null.fileno(), log.fileno(), log.fileno())
            return self.template.request(order, fds)

    def fork(self, code: str) -> Forked:
        """Return a fork that waits at its gate."""
        number = self.ask(code)
        forked = self.hear(Forked)
        assert forked.number == number
        self._forked.append(forked)
        return forked

    def run(self, code: str) -> Forked:
        forked = self.fork(code)
        forked.release()
        return forked

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")
