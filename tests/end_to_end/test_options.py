"""The options of the command line, in a real terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import OpenDashboard

pytestmark = pytest.mark.slow

PROGRAM = (sys.executable, "-m", "kerneltui")


def test_read_only_starts_no_kernel(open_dashboard: OpenDashboard) -> None:
    terminal = open_dashboard(command=(*PROGRAM, "--read-only"))
    terminal.wait_for("  RO")

    terminal.press("s")

    terminal.wait_for("read-only, by --read-only")
    assert not terminal.shows("Start a kernel")


def test_ascii_writes_nothing_else(open_dashboard: OpenDashboard) -> None:
    terminal = open_dashboard(command=(*PROGRAM, "--ascii"))
    terminal.wait_for("No kernels")
    terminal.press("?")
    terminal.wait_for("Esc closes")

    assert terminal.raw.isascii()


def test_without_unicode_nothing_but_ascii_is_written(open_dashboard: OpenDashboard) -> None:
    terminal = open_dashboard(PYTHONIOENCODING="latin-1")
    terminal.wait_for("No kernels")

    assert terminal.raw.isascii()


def test_without_the_mouse_the_terminal_keeps_it(open_dashboard: OpenDashboard) -> None:
    terminal = open_dashboard(command=(*PROGRAM, "--no-mouse"))
    terminal.wait_for("No kernels")

    assert b"\x1b[?1000h" not in terminal.raw
    assert b"\x1b[?1003h" not in terminal.raw


def test_how_the_screen_was_left_is_on_the_disk(
    open_dashboard: OpenDashboard, tmp_path: Path
) -> None:
    terminal = open_dashboard(XDG_STATE_HOME=str(tmp_path))
    terminal.wait_for("No kernels")

    terminal.press("}")
    terminal.press("q")
    terminal.wait_for_end()

    path = tmp_path / "kerneltui" / "state.json"
    assert json.loads(path.read_text("utf-8"))["split"] == 55
    assert path.stat().st_mode & 0o777 == 0o600
