"""The dialog that shows one whole message: its parts, its size and its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kerneltui.protocol.text import clean_lines, plain

if TYPE_CHECKING:
    from kerneltui.fleet.monitoring.message_log import MessageRecord


class MessageScreen(ModalScreen[None]):
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", show=False),
        Binding("j", "app.simulate_key('down')", show=False),
        Binding("k", "app.simulate_key('up')", show=False),
    ]

    def __init__(self, record: MessageRecord, client: str) -> None:
        """`client`: the name of the client that sent it, or that it answers."""
        super().__init__()
        self._record = record
        self._client = client

    def compose(self) -> ComposeResult:
        record = self._record
        facts = [
            "to the kernel" if record.sent else "from the kernel",
            f"client: {self._client}",
            f"{record.cut:,} bytes were not kept" if record.cut else f"{record.size:,} bytes",
        ]
        with Vertical(classes="dialog -wide"):
            yield Static(f"{record.msg_type}  {record.channel}", classes="title", markup=False)
            yield Static(" · ".join(facts), markup=False)
            with VerticalScroll():
                yield Static(_text(record), markup=False)
            yield Static("Esc closes · ↑ ↓ scrolls", classes="note", markup=False)


def _text(record: MessageRecord) -> Text:
    """Return all parts of a message, cleaned of control characters."""
    from kerneltui.fleet.monitoring.message_log import (
        pretty,  # imported here: it loads psutil
    )

    text = Text()
    for name, body in pretty(record):
        text.append(f"{name}\n", "bold")
        for line in clean_lines(body):
            text.append(f"{plain(line)}\n")
    return text
