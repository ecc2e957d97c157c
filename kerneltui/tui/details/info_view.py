"""InfoView: a kernel's spec, process and environment, and how to connect to it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells
from textual import events

from kerneltui.formats import clip, fit
from kerneltui.protocol.text import clean_line
from kerneltui.tui.widgets.row_pane import Row, RowPane, limited
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.words import more

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.kernel_info import KernelInfo

LONGEST = 4096  # characters of a path: the system's limit
LABEL = 19  # cells for the label of a line
MAX_LABEL = 48  # cells of a label that is longer than that
MAX_VALUE = 8_000  # characters
NOT_TOLD = "its server does not tell its command line, folder, environment and connection file"
NOT_ASKED = "not known: it is told once you ask the kernel whether it answers"
_LIBRARY = (
    "from kerneltui import BlockingKernelClient",
    "client = BlockingKernelClient(connection_file={file})",
    "client.load_connection_file()",
    "client.start_channels()",
    "client.wait_for_ready(timeout=10)",
)

Fact = tuple[str, str]
Section = tuple[str, Sequence[Fact]]


class InfoView(RowPane):
    """Facts under headings, wrapped to the width."""

    TAB = Tab.INFO

    def __init__(self) -> None:
        super().__init__()
        self._info: KernelInfo | None = None
        self._host = ""
        self._rows: list[Row] = []

    def show(self, info: KernelInfo | None, host: str = "") -> None:
        """Show the facts about a kernel; nothing for None.

        `host`: the name of the host that its paths are of; "" for this one.
        """
        if (info, host) != (self._info, self._host):
            self._info, self._host = info, host
            self._lay_out()

    def on_resize(self, _event: events.Resize) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        found = sections(self._info, self._host) if self._info else ()
        self._rows = limited(laid_out(found, self.area.width - 1))
        self.fit()

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Row:
        return self._rows[index]


def sections(info: KernelInfo, host: str = "") -> tuple[Section, ...]:
    """Return headings, each with facts: a label, or "" for a further line, and a value."""
    environment = info.environment
    if not (info.argv or info.connection_file):
        return (
            ("Kernel", info.versions or (("", NOT_ASKED),)),
            ("Kernelspec", info.spec),
            ("Process", (("", NOT_TOLD),)),
        )
    connect = f"Connect, on {host}" if host else "Connect"
    gone: tuple[Fact, ...] = (("", "not known: its process is gone or may not be looked into"),)
    return (
        ("Kernel", info.versions or (("", "it has not answered yet"),)),
        ("Kernelspec", info.spec),
        ("Process", (("argv", shlex.join(info.argv)), ("cwd", info.cwd or "-"))),
        (connect, (*connecting(info.connection_file), *info.endpoints)),
        ("Environment", gone if environment is None else environment),
    )


def connecting(connection_file: str) -> tuple[Fact, ...]:
    """Return how other clients connect with this connection file."""
    console = f"jupyter console --existing {shell_word(connection_file)}"
    literal = repr(connection_file) if is_showable(connection_file) else ascii(connection_file)
    library = [line.format(file=literal) for line in _LIBRARY]
    labels = ("library", *[""] * (len(library) - 1))
    return (
        ("file", clean_line(connection_file, LONGEST)),
        ("console", console),
        *zip(labels, library, strict=True),
    )


def shell_word(path: str) -> str:
    """Return a path quoted for a shell; as octal bytes if a screen cannot show it."""
    if is_showable(path):
        return shlex.quote(path)
    return "$'" + "".join(f"\\{each:03o}" for each in os.fsencode(path)) + "'"


def is_showable(path: str) -> bool:
    """Tell whether a screen shows a path as it is."""
    return clean_line(path, LONGEST) == path


def laid_out(found: Iterable[Section], width: int) -> Iterator[Row]:
    """Yield the rows of headings and facts; long values are wrapped."""
    for place, (title, facts) in enumerate(found):
        if place:
            yield ()
        yield ((f" {title}", "strong"),)
        for label, value in facts:
            shown = f"   {clip(label, MAX_LABEL)}  "
            indent = max(LABEL, cell_len(shown))
            pieces = chop_cells(_head(value), max(2, width - indent)) or [""]
            for number, piece in enumerate(pieces):
                yield ((fit("" if number else shown, indent), "label"), (piece, ""))


def _head(value: str) -> str:
    missing = len(value) - MAX_VALUE
    return f"{value[:MAX_VALUE]} {more(missing, 'characters')}" if missing > 0 else value
