"""LogView: what a kernel's process wrote to stdout and stderr, and what happened to it."""

from __future__ import annotations

from kerneltui.tui.output.output_view import OutputView
from kerneltui.tui.widgets.tab_bar import Tab


class LogView(OutputView):
    """Read, searched and followed as the output is."""

    TAB = Tab.LOG
