"""The dialog to save a file; it never overwrites one."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from kerneltui.private_file import free_path, write_new
from kerneltui.protocol.text import clean_line
from kerneltui.tui.terminal.workers import begin
from kerneltui.tui.widgets.text_input import TextInput
from kerneltui.typed_paths import typed_path

MAX_STEM = 60  # characters, of up to four bytes each; the names of files have 255 bytes


class SaveScreen(ModalScreen[None]):
    """Offers a name that is free. Only the owner can read the file."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, folder: Path, stem: str, suffix: str, content: bytes) -> None:
        super().__init__()
        name = re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:MAX_STEM] or "output"
        self._offered = free_path(folder, name, suffix)
        self._content = content

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(f"Save {len(self._content):,} bytes", classes="title", markup=False)
            yield TextInput(str(self._offered), compact=True)
            yield Static(id="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="no")
                yield Button("Save", id="yes", variant="primary")

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def _begin(self) -> None:
        path = typed_path(self.query_one(Input).value)
        begin(self, partial(self._save, path), group="save", exclusive=True)

    async def _save(self, path: Path) -> None:
        try:
            await asyncio.to_thread(write_new, path, self._content)
        except FileExistsError:
            self._complain(f"{path} is there already")
        except OSError as error:
            self._complain(f"cannot write {path}: {error.strerror}")
        except ValueError as error:  # a name that no file can have
            self._complain(f"cannot write {path}: {error}")
        else:
            self.notify(f"saved as {path}", markup=False)
            self.dismiss(None)

    def _complain(self, problem: str) -> None:
        self.query_one("#problem", Static).update(clean_line(problem))

    @on(Button.Pressed, "#no")
    def _cancel(self) -> None:
        self.dismiss(None)
