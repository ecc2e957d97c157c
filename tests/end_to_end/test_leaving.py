"""However the program ends, the terminal is given back clean and kernels end only when asked."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.conftest import OpenDashboard
from tests.end_to_end.dashboard import Dashboard
from tests.support import eventually

pytestmark = pytest.mark.slow

LEFT_CLEAN = {
    "alternate screen": (b"\x1b[?1049h", b"\x1b[?1049l"),
    "cursor": (b"\x1b[?25l", b"\x1b[?25h"),
    "mouse": (b"\x1b[?1000h", b"\x1b[?1000l"),
    "mouse movement": (b"\x1b[?1003h", b"\x1b[?1003l"),
    "mouse encoding": (b"\x1b[?1006h", b"\x1b[?1006l"),
    "focus reports": (b"\x1b[?1004h", b"\x1b[?1004l"),
    "bracketed paste": (b"\x1b[?2004h", b"\x1b[?2004l"),
    "kitty keys": (b"\x1b[>1u", b"\x1b[<u"),
}
"""What switches each mode of a terminal to the program's liking, and what switches it back."""
OUTSIDE_THE_SESSION = """
import signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
program = [sys.executable, "-m", "kerneltui"]
sys.exit(subprocess.run(program, start_new_session=True).returncode)
"""
"""Runs the program so that its terminal does not control it, and no hang-up reaches it."""

ENDINGS: dict[str, Callable[[Dashboard], None]] = {
    "q": lambda terminal: terminal.press("q"),
    "SIGTERM": lambda terminal: terminal.signal(signal.SIGTERM),
    "SIGHUP": lambda terminal: terminal.signal(signal.SIGHUP),
}


def modes_left_on(raw: bytes) -> list[str]:
    return [name for name, (on, off) in LEFT_CLEAN.items() if raw.rfind(on) > raw.rfind(off)]


@pytest.fixture
def program_and_pid(open_dashboard: OpenDashboard) -> tuple[Dashboard, int]:
    """A program and the pid of its kernel `alpha`."""
    terminal = open_dashboard()
    terminal.start_kernel("alpha")
    terminal.wait_for(lambda: terminal.row("alpha"))
    return terminal, terminal.pid("alpha")


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_leaving_gives_back_the_terminal_and_lets_kernels_live(
    program_and_pid: tuple[Dashboard, int], end: Callable[[Dashboard], None]
) -> None:
    terminal, pid = program_and_pid

    end(terminal)

    assert terminal.wait_for_end() == 0
    assert modes_left_on(terminal.raw) == []
    assert psutil.pid_exists(pid)
    farewell = terminal.raw.rpartition(b"\x1b[?1049l")[2].decode()
    assert Path(farewell.split("alpha")[1].strip()).is_file()


def test_quitting_with_shutdown_asks_first_and_leaves_no_kernel(
    program_and_pid: tuple[Dashboard, int],
) -> None:
    terminal, pid = program_and_pid

    terminal.press("Q")
    terminal.wait_for("Shut down 1 kernel and quit?")
    assert psutil.pid_exists(pid)
    terminal.press("y")

    assert terminal.wait_for_end() == 0
    assert modes_left_on(terminal.raw) == []
    eventually(lambda: not psutil.pid_exists(pid))


def test_a_lost_connection_ends_the_program_and_not_the_kernel(
    program_and_pid: tuple[Dashboard, int],
) -> None:
    terminal, pid = program_and_pid

    terminal.hang_up()

    terminal.wait_for_end()
    assert psutil.pid_exists(pid)


def test_a_lost_terminal_is_noticed_where_no_signal_tells_of_it(
    open_dashboard: OpenDashboard,
) -> None:
    terminal = open_dashboard(command=(sys.executable, "-c", OUTSIDE_THE_SESSION))
    terminal.wait_for("No kernels")

    terminal.hang_up()

    assert terminal.wait_for_end() == 0


PAGER = "sh -c 'echo paging; read line'"


def test_a_terminal_lost_while_the_pager_has_it_ends_the_program(
    open_dashboard: OpenDashboard,
) -> None:
    terminal = open_dashboard(PAGER=PAGER)
    open_pager(terminal)

    terminal.hang_up()

    terminal.wait_for_end()


SHELL = ("/bin/sh", "-i")


def in_shell(open_dashboard: OpenDashboard) -> Dashboard:
    """Return the program as the job of a shell that it can be suspended to."""
    terminal = open_dashboard(command=SHELL, PS1="shell% ", PAGER=PAGER)
    terminal.wait_for("shell%")
    terminal.type(f"{sys.executable} -m kerneltui\r")
    terminal.wait_for("No kernels")
    return terminal


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back(
    open_dashboard: OpenDashboard,
) -> None:
    terminal = in_shell(open_dashboard)

    terminal.press("ctrl+z")
    wait_until_suspended(terminal)
    assert modes_left_on(terminal.raw) == []
    terminal.type("fg\r")

    terminal.wait_for(lambda: "alternate screen" in modes_left_on(terminal.raw))
    terminal.press("q")
    terminal.wait_for(lambda: modes_left_on(terminal.raw) == [])


def test_ctrl_z_in_the_pager_suspends_both_and_fg_brings_both_back(
    open_dashboard: OpenDashboard,
) -> None:
    terminal = in_shell(open_dashboard)
    open_pager(terminal)

    terminal.press("ctrl+z")
    wait_until_suspended(terminal)
    assert modes_left_on(terminal.raw) == []
    terminal.type("fg\r")

    terminal.press("enter")  # what the pager waits for
    terminal.wait_for(lambda: "alternate screen" in modes_left_on(terminal.raw))


def wait_until_suspended(terminal: Dashboard) -> None:
    """Wait for the shell's prompt; a process that is not stopped yet could take what is typed."""
    terminal.wait_for(lambda: terminal.line_of_cursor.startswith("shell%"))
    terminal.wait_for(lambda: not _running_below(terminal.process.pid))


def _running_below(shell: int) -> list[psutil.Process]:
    """Return what runs in the session of a shell; the kernels' keeper has one of its own."""
    at_rest = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    running = []
    for each in psutil.Process(shell).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(each.pid) == os.getsid(shell) and each.status() not in at_rest:
                running.append(each)
    return running


def open_pager(terminal: Dashboard) -> None:
    """Have all output paged, though there is none."""
    terminal.wait_for("No kernels")
    terminal.press("o", "v")
    terminal.wait_for("paging")
