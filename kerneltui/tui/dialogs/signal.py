"""The signal picker: type a number or a name, or move; Enter sends."""

from __future__ import annotations

import signal
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from kerneltui.kernels.processes.signals import parse_signal, short_name
from kerneltui.protocol.text import shorten
from kerneltui.tui.widgets.text_input import TextInput
from kerneltui.words import counted

_OFTEN = (
    *("SIGINT", "SIGTERM", "SIGKILL", "SIGHUP", "SIGQUIT"),
    *("SIGUSR1", "SIGUSR2", "SIGSTOP", "SIGCONT"),
)
_REAL_TIME = ("SIGRTMIN", "SIGRTMAX")
SIGNALS: tuple[signal.Signals, ...] = (
    *(signal.Signals[name] for name in _OFTEN),
    *sorted(each for each in signal.Signals if each.name not in (*_OFTEN, *_REAL_TIME)),
)
"""All signals that can be picked; the usual ones come first."""


def find_signal(text: str) -> signal.Signals | None:
    """Return the signal meant by "15", "term", "SIGTERM" or a beginning of the name."""
    meant, begun = parse_signal(text), short_name(text)
    if meant in SIGNALS:
        return meant
    return next((each for each in SIGNALS if short_name(each.name).startswith(begun)), None)


class SignalScreen(ModalScreen[int | None]):
    """Dismissed with the number to send, None when cancelled."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "move('up')", show=False),
        Binding("down", "move('down')", show=False),
    ]

    def __init__(self, targets: tuple[str, ...], chosen: int = signal.SIGTERM) -> None:
        """`targets`: what the signal goes to, each as one clean line."""
        super().__init__()
        self._targets = targets
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            count = len(self._targets)
            to_many = f" to {counted(count, 'kernel')}" if count > 1 else ""
            yield Static(f"Send a signal{to_many}", classes="title", markup=False)
            with VerticalScroll(id="targets", can_focus=False):
                yield Static("\n".join(shorten(self._targets)), markup=False)
            yield TextInput(placeholder="number or name", compact=True)
            options = [Option(f"{signum.name:<10} {signum:>2}") for signum in SIGNALS]
            yield OptionList(*options, markup=False, compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", id="no")
                yield Button("Send (Enter)", id="yes", variant="primary")

    def on_mount(self) -> None:
        self._highlight(self._chosen)

    def _highlight(self, signum: int) -> None:
        self.query_one(OptionList).highlighted = [int(s) for s in SIGNALS].index(signum)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value.strip() and (found := find_signal(event.value)):
            self._highlight(found)

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def send(self) -> None:
        typed = self.query_one(Input).value.strip()
        if typed and find_signal(typed) is None:
            self.notify(f"no signal is called {typed}", severity="warning")
            return
        self.dismiss(int(SIGNALS[self.query_one(OptionList).highlighted or 0]))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.send()
        else:
            self.dismiss(None)

    def action_move(self, way: str) -> None:
        options = self.query_one(OptionList)
        self.query_one(Input).value = ""
        if way == "up":
            options.action_cursor_up()
        else:
            options.action_cursor_down()
