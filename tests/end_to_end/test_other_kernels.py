"""Kernels of other makers start, run code, are interrupted and shut down.

xeus-python is not interrupted here: its wheel ends on SIGINT, whoever sends it.
"""

from __future__ import annotations

import psutil
import pytest

from tests.end_to_end.conftest import OpenDashboard
from tests.end_to_end.dashboard import SMALL, Dashboard
from tests.support import BASH_SPEC

pytestmark = pytest.mark.slow


def test_xeus_python_runs_code_and_is_shut_down(open_dashboard: OpenDashboard) -> None:
    terminal = open_dashboard(size=SMALL)
    terminal.start_idle_kernel("alpha", "xpython")

    terminal.open_console()
    terminal.run('print("spo" + "ken")')
    terminal.wait_for("  spoken")
    terminal.leave_console()

    assert_it_shuts_down(terminal)


def test_bash_runs_code_is_interrupted_and_is_shut_down(open_dashboard: OpenDashboard) -> None:
    terminal = open_dashboard(size=SMALL, specs={"bash": BASH_SPEC})
    terminal.start_idle_kernel("alpha", "bash")

    terminal.open_console()
    terminal.run("echo loo''ping; sleep 1000")
    terminal.wait_for("  looping")
    terminal.wait_for_state("alpha", "busy")
    terminal.press("ctrl+c")
    terminal.wait_for_state("alpha", "idle")
    terminal.run("echo spo''ken")
    terminal.wait_for("  spoken")
    terminal.leave_console()

    assert_it_shuts_down(terminal)


def assert_it_shuts_down(terminal: Dashboard) -> None:
    pid = terminal.pid("alpha")

    terminal.press("x")
    terminal.wait_for("Shut down this kernel?")
    terminal.press("y")

    terminal.wait_for(lambda: not terminal.row("alpha"))
    terminal.wait_for(lambda: not psutil.pid_exists(pid))
