"""CodeEditor: a few lines of coloured source code, with the code run before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from kerneltui.tui.keys.bindings import bindings
from kerneltui.tui.widgets.source import (
    CodeStyle,
    colours,
    is_complete_python,
    location,
    python_indent,
    visible,
)

Judge = Callable[[str], Awaitable[str | None]]
"""Returns what Enter does with code: the indent of a new line, or None to run the code."""


class CodeEditor(TextArea):
    """Knows keys and text only; the console knows the kernel."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("console.")

    class Submitted(Message):
        """The user runs this code; the editor is already cleared."""

        def __init__(self, kernel_id: str, code: str, *, beside: bool) -> None:
            """`beside`: run it in a subshell, at once, beside the cell that runs."""
            super().__init__()
            self.kernel_id = kernel_id
            self.code = code
            self.beside = beside

    class Asked(Message):
        """The user pressed the key of an action that the console must do."""

        def __init__(self, kernel_id: str, command: str, code: str, cursor: int) -> None:
            """`cursor`: a count of characters from the beginning of `code`."""
            super().__init__()
            self.kernel_id = kernel_id
            self.command = command
            self.code = code
            self.cursor = cursor

    def __init__(self, judge: Judge, look_back: Callable[[], Sequence[str]]) -> None:
        """`look_back`: returns the code run before, the oldest first."""
        super().__init__(compact=True, highlight_cursor_line=False, tab_behavior="focus")
        self.cursor_blink = False  # a blinking cursor writes to an idle terminal
        self.kernel_id = ""
        """The kernel that the text is for; another one may be selected before a message is read."""
        self.source_language = ""
        self.choosing = False
        """A list of completions is open: up, down, Tab and Enter act on it."""
        self.reading = False
        """Documentation is open: up, down and the page keys act on it."""
        self._judge = judge
        self._look_back = look_back
        self._past: Sequence[str] = ()
        self._place = 0
        """The index in `_past` of the code that is shown; its length means the draft."""
        self._draft = ""
        self._texts = 0
        self._coloured: tuple[str, str, list[list[CodeStyle]]] = ("", "", [[]])

    # -- text ------------------------------------------------------------------------

    @property
    def cursor_index(self) -> int:
        """The cursor as a count of characters from the beginning of the text."""
        return len(self.get_text_range((0, 0), self.cursor_location))

    def put(self, text: str) -> None:
        """Take `text` as the draft, with the cursor at its end."""
        self._place = len(self._past)
        self._texts += 1
        self._show(text)

    def _show(self, text: str) -> None:
        self.load_text("\n".join(text.splitlines()))
        self.move_cursor(self.document.end)

    def put_between(self, start: int, end: int, text: str) -> None:
        """Replace the characters from `start` to `end`."""
        places = location(self.text, start), location(self.text, end)
        self.replace(text, *places, maintain_selection_offset=False)

    def get_line(self, line_index: int) -> Text:
        source = self.document.get_line(line_index)
        line = Text(visible(source), end="", no_wrap=True)
        coloured = self._colours()
        for colour in coloured[line_index] if line_index < len(coloured) else ():
            line.stylize(colour.style, colour.start, colour.end)
        return line

    def _colours(self) -> list[list[CodeStyle]]:
        text, language, found = self._coloured
        if text != self.text or language != self.source_language:
            found = colours(self.text, self.source_language)
            self._coloured = (self.text, self.source_language, found)
        return found

    # -- the code run before -----------------------------------------------------------

    def recall(self, code: str) -> None:
        """Show `code`, which was run before; up and down go on from there, if it is still known."""
        self._keep_draft()
        self._past = self._look_back()
        places = [place for place, each in enumerate(self._past) if each == code]
        if places:
            self._go_to(places[-1])
        else:  # the language has become known meanwhile, and has another history
            self.put(code)

    def _recall(self, step: int) -> None:
        self._keep_draft()
        if 0 <= self._place + step <= len(self._past):
            self._go_to(self._place + step)

    def _keep_draft(self) -> None:
        """Save the draft and read the history again, unless old code is shown."""
        if self._place == len(self._past):
            self._past = self._look_back()
            self._place, self._draft = len(self._past), self.text

    def _go_to(self, place: int) -> None:
        self._place = place
        self._show(self._past[place] if place < len(self._past) else self._draft)

    # -- keys --------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        # Here and not by a binding: a text area takes Enter before bindings see it, and a
        # priority binding would overtake the characters typed just before.
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            # Awaited, so that what is typed meanwhile comes after it.
            await self._act_on_enter()

    async def _act_on_enter(self) -> None:
        """Do the action that Enter is bound to; if there is none, begin a new line."""
        active = self.screen.active_bindings.get("enter")
        if self.choosing:
            self._ask("choose")
        elif active is not None and active.node is self:
            await self.app.run_action(active.binding.action, self)
        else:
            self.action_console_newline()

    def _ask(self, command: str) -> None:
        self.post_message(self.Asked(self.kernel_id, command, self.text, self.cursor_index))

    def _submit(self, *, beside: bool = False) -> None:
        """Clear the editor and post its code to be run."""
        code = self.text
        if code.strip():
            self.put("")
            self.post_message(self.Submitted(self.kernel_id, code, beside=beside))

    async def action_console_run(self) -> None:
        if self.choosing:
            self._ask("choose")
        elif not self.cursor_at_last_line:
            self.action_console_newline()
        elif self.source_language != "python":
            await self._run_if_whole()
        elif is_complete_python(self.text):
            self._submit()
        else:
            self.action_console_newline()

    async def _run_if_whole(self) -> None:
        asked = self._texts
        indent = await self._judge(self.text)
        if asked != self._texts:
            return  # the editor shows another kernel's draft now
        if indent is None:
            self._submit()
        else:
            self._begin_line(indent)

    def action_console_run_now(self) -> None:
        self._submit()

    def action_console_run_beside(self) -> None:
        self._submit(beside=True)

    def action_console_newline(self) -> None:
        row, column = self.cursor_location
        before = self.document.get_line(row)[:column]
        self._begin_line(python_indent(before) if self.source_language == "python" else "")

    def _begin_line(self, indent: str) -> None:
        self.replace("\n" + indent, *self.selection, maintain_selection_offset=False)

    def action_console_complete(self) -> None:
        row, column = self.cursor_location
        if self.choosing:
            self._ask("choose_next")
        elif self.document.get_line(row)[:column].strip():
            self._ask("complete")
        else:
            self.insert("    ")

    def action_console_inspect(self) -> None:
        self._ask("inspect")

    def action_console_search(self) -> None:
        self._ask("search")

    def action_console_leave(self) -> None:
        self._ask("leave")

    def action_console_previous(self) -> None:
        if self.choosing:
            self._ask("choose_previous")
        elif self.reading:
            self._ask("read_previous")
        elif self.cursor_at_first_line:
            self._recall(-1)
        else:
            self.action_cursor_up()

    def action_console_next(self) -> None:
        if self.choosing:
            self._ask("choose_next")
        elif self.reading:
            self._ask("read_next")
        elif self.cursor_at_last_line:
            self._recall(1)
        else:
            self.action_cursor_down()

    def action_cursor_page_up(self) -> None:
        if self.reading:
            self._ask("read_page_up")
        else:
            super().action_cursor_page_up()

    def action_cursor_page_down(self) -> None:
        if self.reading:
            self._ask("read_page_down")
        else:
            super().action_cursor_page_down()

    def action_console_interrupt(self) -> None:
        if self.selected_text:
            self.action_copy()
            self.selection = Selection.cursor(self.cursor_location)
        elif self.text:
            self.clear()
        else:
            self._ask("interrupt")

    def action_console_delete(self) -> None:
        if self.text:
            self.action_delete_right()
        else:
            self._ask("leave")
