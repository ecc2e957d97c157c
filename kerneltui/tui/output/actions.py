"""OutputVerbs: what can be done with output besides reading: search, save, copy and more."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported
from textual.message import Message

from kerneltui.protocol.text import plain
from kerneltui.tui.dialogs.save import SaveScreen
from kerneltui.tui.output.image_screen import ImageScreen, image_widget
from kerneltui.tui.output.search_line import SearchScreen
from kerneltui.tui.terminal.base_app import BaseApp
from kerneltui.tui.terminal.clipboard import LIMITS, LINES, copy_of
from kerneltui.tui.terminal.pager import page
from kerneltui.tui.widgets.pane import Pane
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.transcript.transcript import Entry, TranscriptView


class OutputVerbs(Pane):
    """Search, page, save, copy, mark and look at pictures; named after the registry's ids."""

    folder = ""
    """The folder that is offered for saving files; "" for the home folder."""

    class MarkAsked(Message):
        """The user wants a line drawn below what was read."""

    @property
    def view(self) -> TranscriptView | None:
        """The transcript as it is shown; None without one."""
        raise NotImplementedError

    @property
    def entries_in_sight(self) -> list[Entry]:
        raise NotImplementedError

    @property
    def words(self) -> str:
        raise NotImplementedError

    def search(self, words: str) -> None:
        raise NotImplementedError

    @property
    def text_lines(self) -> list[str]:
        """All lines of the transcript, without colours."""
        entries = self.view.entries if self.view else ()
        return [plain(line) for entry in entries for line in entry.lines]

    def action_output_search(self) -> None:
        self.app.push_screen(SearchScreen(self.words, self.search))

    def action_output_mark(self) -> None:
        self.post_message(self.MarkAsked())

    def action_output_page(self) -> None:
        try:
            with self.app.suspend():
                problem = page("".join(f"{line}\n" for line in self.text_lines))
        except SuspendNotSupported:
            problem = "this terminal cannot be handed to a pager"
        if problem:
            self.notify(problem, severity="error", markup=False)

    def action_output_copy(self) -> None:
        """Copy what is selected with the mouse; if nothing is, the last lines."""
        selection = self.text_selection
        selected = self.get_selection(selection) if selection else None
        lines = selected[0].split("\n") if selected else self.text_lines[-LINES:]
        copy = copy_of(lines, os.environ)
        if not copy.lines:
            self.notify("there is nothing to copy, or its last line is too long")
            return
        if isinstance(self.app, BaseApp):
            self.app.write_raw(copy.sequence)
        self.notify(f"{counted(copy.lines, 'line')} sent to the terminal's clipboard; {LIMITS}")

    def action_output_save(self) -> None:
        content = "".join(f"{line}\n" for line in self.text_lines).encode("utf-8", "replace")
        self._save(self.kernel_name or "output", ".txt", content)

    def action_output_image(self) -> None:
        """Show the last visible picture as large as the terminal can."""
        pictures = [entry.picture for entry in self.entries_in_sight if entry.picture]
        if not pictures:
            self.notify("no picture is visible")
            return
        picture = pictures[-1]
        save = partial(self._save, "image", picture.suffix, picture.data)
        if (widget := image_widget(self.app)) is None:
            self.notify("pip install 'kerneltui[images]' shows pictures; this one can be saved")
            save()
        else:
            self.app.push_screen(ImageScreen(picture, widget, save))

    def _save(self, stem: str, suffix: str, content: bytes) -> None:
        folder = Path(self.folder or Path.home())
        self.app.push_screen(SaveScreen(folder, stem, suffix, content))
