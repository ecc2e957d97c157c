"""What cannot be started says why, and nothing that a kernel writes reaches the terminal raw."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import OpenDashboard
from tests.end_to_end.dashboard import SMALL, Dashboard, dashboard

pytestmark = pytest.mark.slow

WITHOUT_KERNELSPECS = """
import sys
sys.prefix = "/nonexistent"
sys.modules["ipykernel"] = None
from jupyter_core import paths
paths.SYSTEM_JUPYTER_PATH = []
from kerneltui.cli import main
sys.exit(main())
"""
"""Runs the program as where no kernel is installed, whatever this machine has."""

DIES = "import sys; sys.stderr.write('no licence\\nfound\\n'); sys.exit(3)"

EVIL = {
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "title": "\x1b]2;evil\x1b\\",
    "8-bit title": "\x9d2;evil\x9c",
    "8-bit clear": "\x9b2J",
    "device control": "\x1bPevil\x1b\\",
    "reset": "\x1bc",
    "cursor keys": "\x1b[?1h",
    "bells": "\x07\x07",  # one alone ends a sequence of the program's own
}
MARKUP = "[/x][red]"

SAYING_IT = (
    'print("SA" + "ID0" + evil)',
    'print("SA" + "ID1" + evil, file=sys.stderr)',
    'display({"text/plain": "SA" + "ID2" + evil}, raw=True)',
    'raise RuntimeError("SA" + "ID3" + evil)',
    'input("SA" + "ID4" + evil)',
)
"""Each way of a cell to have a text shown."""

SPECS: dict[str, dict[str, object]] = {
    "missing": {"display_name": "Missing", "argv": ["/no/such/command", "{connection_file}"]},
    "dies": {"display_name": "Dies", "argv": [sys.executable, "-c", DIES, "{connection_file}"]},
    "evil": {
        "display_name": f"Evil{MARKUP}{''.join(EVIL.values())}",
        "argv": ["/no/such" + MARKUP + "".join(EVIL.values()), "{connection_file}"],
    },
}


@pytest.fixture(scope="module")
def troubled(places: Path) -> Iterator[Dashboard]:
    """A program that offers `SPECS` as well."""
    with dashboard(places, specs=SPECS) as terminal:
        yield terminal


def test_without_a_kernelspec_it_opens_and_says_what_to_install(
    open_dashboard: OpenDashboard,
) -> None:
    terminal = open_dashboard(size=SMALL, command=(sys.executable, "-c", WITHOUT_KERNELSPECS))

    terminal.wait_for("pip install ipykernel")


def test_a_command_that_does_not_exist_is_named(troubled: Dashboard) -> None:
    troubled.start_kernel("alpha", "missing")

    troubled.wait_for("/no/such/command")
    assert not troubled.row("alpha")


def test_a_kernel_that_dies_at_its_start_shows_its_code_and_last_lines(
    troubled: Dashboard,
) -> None:
    troubled.start_kernel("beta", "dies")

    troubled.wait_for_state("beta", "died")
    troubled.wait_for("exit(3)")
    troubled.wait_for("no licence")
    troubled.wait_for("found")


def test_no_control_sequence_of_a_kernelspec_reaches_the_terminal(troubled: Dashboard) -> None:
    troubled.start_kernel("gamma", "evil")

    troubled.wait_for(f"/no/such{MARKUP}")
    assert sequences_in(troubled.raw) == []


def test_no_control_sequence_of_output_reaches_the_terminal(troubled: Dashboard) -> None:
    troubled.start_idle_kernel("delta")
    troubled.open_console()

    troubled.run(f"evil = {MARKUP + ''.join(EVIL.values())!a}; import sys")
    for number, code in enumerate(SAYING_IT):
        troubled.run(code)
        troubled.wait_for(f"SAID{number}{MARKUP}")
    troubled.run("answer")
    troubled.leave_console()

    assert sequences_in(troubled.raw) == []


def sequences_in(raw: bytes) -> list[str]:
    """Return the names of those that are there."""
    return [name for name, sequence in EVIL.items() if sequence.encode() in raw]
