"""CodeEditor: a few lines of source code, coloured, with what was run before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from kerneltui.tui.actions import bindings
from kerneltui.tui.source import Colour, colours, is_complete_python, location, python_indent

# One for one, so that columns stay: a pasted escape is seen and never obeyed.
_VISIBLE = {code: 0x2400 + code for code in range(32) if code != 9}
_VISIBLE |= {127: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
_VISIBLE |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)


class CodeEditor(TextArea):
    """Knows keys and text; what they mean to a kernel is the console's business."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("console.")

    class Submitted(Message):
        """Code to run; it has left the editor."""

        def __init__(self, code: str) -> None:
            super().__init__()
            self.code = code

    class Asked(Message):
        """The key of a console action was pressed that takes more than an editor."""

        def __init__(self, command: str, code: str, cursor: int) -> None:
            """`cursor`: a count of characters from the beginning of `code`."""
            super().__init__()
            self.command = command
            self.code = code
            self.cursor = cursor

    def __init__(self) -> None:
        super().__init__(compact=True, highlight_cursor_line=False, tab_behavior="focus")
        self.cursor_blink = False  # a blinking cursor writes to an idle terminal
        self.source_language = ""
        self.choosing = False
        """A list of completions is open: up, down, Tab and Enter are for it."""
        self._past: tuple[str, ...] = ()
        self._place = 0
        self._draft = ""
        self._coloured: tuple[str, str, list[list[Colour]]] = ("", "", [[]])

    # -- text ------------------------------------------------------------------------

    @property
    def cursor_index(self) -> int:
        """The cursor as a count of characters from the beginning of the text."""
        return len(self.get_text_range((0, 0), self.cursor_location))

    def put(self, text: str) -> None:
        """Show `text` with the cursor at its end."""
        self.load_text("\n".join(text.splitlines()))
        self.move_cursor(self.document.end)

    def put_between(self, start: int, end: int, text: str) -> None:
        """Replace the characters from `start` to `end`."""
        places = location(self.text, start), location(self.text, end)
        self.replace(text, *places, maintain_selection_offset=False)

    def get_line(self, line_index: int) -> Text:
        source = self.document.get_line(line_index)
        line = Text(source.translate(_VISIBLE), end="", no_wrap=True)
        coloured = self._colours()
        for colour in coloured[line_index] if line_index < len(coloured) else ():
            line.stylize(colour.style, colour.start, colour.end)
        return line

    def _colours(self) -> list[list[Colour]]:
        text, language, found = self._coloured
        if text != self.text or language != self.source_language:
            found = colours(self.text, self.source_language)
            self._coloured = (self.text, self.source_language, found)
        return found

    # -- what was run before -----------------------------------------------------------

    def set_past(self, past: Sequence[str]) -> None:
        """Take `past`, the oldest first, as what the up key goes through."""
        self._past = tuple(past)
        self._place = len(self._past)

    def _recall(self, step: int) -> None:
        place = self._place + step
        if not 0 <= place <= len(self._past):
            return
        if self._place == len(self._past):
            self._draft = self.text
        self._place = place
        self.put(self._past[place] if place < len(self._past) else self._draft)

    # -- keys --------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        # Here and not by a binding: a text area takes Enter before bindings see it, and a
        # priority binding would overtake the characters typed just before.
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.action_console_run()

    def _ask(self, command: str) -> None:
        self.post_message(self.Asked(command, self.text, self.cursor_index))

    def submit(self) -> None:
        """Give the code away to be run."""
        code = self.text
        if code.strip():
            self.load_text("")
            self.post_message(self.Submitted(code))

    def action_console_run(self) -> None:
        if self.choosing:
            self._ask("choose")
        elif not self.cursor_at_last_line:
            self.action_console_newline()
        elif self.source_language != "python":
            self._ask("is_complete")
        elif is_complete_python(self.text):
            self.submit()
        else:
            self.action_console_newline()

    def action_console_run_now(self) -> None:
        self.submit()

    def action_console_newline(self) -> None:
        row, column = self.cursor_location
        before = self.document.get_line(row)[:column]
        self.begin_line(python_indent(before) if self.source_language == "python" else "")

    def begin_line(self, indent: str) -> None:
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

    def action_console_leave(self) -> None:
        self._ask("leave")

    def action_console_previous(self) -> None:
        if self.choosing:
            self._ask("choose_previous")
        elif self.cursor_at_first_line:
            self._recall(-1)
        else:
            self.action_cursor_up()

    def action_console_next(self) -> None:
        if self.choosing:
            self._ask("choose_next")
        elif self.cursor_at_last_line:
            self._recall(1)
        else:
            self.action_cursor_down()

    def action_console_interrupt(self) -> None:
        if self.selected_text:
            self.action_copy()
            self.selection = Selection.cursor(self.cursor_location)
        else:
            self._ask("interrupt")

    def action_console_delete(self) -> None:
        if self.text:
            self.action_delete_right()
        else:
            self._ask("leave")
