"""Console: a line for code, the kernel's questions, and what helps in writing.

It talks to the fleet's console, whose methods return at once. Nothing here waits for a
kernel longer than a deadline, and a reply to a text that has changed is dropped.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, OptionList, Static, TextArea

from kerneltui.errors import KernelError
from kerneltui.protocol.status import KernelState, Verb
from kerneltui.protocol.text import OutputDecoder, clean_line, plain
from kerneltui.tui.actions import bindings
from kerneltui.tui.source import Replacement, replacements
from kerneltui.tui.widgets.code_editor import CodeEditor

if TYPE_CHECKING:
    from kerneltui.fleet.console import Console as FleetConsole
    from kerneltui.fleet.conversation import Prompt
    from kerneltui.fleet.snapshot import KernelSnapshot

COMPLETENESS_DEADLINE = 0.25
"""Seconds for a kernel to say whether code is complete; then it is run."""
HELP_DEADLINE = 3.0
"""Seconds for completions, documentation and history."""
COMPLETIONS_SHOWN = 200

_T = TypeVar("_T")


async def settle(future: Future[_T], deadline: float) -> _T | None:
    """Return the future's result; None when it failed or took longer than `deadline` seconds.

    Never cancels: the thread that owns the future may be about to set it.
    """
    waiter = asyncio.wrap_future(future)
    waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({waiter}, timeout=deadline)
    if not waiter.done() or waiter.cancelled() or waiter.exception() is not None:
        return None
    return waiter.result()


class PromptInput(Input):
    """The answer to a running cell's `input()` or `getpass()`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("console.interrupt", "console.leave")

    def action_console_interrupt(self) -> None:
        self.post_message(Console.InterruptAsked())

    def action_console_leave(self) -> None:
        self.post_message(Console.Left())


@dataclass(slots=True)
class _Memory:
    """What the console keeps for one kernel while another one is shown."""

    draft: str = ""
    past: tuple[str, ...] = ()
    past_asked: bool = False


