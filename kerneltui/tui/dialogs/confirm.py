"""The question before something is ended: it names the targets, and Cancel has the focus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from kerneltui.errors import KernelError
from kerneltui.frozen import frozen
from kerneltui.protocol.text import shorten
from kerneltui.tui.terminal.workers import begin
from kerneltui.tui.widgets.text_input import TextInput


@frozen
class Question:
    """A question to the user. Its texts are already cleaned of control characters."""

    title: str
    yes: str
    """The label of the button that confirms."""
    lines: tuple[str, ...]
    """What it acts on, one line each."""
    note: str = ""
    """What will be lost, or kept."""
    danger: bool = False
    rest: str = ""
    """The label of a check box, shown if further lines are found; empty for none."""
    expected: str = ""
    """The text to type before yes counts; empty if pressing yes is enough."""


class Answer(Enum):
    """What the user has answered."""

    NO = "no"
    YES = "yes"
    YES_AND_REST = "yes, and what was found besides"


class Choice(Static):
    """A check box; unlike Textual's it can be read without colours."""

    def __init__(self, label: str, *, id: str) -> None:  # noqa: A002 - Textual's
        super().__init__(f"[ ] {label}", id=id, markup=False)
        self._label = label
        self.is_chosen = False

    def toggle(self) -> None:
        self.is_chosen = not self.is_chosen
        self.update(f"[{'x' if self.is_chosen else ' '}] {self._label}")

    def on_click(self) -> None:
        self.toggle()


class ConfirmScreen(ModalScreen[Answer]):
    """Dismissed with the answer."""

    AUTO_FOCUS = "Input, #no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape", "answer(False)", show=False),
        Binding("e", "toggle_rest", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
    ]

    def __init__(
        self, question: Question, more: Callable[[], tuple[str, ...]] | None = None
    ) -> None:
        """`more`: looks up further lines; blocking, so it is called in a thread."""
        super().__init__()
        self._question = question
        self._more = more

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical(classes="dialog" + " -danger" * question.danger):
            yield Static(question.title, classes="title", markup=False)
            with VerticalScroll(id="lines", can_focus=False):
                yield Static("\n".join(shorten(question.lines)), id="targets", markup=False)
                yield Static(id="more", markup=False)
            yield Choice(f"{question.rest} (e)", id="rest")
            yield Static(question.note, classes="note", markup=False)
            if question.expected:
                yield TextInput(placeholder=f"type {question.expected} to go on", compact=True)
            with Horizontal(classes="buttons"):
                no, yes = ("Esc", "Enter") if question.expected else ("n", "y")
                yield Button(f"Cancel ({no})", id="no")
                label = f"{question.yes} ({yes})"
                yield Button(label, id="yes", variant="error" if question.danger else "primary")

    def on_mount(self) -> None:
        self.query_one(".note").display = bool(self._question.note)
        self.query_one("#more").display = self._more is not None
        self.query_one("#rest").display = False
        if self._more is not None:
            begin(self, partial(self._show_more, self._more))

    async def _show_more(self, look: Callable[[], tuple[str, ...]]) -> None:
        shown = self.query_one("#more", Static)
        try:
            lines = await asyncio.to_thread(look)
        except KernelError as error:
            lines = (str(error),)
        shown.update("\n".join(shorten(lines)))
        shown.display = bool(lines)
        self.query_one("#rest").display = bool(lines and self._question.rest)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id == "yes")

    def on_input_submitted(self) -> None:
        self.action_answer(True)

    def action_answer(self, yes: bool) -> None:
        expected = self._question.expected
        if yes and expected and self.query_one(Input).value.strip() != expected:
            self.notify(f"type {expected} to go on, Esc to cancel", severity="warning")
            return
        rest = self.query_one(Choice)
        with_rest = Answer.YES_AND_REST if rest.display and rest.is_chosen else Answer.YES
        self.dismiss(with_rest if yes else Answer.NO)

    def action_toggle_rest(self) -> None:
        self.query_one(Choice).toggle()

    def action_scroll(self, lines: int) -> None:
        self.query_one("#lines").scroll_relative(y=lines, animate=False)
