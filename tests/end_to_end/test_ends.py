"""A kernel is signalled, restarted, killed and shut down; the table shows what really happened."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from tests.end_to_end.dashboard import Dashboard

pytestmark = pytest.mark.slow


@pytest.fixture
def alpha(shared: Dashboard) -> int:
    """The pid of the kernel `alpha`, which is idle, restarted where it was dead."""
    if shared.is_in_state("alpha", "died"):
        shared.press("r")
    shared.wait_for_state("alpha", "idle")
    return shared.pid("alpha")


def test_a_restart_makes_a_new_process_and_an_empty_namespace(
    shared: Dashboard, alpha: int
) -> None:
    shared.open_console()
    shared.run("before = 1; before + 1")
    shared.wait_for("Out[1]: 2")
    shared.leave_console()

    shared.press("r")
    shared.wait_for("Restart this kernel?")
    shared.press("y")

    shared.wait_for(lambda: shared.is_in_state("alpha", "idle") and shared.pid("alpha") != alpha)
    shared.wait_for(lambda: not psutil.pid_exists(alpha))
    shared.open_console()
    shared.run("before")
    shared.wait_for("NameError: name 'before' is not defined")
    shared.leave_console()


def test_a_signal_from_the_picker_reaches_the_kernel(shared: Dashboard, alpha: int) -> None:
    shared.press("K")
    shared.wait_for("Send a signal")

    shared.type("term")
    shared.press("enter")

    shared.wait_for_state("alpha", "died")
    shared.wait_for("SIGTERM from you, K")
    shared.wait_for(lambda: not psutil.pid_exists(alpha))


def test_a_kernel_killed_from_outside_is_seen_dead_with_the_reason(
    shared: Dashboard, alpha: int
) -> None:
    os.kill(alpha, signal.SIGKILL)

    shared.wait_for_state("alpha", "died")
    shared.wait_for("SIGKILL from outside")


def test_kill_asks_and_cancel_is_what_enter_presses(shared: Dashboard, alpha: int) -> None:
    shared.press("X")
    shared.wait_for("Kill this kernel?")

    shared.press("enter")

    shared.wait_for(lambda: not shared.shows("Kill this kernel?"))
    assert shared.is_in_state("alpha", "idle")
    assert psutil.pid_exists(alpha)


def test_kill_kills(shared: Dashboard, alpha: int) -> None:
    shared.press("X")
    shared.wait_for("Kill this kernel?")

    shared.press("y")

    shared.wait_for_state("alpha", "died")
    shared.wait_for(lambda: not psutil.pid_exists(alpha))


@pytest.mark.usefixtures("alpha")
def test_a_kernel_that_dies_in_a_cell_tells_how(shared: Dashboard) -> None:
    shared.open_console()

    shared.run("import os; os._exit(7)")

    shared.wait_for_state("alpha", "died")
    shared.wait_for("exit(7)")
    shared.leave_console()


def test_shutdown_takes_the_row_away_and_ends_the_process(shared: Dashboard) -> None:
    shared.start_idle_kernel("beta")
    pid = shared.pid("beta")

    shared.press("x")
    shared.wait_for("Shut down this kernel?")
    shared.press("y")

    shared.wait_for(lambda: not shared.row("beta"))
    shared.wait_for(lambda: not psutil.pid_exists(pid))
