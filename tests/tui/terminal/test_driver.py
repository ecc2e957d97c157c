"""A terminal that is gone stops nobody."""

from __future__ import annotations

import contextlib
import os

from kerneltui.tui.terminal.driver import TerminalOutput


def test_what_is_written_to_a_lost_terminal_is_dropped() -> None:
    master, slave = os.openpty()
    os.close(master)
    file = os.fdopen(slave, "w")
    output = TerminalOutput(file)

    output.write("a line\n")
    output.flush()

    with contextlib.suppress(OSError):  # what is left unwritten
        file.close()
