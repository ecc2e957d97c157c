"""Dashboard: runs the real program with real kernels in a terminal, in its own home."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from tests.conftest import PLACES, make_places
from tests.end_to_end.terminal import Terminal

WIDE = (120, 40)
SMALL = (80, 24)  # columns and rows

_OF_THE_LOGIN = ("PATH", "PYTHONPATH", "TMPDIR", "USER")

_SPEC_LINE = re.compile(r".*│ .*\((?P<name>[\w.-]+)\)  .*│")

_BAR = ("[1 Output]", "▌1 Output▐")


class Dashboard(Terminal):
    """A terminal in which kerneltui runs. Kernels are given by their names in the table."""

    def row(self, name: str) -> str:
        """Return a kernel's line in the table; empty if it has none."""
        rows = self.lines[2 : self._end_of_table()]
        return next((row for row in rows if f" {name} " in row), "")

    def is_in_state(self, name: str, state: str) -> bool:
        return f" {state} " in f"{self.row(name)} "

    def wait_for_state(self, name: str, state: str) -> None:
        self.wait_for(lambda: self.is_in_state(name, state))

    def pid(self, name: str) -> int:
        """Return the pid that the table shows, once the whole row is painted."""

        def seen() -> re.Match[str] | None:
            return re.search(rf" {name} .*? (\d+) \S ", self.row(name))

        self.wait_for(lambda: seen() is not None)
        found = seen()
        assert found is not None
        return int(found[1])

    def output(self) -> list[str]:
        """Return the lines of the output pane, without the scroll bar; none if it is not shown."""
        places = [
            n for n, line in enumerate(self.lines) if line.startswith((*_BAR, "────", "━━━━"))
        ]
        if len(places) != 2:
            return []  # it is being painted
        return [line[: self.columns - 1].rstrip() for line in self.lines[slice(*places)][1:]]

    def start_kernel(self, name: str, spec: str = "python3") -> None:
        """Start a kernel in the dialog. It may not run or answer yet."""
        self.wait_for(self._knows_kernels)
        self.press("s")
        self.wait_for(lambda: spec in self._offered())
        self.press("home", *["down"] * self._offered().index(spec))
        self._move_to("folder")
        self._move_to("name")
        self.type(name)
        self.press("enter")
        self.wait_for(lambda: not self.shows("Start a kernel"))

    def start_idle_kernel(self, name: str, spec: str = "python3") -> None:
        self.start_kernel(name, spec)
        self.wait_for_state(name, "idle")

    def open_console(self) -> None:
        """Go to the selected kernel's console."""
        self.press("c")
        self.wait_for("Alt+Enter New line")

    def leave_console(self) -> None:
        self.press("escape")
        self.wait_for("s Start")

    def run(self, code: str) -> None:
        """Run code in the console that is open."""
        self.type(code)
        self.press("enter")

    def _move_to(self, field: str) -> None:
        """Press Tab, and wait: a key that follows too soon would be for the field before."""
        self.press("tab")
        self.wait_for(lambda: f" {field} " in self.line_of_cursor)

    def _knows_kernels(self) -> bool:
        """Tell whether the table shows the kernels; before that none can be started."""
        return self.shows("STATE") and not self.shows("Looking")

    def _offered(self) -> list[str]:
        found = (_SPEC_LINE.match(line) for line in self.lines)
        return [match["name"] for match in found if match]

    def _end_of_table(self) -> int:
        details = (n for n, line in enumerate(self.lines) if line.startswith((" spec ", *_BAR)))
        return next(details, len(self.lines))


@contextlib.contextmanager
def dashboard(
    places: Path,
    *,
    size: tuple[int, int] = WIDE,
    command: Sequence[str] = (sys.executable, "-m", "kerneltui"),
    specs: dict[str, dict[str, object]] | None = None,
    **environment: str,
) -> Iterator[Dashboard]:
    """Run kerneltui in a new home under `places`, with `specs` and the installed kernelspecs.

    However it ends, the program and its kernels are killed.
    """
    with new_home(places) as home:
        _install(home, specs or {})
        with contextlib.closing(
            Dashboard.open(
                command, size=size, environment=environment_of(home) | environment, cwd=home
            )
        ) as terminal:
            yield terminal


@contextlib.contextmanager
def new_home(places: Path) -> Iterator[Path]:
    """Make a home; at the end remove it, and kill every process that was started in it."""
    home = Path(tempfile.mkdtemp(prefix="e", dir=places))
    try:
        yield home
    finally:
        kill_all(home)
        shutil.rmtree(home)


def environment_of(home: Path) -> dict[str, str]:
    """Return a login's environment with all folders under `home`, and a true-colour terminal."""
    login = {name: os.environ[name] for name in _OF_THE_LOGIN if name in os.environ}
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    return login | terminal | make_places(home)


def _install(home: Path, specs: dict[str, dict[str, object]]) -> None:
    for name, spec in specs.items():
        folder = home / PLACES["JUPYTER_DATA_DIR"] / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"language": "none"} | spec))


def kill_all(home: Path) -> None:
    """Kill every process whose HOME is `home` or below it."""
    while ours := [each for each in psutil.process_iter() if _home_of(each).startswith(str(home))]:
        for process in ours:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _home_of(process: psutil.Process) -> str:
    """Return the HOME of a process; empty if it is not known, as for a zombie."""
    try:
        return process.environ().get("HOME", "")
    except (psutil.Error, OSError):
        return ""
