"""The start dialog: which kernelspec, in which folder, under which name."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from kerneltui.errors import KernelError
from kerneltui.fleet.model.engine_names import engine_of, without_engine
from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line
from kerneltui.tui.dialogs.type_ahead import TypeAhead
from kerneltui.tui.terminal.workers import begin
from kerneltui.tui.widgets.text_input import TextInput
from kerneltui.typed_paths import typed_folder

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.spec_choice import SpecChoice


@frozen
class StartRequest:
    kernel_name: str
    cwd: str
    """Its folder; of another machine, as that machine understands it: "" for its usual one."""
    name: str
    """The name for the kernel; empty to let the fleet choose one."""


def label(spec: SpecChoice) -> str:
    """Return the line for a kernelspec: its interpreter tells equal names apart."""
    engine = engine_of(spec.name)
    shown = spec.interpreter
    if not engine:  # another machine's home is not ours
        shown = re.sub(rf"^{re.escape(str(Path.home()))}(?=/)", "~", shown)
    where = f"on {engine}" if engine else ""
    told = (spec.display_name, f"({without_engine(spec.name, engine)})", where, shown)
    return "  ".join(filter(None, told))


class StartScreen(ModalScreen[StartRequest | None]):
    """Dismissed with what to start, None when cancelled."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(
        self,
        find_specs: Callable[[], tuple[SpecChoice, ...]],
        kernel_name: str,
        folders: Mapping[str, str],
    ) -> None:
        """`find_specs` reads folders, so it is called in a thread.

        `kernel_name`, `folders`: what to offer; the folder by the name of its engine.
        """
        super().__init__()
        self._find_specs = find_specs
        self._usual = kernel_name
        self._folders = dict(folders)
        self._engine = ""
        """The engine of the kernelspec under the cursor: the folder is one of its."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Start a kernel", classes="title", markup=False)
            yield OptionList(markup=False, compact=True)
            with Horizontal(classes="field"):
                yield Static("folder", markup=False)
                yield TextInput(self._folders.get("", ""), id="cwd", compact=True)
            with Horizontal(classes="field"):
                yield Static("name", markup=False)
                yield TextInput(placeholder="optional", id="name", compact=True)
            yield Static(id="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", id="no")
                yield Button("Start (Enter)", id="yes", variant="primary")

    def on_mount(self) -> None:
        self._type_ahead = TypeAhead()
        begin(self, self._list_specs)

    async def _list_specs(self) -> None:
        try:
            specs = await asyncio.to_thread(self._find_specs)
        except KernelError as error:
            self._complain(str(error))
            return
        options = self.query_one(OptionList)
        options.add_options(Option(clean_line(label(spec)), id=spec.name) for spec in specs)
        if specs:
            names = [spec.name for spec in specs]
            options.highlighted = names.index(self._usual) if self._usual in names else 0
        else:
            self._complain("no kernelspec is installed; for Python: pip install ipykernel")

    @on(OptionList.OptionHighlighted)
    def _offer_folder(self, event: OptionList.OptionHighlighted) -> None:
        """Offer the folder of the kernelspec's machine; keep what was typed for the other one."""
        engine = engine_of(event.option_id or "")
        if engine != self._engine:
            folder = self.query_one("#cwd", Input)
            self._folders[self._engine] = folder.value
            self._engine = engine
            folder.value = self._folders.get(engine, "")
            folder.placeholder = f"optional: folder or notebook on {engine}" if engine else ""

    def on_key(self, event: events.Key) -> None:
        """Find a kernelspec by typed letters; j and k move, unless they continue a word."""
        options = self.query_one(OptionList)
        if self.focused is not options or not event.character or not event.is_printable:
            return
        event.stop()
        now = time.monotonic()
        if event.key in "jk" and not self._type_ahead.is_going_on(now):
            move = options.action_cursor_down if event.key == "j" else options.action_cursor_up
            move()
            return
        texts = [str(option.prompt) for option in options.options]
        place = self._type_ahead.find(event.character, now, texts)
        if place is not None:
            options.highlighted = place

    def _complain(self, problem: str) -> None:
        self.query_one("#problem", Static).update(clean_line(problem))

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def start(self) -> None:
        option = self.query_one(OptionList).highlighted_option
        typed = self.query_one("#cwd", Input).value
        if option is None or option.id is None:
            self._complain("pick a kernelspec")
            return
        try:  # this host's folders say nothing about another's
            cwd = typed.strip() if engine_of(option.id) else str(typed_folder(typed))
        except KernelError as error:
            self._complain(str(error))
            return
        name = self.query_one("#name", Input).value.strip()
        self.dismiss(StartRequest(option.id, cwd, name))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.start()
        else:
            self.dismiss(None)
