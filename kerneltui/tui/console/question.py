"""Question: a running cell's question, and the line for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from kerneltui.protocol.text import clean_line
from kerneltui.tui.console.to_screen import ConsoleLeft, InterruptAsked
from kerneltui.tui.keys.bindings import bindings
from kerneltui.tui.widgets.late import Late
from kerneltui.tui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from kerneltui.fleet.console.prompt import Prompt

NOT_ASKED = "no longer asked: Enter goes on"
"""Stands in the place of a question that was withdrawn while its answer was typed."""


class PromptInput(TextInput):
    """The answer to a running cell's `input()` or `getpass()`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Answer"),
        *bindings("console.interrupt", "console.leave"),
    ]

    class Answered(Message):
        """The user answers this prompt, which may not be open any more; None if it was not then."""

        def __init__(self, prompt: Prompt | None, value: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.value = value

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.prompt: Prompt | None = None
        """None once it is not open any more."""

    async def action_submit(self) -> None:
        self.post_message(self.Answered(self.prompt, self.value))

    def action_console_interrupt(self) -> None:
        if self.prompt is None:
            self.post_message(self.Answered(None, ""))
        else:
            self.post_message(InterruptAsked(self.prompt.kernel_id))

    def action_console_leave(self) -> None:
        self.post_message(ConsoleLeft())


class Question(Horizontal):
    def __init__(self) -> None:
        super().__init__(id="prompt")
        self._words = Static(markup=False)
        self.answer = Late(PromptInput, self._fill)

    def _fill(self, answer: PromptInput) -> None:
        self.mount(self._words, answer)

    def ask(self, prompt: Prompt) -> None:
        answer = self.answer.widget
        answer.prompt, answer.value = prompt, ""
        answer.password = prompt.password
        self._words.update(clean_line(prompt.text) or "input")
        self.display = True

    @property
    def is_void(self) -> bool:
        """It is shown, but its prompt is not open any more."""
        return bool(self.display) and self.answer.widget.prompt is None

    def void(self) -> None:
        """Forget what was typed, and go on taking the rest: it may be the rest of a password."""
        answer = self.answer.widget
        answer.prompt, answer.value = None, ""
        self._words.update(NOT_ASKED)

    def withdraw(self) -> None:
        """Hide, and forget what was typed: it may be half a password."""
        self.answer.widget.value = ""
        self.display = False
