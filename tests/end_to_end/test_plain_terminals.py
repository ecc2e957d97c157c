"""Small terminals, resized ones, and those with few colours or none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import OpenDashboard
from tests.end_to_end.dashboard import SMALL, Dashboard, dashboard

pytestmark = pytest.mark.slow

_STYLES = re.compile(rb"\x1b\[([0-9;:]*)m")
_COLOUR = re.compile(rb"[34][0-8]|9[0-7]|10[0-7]")  # 39 and 49 are the terminal's own

DIALOGS = {
    "s": ("Start a kernel", "Cancel (Esc)", "Start (Enter)"),
    "K": ("Send a signal", "Cancel (Esc)", "Send (Enter)"),
    "r": ("Restart this kernel?", "Cancel (n)", "Restart (y)"),
    "R": ("Kill and restart this kernel?", "Cancel (n)", "Force restart (y)"),
    "x": ("Shut down this kernel?", "Cancel (n)", "Shut down (y)"),
    "X": ("Kill this kernel?", "Cancel (n)", "Kill (y)"),
    "A": ("Shut down 1 kernel?", "Cancel (Esc)", "Shut down all (Enter)"),
    "Q": ("Shut down 1 kernel and quit?", "Cancel (n)", "Shut down and quit (y)"),
}
"""What has to be on the screen after a key."""


@pytest.fixture(scope="module")
def small(places: Path) -> Iterator[Dashboard]:
    """A program in a small terminal, with a kernel `alpha` that is idle."""
    with dashboard(places, size=SMALL) as terminal:
        terminal.start_idle_kernel("alpha")
        yield terminal


@pytest.fixture(scope="module")
def colourless(places: Path) -> Iterator[Dashboard]:
    """A program that was asked for no colours, with a kernel `alpha` that is idle."""
    with dashboard(places, NO_COLOR="1") as terminal:
        terminal.start_idle_kernel("alpha")
        yield terminal


@pytest.mark.parametrize(("key", "texts"), DIALOGS.items())
def test_a_dialog_fits_a_small_terminal_and_escape_closes_it(
    small: Dashboard, key: str, texts: tuple[str, ...]
) -> None:
    small.press(key)

    small.wait_for(lambda: all(text in small.text for text in texts))
    small.press("escape")

    small.wait_for(lambda: texts[0] not in small.text)


def test_the_program_outlives_a_storm_of_sizes(small: Dashboard) -> None:
    for columns in range(10, 250, 8):
        small.resize(columns, columns // 4)

    small.resize(*SMALL)

    small.wait_for(lambda: small.is_in_state("alpha", "idle") and "q Quit" in small.lines[-1])
    assert small.process.poll() is None


def test_no_color_means_no_colour_in_output_either(colourless: Dashboard) -> None:
    show_an_error(colourless)

    assert {style for style in styles(colourless.raw) if _COLOUR.fullmatch(style)} == set()


def test_without_colour_a_character_marks_the_row_of_the_cursor(colourless: Dashboard) -> None:
    assert colourless.row("alpha").startswith("> ")


def test_a_terminal_of_16_colours_gets_no_other(open_dashboard: OpenDashboard) -> None:
    terminal = open_dashboard(TERM="xterm", COLORTERM="")
    terminal.start_idle_kernel("alpha")

    show_an_error(terminal)

    assert not {b"38", b"48"} & styles(terminal.raw)


def show_an_error(terminal: Dashboard) -> None:
    """Run code whose traceback the kernel colours."""
    terminal.open_console()
    terminal.run("1 / 0")
    terminal.wait_for("ZeroDivisionError: division by zero")


def styles(raw: bytes) -> set[bytes]:
    """Return all parameters of all SGR sequences."""
    return {parameter for found in _STYLES.findall(raw) for parameter in re.split(b"[;:]", found)}