class Console(Vertical):
    """The console of the selected kernel."""

    class Left(Message):
        """The user wants to go back to the table."""

    class InterruptAsked(Message):
        """The user wants to interrupt the kernel whose console this is."""

    def __init__(self) -> None:
        super().__init__()
        self._backend: FleetConsole | None = None
        self._snapshot: KernelSnapshot | None = None
        self._memories: dict[str, _Memory] = {}
        self._prompt: Prompt | None = None
        self._offered: list[Replacement] = []
        self._asked = ("", 0)

    def compose(self) -> ComposeResult:
        yield OptionList(id="completions", markup=False, compact=True)
        with VerticalScroll(id="documentation", can_focus=False):
            yield Static(markup=False)
        with Horizontal(id="prompt"):
            yield Static(markup=False)
            yield PromptInput(compact=True)
        with Horizontal(id="entry"):
            yield Static(">", id="sign", markup=False)
            yield CodeEditor()
            yield Static(id="queued", markup=False)

    def on_mount(self) -> None:
        self._editor = self.query_one(CodeEditor)
        self._completions = self.query_one("#completions", OptionList)
        self._completions.can_focus = False
        self._documentation = self.query_one("#documentation")
        self._editor.placeholder = _placeholder(None)
        self._close_helpers()
        self.query_one("#prompt").display = False
        self.query_one("#queued").display = False

    # -- which kernel --------------------------------------------------------------------

    def attach(self, backend: FleetConsole) -> None:
        self._backend = backend

    def show(self, snapshot: KernelSnapshot | None, language: str) -> None:
        """Be the console of `snapshot`, whose code is written in `language`."""
        if snapshot == self._snapshot and language == self._editor.source_language:
            return
        before, self._snapshot = self._snapshot, snapshot
        self._editor.source_language = language
        self._editor.placeholder = _placeholder(snapshot)
        if (before and before.kernel_id) != (snapshot and snapshot.kernel_id):
            self._change_kernel(before)

    def _change_kernel(self, before: KernelSnapshot | None) -> None:
        """Swap the drafts, and let nobody go on typing to another kernel than he thinks."""
        if before is not None:
            self._memories[before.kernel_id].draft = self._editor.text
        if self.has_focus_within:
            self.post_message(self.Left())
        self._close_helpers()
        memory = self._memory()
        self._editor.put(memory.draft)
        self._editor.set_past(memory.past)
        self.pull()

    def _memory(self) -> _Memory:
        kernel_id = self._snapshot.kernel_id if self._snapshot else ""
        return self._memories.setdefault(kernel_id, _Memory())

    def enter(self) -> None:
        """Take the focus; ask the kernel once what was run in it before."""
        if self._prompt is not None:
            self.query_one(PromptInput).focus()
            return
        self._editor.focus()
        memory = self._memory()
        if self._backend and self._may_run() and not memory.past_asked:
            memory.past_asked = True
            self._help(self._recall_past(memory, self._backend, self._kernel_id), "history")

    @property
    def _kernel_id(self) -> str:
        return self._snapshot.kernel_id if self._snapshot else ""

    def _may_run(self) -> bool:
        return self._snapshot is not None and Verb.EXECUTE in self._snapshot.allowed

    async def _recall_past(self, memory: _Memory, backend: FleetConsole, kernel_id: str) -> None:
        past = await settle(backend.history(kernel_id), HELP_DEADLINE)
        memory.past = (past or ()) + memory.past
        if kernel_id == self._kernel_id:
            self._editor.set_past(memory.past)

    # -- what runs and what it asks --------------------------------------------------------

    def pull(self) -> None:
        """Show the kernel's open prompt and the cells that wait; called by a timer."""
        if self._backend is None:
            return
        prompt = self._backend.prompts.get(self._kernel_id)
        if prompt != self._prompt:
            self._show_prompt(prompt)
        waiting = len(self._backend.queued.get(self._kernel_id, ())) - 1
        queued = self.query_one("#queued", Static)
        queued.display = waiting > 0
        if waiting > 0:
            queued.update(f"{waiting} queued")

    def _show_prompt(self, prompt: Prompt | None) -> None:
        focused = self.has_focus_within
        self._prompt = prompt
        self.query_one("#prompt").display = prompt is not None
        self.query_one("#entry").display = prompt is None
        answer = self.query_one(PromptInput)
        answer.value = ""
        if prompt is not None:
            self._close_helpers()
            answer.password = prompt.password
            self.query_one("#prompt Static", Static).update(clean_line(prompt.text) or "input")
        if focused:
            (self._editor if prompt is None else answer).focus()

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        event.stop()
        if self._prompt is None or self._backend is None:
            return
        try:
            self._backend.answer(self._prompt, event.value)
        except KernelError as error:
            self.notify(str(error), severity="warning")
        else:
            event.input.value = ""

    @on(CodeEditor.Submitted)
    def run_code(self, event: CodeEditor.Submitted) -> None:
        event.stop()
        self._close_helpers()
        if self._backend is None or not self._may_run():
            self._editor.put(event.code)
            self.notify(_cannot_run(self._snapshot), severity="warning")
            return
        try:
            self._backend.execute(self._kernel_id, event.code)
        except KernelError as error:
            self._editor.put(event.code)
            self.notify(str(error), severity="warning")
            return
        memory = self._memory()
        memory.past += (event.code,)
        self._editor.set_past(memory.past)

    # -- what the editor's keys ask for ------------------------------------------------------

    @on(CodeEditor.Asked)
    def help_editor(self, event: CodeEditor.Asked) -> None:
        event.stop()
        match event.command:
            case "leave":
                self._leave()
            case "interrupt":
                self.post_message(self.InterruptAsked())
            case "choose":
                self._choose()
            case "choose_next":
                self._completions.action_cursor_down()
            case "choose_previous":
                self._completions.action_cursor_up()
            case _:
                self._ask_kernel(event)

    def _leave(self) -> None:
        if self._editor.choosing or self._documentation.display:
            self._close_helpers()
        else:
            self.post_message(self.Left())

    def _ask_kernel(self, event: CodeEditor.Asked) -> None:
        if self._backend is None or not self._may_run():
            self.notify(_cannot_run(self._snapshot), severity="warning")
            return
        self._asked = (event.code, event.cursor)
        asked = (self._kernel_id, event.code, event.cursor)
        match event.command:
            case "complete":
                self._help(self._complete(self._backend.complete(*asked)), "help")
            case "inspect":
                self._help(self._inspect(self._backend.inspect(*asked)), "help")
            case "is_complete":
                reply = self._backend.is_complete(*asked[:2])
                self._help(self._run_if_complete(reply), "run")

    def _help(self, work: Any, group: str) -> None:
        self.run_worker(work, group=group, exclusive=True, exit_on_error=False)

    def _unchanged(self) -> bool:
        return self._asked == (self._editor.text, self._editor.cursor_index)

    async def _run_if_complete(self, reply: Future[dict[str, Any]]) -> None:
        content = await settle(reply, COMPLETENESS_DEADLINE) or {}
        if not self._unchanged():
            return
        if content.get("status") == "incomplete":
            indent = content.get("indent")
            self._editor.begin_line(indent if isinstance(indent, str) else "")
        else:
            self._editor.submit()

    async def _complete(self, reply: Future[dict[str, Any]]) -> None:
        content = await settle(reply, HELP_DEADLINE) or {}
        if not self._unchanged():
            return
        self._close_helpers()
        self._offered = replacements(content, len(self._asked[0]))[:COMPLETIONS_SHOWN]
        if len(self._offered) == 1:
            self._insert(self._offered[0])
        elif self._offered:
            self._open_completions()

    def _open_completions(self) -> None:
        self._completions.clear_options()
        self._completions.add_options(clean_line(offer.text) for offer in self._offered)
        self._completions.highlighted = 0
        self._completions.display = self._editor.choosing = True

    def _choose(self) -> None:
        place = self._completions.highlighted
        self._close_helpers()
        if place is not None and self._unchanged():
            self._insert(self._offered[place])

    def _insert(self, offer: Replacement) -> None:
        self._editor.put_between(offer.start, offer.end, offer.text)

    async def _inspect(self, reply: Future[dict[str, Any]]) -> None:
        content = await settle(reply, HELP_DEADLINE) or {}
        if not self._unchanged():
            return
        self._close_helpers()
        data = content.get("data")
        text = data.get("text/plain") if isinstance(data, dict) else None
        decoder = OutputDecoder()
        lines = decoder.feed(text if isinstance(text, str) else "nothing is known of this")
        shown = "\n".join(plain(line) for line in (*lines, decoder.open_line))
        self.query_one("#documentation Static", Static).update(shown)
        self._documentation.display = True
        self._documentation.scroll_home(animate=False)

    def _close_helpers(self) -> None:
        self._editor.choosing = False
        self._completions.display = False
        self._documentation.display = False

    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def close_what_is_outdated(self, event: TextArea.Changed | TextArea.SelectionChanged) -> None:
        event.stop()
        if not self._unchanged():
            self._close_helpers()


def _placeholder(snapshot: KernelSnapshot | None) -> str:
    """Return what an empty console says; words of ours only, for markup is read in it."""
    if snapshot is None:
        return "no kernel is selected"
    if snapshot.state is KernelState.DEAD:
        return "this kernel is dead: r in the table restarts it"
    return "code to run in this kernel"


def _cannot_run(snapshot: KernelSnapshot | None) -> str:
    if snapshot is None:
        return "no kernel is selected"
    return f"cannot run code in {snapshot.name}: it is {snapshot.state}"
