"""The line drops in the midst of a long run; next morning everything is there, output included."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PLACES
from tests.end_to_end.dashboard import WIDE, Dashboard, environment_of, new_home
from tests.fleet.jupyter_servers import (
    ask,
    jupyter_server,
    models,
    open_notebook,
    settled_models,
)
from tests.support import eventually

pytestmark = pytest.mark.slow

LINES = 10_000
LONG_RUN = (
    "import pathlib, time; "
    f"[(n == 100 and [time.sleep(0.01) for _ in iter(lambda: pathlib.Path('go').exists(), True)], "
    "n % 100 or time.sleep(0.02), "
    f"print('line', n, flush=True)) and None for n in range({LINES})][:0]"
)
"""Prints numbered lines, and goes on behind the hundredth once there is a file called go.

With a rest now and then: a kernel drops what waits behind a thousand messages, and on a busy
machine a burst of ten thousand would measure the machine.
"""
KERNELTUI = (sys.executable, "-m", "kerneltui")
NOTEBOOKS = ("first.ipynb", "second.ipynb")
PATIENCE = 60.0  # seconds for a kernel to start


@pytest.fixture
def home(places: Path) -> Iterator[Path]:
    with new_home(places) as home:
        yield home


@contextlib.contextmanager
def evening(home: Path) -> Iterator[Dashboard]:
    """A dashboard in `home`."""
    with contextlib.closing(
        Dashboard.open(KERNELTUI, size=WIDE, environment=environment_of(home), cwd=home)
    ) as terminal:
        yield terminal


@contextlib.contextmanager
def console(home: Path) -> Iterator[None]:
    """Run `jupyter console`."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "jupyter_console", "--simple-prompt"]
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment_of(home),
        cwd=home,
        start_new_session=True,
    )
    os.close(follower)
    try:
        file = home / PLACES["JUPYTER_RUNTIME_DIR"] / f"kernel-{process.pid}.json"
        eventually(file.exists, PATIENCE)
        yield
    finally:
        process.terminate()
        process.wait()
        os.close(leader)


def saved_lines(home: Path) -> list[str]:
    (file,) = home.glob("*.txt")
    return [line for line in file.read_text().splitlines() if line.startswith("line ")]


def test_next_morning_everything_is_there(home: Path) -> None:
    runtime = home / PLACES["JUPYTER_RUNTIME_DIR"]
    with contextlib.ExitStack() as others:
        environment_of(home)  # makes the folders
        server = others.enter_context(jupyter_server(home, runtime, env=environment_of(home)))
        notebooks = [open_notebook(server, name) for name in NOTEBOOKS]
        others.enter_context(console(home))
        before = settled_models(server)
        with evening(home) as terminal:
            terminal.start_idle_kernel("other")
            terminal.start_idle_kernel("long")
            pids = [terminal.pid(name) for name in ("other", "long")]
            terminal.open_console()
            terminal.run(LONG_RUN)
            terminal.wait_for(lambda: "  line 99" in terminal.output())
            terminal.hang_up()
            terminal.wait_for_end()
        (home / "go").touch()
        waiting = [*KERNELTUI, "wait", "long", "--timeout", "600"]
        subprocess.run(waiting, env=environment_of(home), cwd=home, check=True)

        with evening(home) as terminal:
            for name in ("other", "long", *NOTEBOOKS):
                terminal.wait_for(lambda: terminal.row(name))  # noqa: B023 - called in this turn
            assert [terminal.pid(name) for name in ("other", "long")] == pids
            terminal.wait_for(" console ", PATIENCE)
            terminal.press("g", "j", "o")
            terminal.wait_for(lambda: f"  line {LINES - 1}" in terminal.output())
            terminal.press("ctrl+s")
            terminal.wait_for("Cancel")
            terminal.press("enter")
            terminal.wait_for("saved as")

        assert saved_lines(home) == [f"line {n}" for n in range(LINES)]
        assert models(server) == before
        assert {each["id"] for each in ask(server, "GET", "kernels")} == set(notebooks)
