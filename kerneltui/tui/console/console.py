"""ConsolePane: the line for code, the kernel's questions, and help in writing.

It talks to the fleet's console, whose methods return at once. Nothing here waits for a
kernel longer than a deadline, and a reply is dropped if the code has changed meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.containers import Horizontal, Vertical
from textual.widgets import Static, TextArea

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.paths import history_file
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.console.code_help import CodeHelp
from kerneltui.tui.console.history import CODE_LIMIT, History, merge
from kerneltui.tui.console.history_search import HistorySearch
from kerneltui.tui.console.question import PromptInput, Question
from kerneltui.tui.console.settling import settle
from kerneltui.tui.console.texts import badge, cannot_run, held_words, pending_words, placeholder
from kerneltui.tui.console.to_screen import ConsoleLeft, InterruptAsked
from kerneltui.tui.terminal.workers import begin
from kerneltui.tui.widgets.late import Late

if TYPE_CHECKING:
    from kerneltui.fleet.console.kernel_console import KernelConsole
    from kerneltui.fleet.console.prompt import Prompt
    from kerneltui.fleet.model.snapshot import KernelSnapshot

COMPLETENESS_DEADLINE = 0.25
"""Seconds for a kernel to say whether code is complete; without a reply it is run."""
PAST_DEADLINE = 3.0
"""Seconds for a kernel to tell its history."""
PAST_LIMIT = 10_000
"""Entries kept of a kernel's history: the latest ones."""


@dataclass(slots=True)
class _Memory:
    """What the console keeps for one kernel while another one is shown."""

    draft: str = ""
    past: tuple[str, ...] = ()
    """The kernel's own history, the oldest first."""
    past_asked: bool = False


class ConsolePane(Vertical):
    """The console of the selected kernel."""

    def __init__(self) -> None:
        super().__init__()
        self._had_focus = False
        """When a part of the screen got the focus last, it was in here."""
        self._backend: KernelConsole | None = None
        self._snapshot: KernelSnapshot | None = None
        self._name = ""
        self._memories: dict[str, _Memory] = {}
        self._prompt: Prompt | None = None
        self._answered_at: float | None = None
        """When the prompt that was answered last was asked."""
        self._history = History(history_file())
        self._history_problem = ""
        self._pending = ""
        self._remark = ""
        self._aside = Static(id="aside", markup=False)
        in_place_of_entry = partial(self.mount, before="#entry")
        self._search = Late(HistorySearch, in_place_of_entry)
        self._question = Late(Question, in_place_of_entry)

    def fill(self) -> None:
        """Mount the children at once: they may be used before Textual would compose them."""
        entry = Horizontal(id="entry")
        self.mount(entry)
        self._editor = CodeEditor(self._judge, self._look_back)
        self._code_help = CodeHelp(self, self._editor, self._say)
        entry.mount(Static(">", id="sign", markup=False), self._editor, self._aside)
        self._editor.placeholder = placeholder(None)
        self._aside.display = False

    async def on_unmount(self) -> None:
        await asyncio.to_thread(self._history.save)

    # -- which kernel --------------------------------------------------------------------

    def attach(self, backend: KernelConsole) -> None:
        self._backend = backend
        self._use_history(self._history.load)

    def show(self, snapshot: KernelSnapshot | None, language: str) -> None:
        """Become the console of `snapshot`, whose code is written in `language`.

        None: no kernel is selected. If it is written to, what is typed stays: for its kernel, which
        has gone; or for the first one, if there was none.
        """
        if snapshot == self._snapshot and language == self._editor.source_language:
            return
        before, self._snapshot = self._snapshot, snapshot
        self._editor.source_language = language
        self._editor.placeholder = placeholder(snapshot)
        if snapshot is not None:
            self._name = snapshot.name
        kernel_id = snapshot.kernel_id if snapshot is not None else ""
        if self.is_written_to and not kernel_id:
            self._code_help.close()
        elif self.is_written_to and not self.kernel_id:
            self._editor.kernel_id = kernel_id
            self._ask_past()
        elif kernel_id != self.kernel_id:
            self._change_kernel(kernel_id)
        if badge(before) != badge(snapshot) or None in (before, snapshot):
            self._show_aside()

    def _change_kernel(self, kernel_id: str) -> None:
        """Swap the drafts, and give up the focus: the user must not type to the wrong kernel."""
        self._memory().draft = self._editor.text
        if self.is_written_to:
            self.post_message(ConsoleLeft())
        self._code_help.close()
        self._search.hide()
        if question := self._question.made:
            question.withdraw()
        self._show_entry()
        self._editor.kernel_id = kernel_id
        self._editor.put(self._memory().draft)
        self.pull()

    def _memory(self) -> _Memory:
        return self._memories.setdefault(self.kernel_id, _Memory())

    def enter(self) -> None:
        """Take the focus."""
        if self._is_held:
            self._show_prompt()
        if self._prompt is not None:
            self._question.widget.answer.widget.focus()
        elif self._search.is_shown:
            self._search.widget.focus_words()
        else:
            self._editor.focus()

    def note_focus(self) -> None:
        """Take note that the console has got the focus, or that another part of the screen has."""
        self._had_focus = self.has_focus_within
        if not self._had_focus and self._question.is_shown and self._question.widget.is_void:
            self._show_prompt()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if not all(each.display for each in event.widget.ancestors_with_self):
            self.enter()  # the terminal has the focus again: Textual gives it back where it was
        self._ask_past()

    def _ask_past(self) -> None:
        """Ask the kernel for its history, unless that is done."""
        memory = self._memory()
        if self._backend and self._may_run() and not memory.past_asked:
            memory.past_asked = True
            past = self._backend.history(self.kernel_id)
            begin(self, partial(self._learn_past, memory, past))

    @property
    def kernel_id(self) -> str:
        """The kernel whose console this is, though it may have gone; "" for none."""
        return self._editor.kernel_id

    @property
    def is_written_to(self) -> bool:
        """The user is in it, also while the terminal has not the focus."""
        return self.has_focus_within or (self._had_focus and not self.app.app_focus)

    @property
    def _gone(self) -> str:
        """Says that the kernel has gone; empty as long as it is there."""
        return f"{self._name} has gone" if self._snapshot is None and self.kernel_id else ""

    def _may_run(self) -> bool:
        return self._snapshot is not None and Verb.EXECUTE in self._snapshot.allowed

    # -- the code run before ---------------------------------------------------------------

    async def _learn_past(self, memory: _Memory, past: Future[tuple[str, ...]]) -> None:
        remembered = await settle(past, PAST_DEADLINE) or ()
        is_refused = past.done() and past.exception() is not None  # as while it is locked
        memory.past_asked = not is_refused
        memory.past = tuple(code for code in remembered if len(code) <= CODE_LIMIT)[-PAST_LIMIT:]
        if left_out := len(remembered) - len(memory.past):
            self.notify(f"{left_out:,} old or long entries of the kernel's history are left out")

    @property
    def _language(self) -> str:
        """The name under which the history keeps this kernel's code."""
        return self._editor.source_language or (
            self._snapshot.kernel_name if self._snapshot else ""
        )

    def _look_back(self) -> tuple[str, ...]:
        return merge(self._history.codes(self._language), self._memory().past)

    def _use_history(self, access: Callable[[], str]) -> None:
        begin(self, partial(self._access_history, access))

    async def _access_history(self, access: Callable[[], str]) -> None:
        """Read or write the history's file; report the same problem only once."""
        problem = await asyncio.to_thread(access)
        if problem and problem != self._history_problem:
            self._history_problem = problem
            self.notify(problem, severity="warning")

    def _open_search(self) -> None:
        self._code_help.close()
        self._search.widget.open(self._look_back())
        self._show_entry()

    @on(HistorySearch.Taken)
    def recall(self, event: HistorySearch.Taken) -> None:
        event.stop()
        self._editor.recall(event.code)
        self.close_search()

    @on(HistorySearch.GivenUp)
    def close_search(self) -> None:
        self._search.hide()
        self._show_entry()
        self._editor.focus()

    def _show_entry(self) -> None:
        """Show the line for code unless something else is in its place."""
        is_free = (self._prompt is None or self._is_held) and not self._search.is_shown
        self.query_one("#entry").display = is_free

    # -- running cells and their questions -------------------------------------------------

    def pull(self) -> None:
        """Show the kernel's open prompt and the cells that wait; called by a timer."""
        if self._backend is None:
            return
        prompt = self._backend.prompts.get(self.kernel_id)
        if prompt != self._prompt:
            self._change_prompt(prompt)
        elif self._is_held and not self._is_writing():
            self._show_prompt()
        self._prompt = prompt  # an equal one, which was asked later
        queued = self._backend.queued.get(self.kernel_id, ())
        beside = self._backend.beside.get(self.kernel_id, ())
        pending = pending_words(queued, beside, self._snapshot)
        if pending != self._pending:
            self._pending = pending
            self._show_aside()

    def _say(self, remark: str) -> None:
        """Show how the last request for help stands, until the code changes."""
        if remark != self._remark:
            self._remark = remark
            self._show_aside()

    def _show_aside(self) -> None:
        held = held_words(self._prompt.text) if self._prompt and self._is_held else ""
        remarks = (self._gone, badge(self._snapshot), held, self._remark, self._pending)
        told = ", ".join(filter(None, remarks))
        self._aside.update(told)
        self._aside.display = bool(told)

    def _change_prompt(self, prompt: Prompt | None) -> None:
        """Show the prompt, unless the user is typing: then once they are done."""
        is_answering, is_writing = self._is_typing_answer(), self._is_writing()
        self._prompt = prompt
        if is_answering:
            self._question.widget.void()
        elif is_writing:
            self._show_aside()
        else:
            self._show_prompt()

    @property
    def _is_held(self) -> bool:
        """The prompt is not shown yet, as the user types something else."""
        return self._prompt is not None and not self._question.is_shown

    def _is_writing(self) -> bool:
        """Tell whether the user is typing code, or what to search for."""
        if not self.is_written_to or self._question.is_shown:
            return False
        return self._search.is_shown or self._editor.text != ""

    def _is_typing_answer(self) -> bool:
        question = self._question.made
        if question is None or not question.display or not self.is_written_to:
            return False
        is_answered = self._prompt is not None and self._prompt.asked_at == self._answered_at
        return question.is_void or (question.answer.widget.value != "" and not is_answered)

    def _show_prompt(self) -> None:
        prompt = self._prompt
        self._search.hide()
        if prompt is not None:
            self._code_help.close()
            self._question.widget.ask(prompt)
        elif question := self._question.made:
            question.withdraw()
        self._show_entry()
        self._show_aside()
        if self.is_written_to and prompt is None:
            self.screen.set_focus(self._editor)  # at once, so that a later order to leave counts
        elif self.is_written_to:
            self.enter()

    @on(PromptInput.Answered)
    def answer(self, event: PromptInput.Answered) -> None:
        event.stop()
        if event.prompt is not None and self._backend is not None:
            try:
                self._backend.answer(event.prompt, event.value)
            except KernelError as error:
                self.notify(str(error), severity="warning")
                return
        if self._question.widget.is_void:
            self._show_prompt()
        elif self._prompt is not None and event.prompt == self._prompt:
            self._answered_at = self._prompt.asked_at
            self._question.widget.answer.widget.value = ""

    @on(CodeEditor.Submitted)
    def run_code(self, event: CodeEditor.Submitted) -> None:
        event.stop()
        self._code_help.close()
        try:
            self._run(event.kernel_id, event.code, beside=event.beside)
        except KernelError as error:
            self._give_back(event.kernel_id, event.code)
            self.notify(str(error), severity="warning")

    def _give_back(self, kernel_id: str, code: str) -> None:
        """Make code that was not run the draft of its kernel again."""
        if kernel_id == self.kernel_id:
            self._editor.put(code)
        else:
            self._memories.setdefault(kernel_id, _Memory()).draft = code

    def _run(self, kernel_id: str, code: str, *, beside: bool) -> None:
        if kernel_id != self.kernel_id:
            raise ActionRefused("not run: another kernel was selected before it was sent")
        if self._backend is None or not self._may_run():
            raise ActionRefused(self._gone or cannot_run(self._snapshot))
        self._backend.execute(kernel_id, code, beside=beside)
        self._history.add(self._language, code)
        self._use_history(self._history.save)

    async def _judge(self, code: str) -> str | None:
        """Return the indent of the line after `code`; None to run it.

        The kernel is asked whether `code` is complete. Without a reply in time it is run.
        """
        if self._backend is None or not self._may_run():
            return None
        reply = self._backend.is_complete(self.kernel_id, code)
        content = await settle(reply, COMPLETENESS_DEADLINE) or {}
        if content.get("status") != "incomplete":
            return None
        indent = content.get("indent")
        return indent if isinstance(indent, str) and indent.isspace() else ""

    # -- what the editor's keys ask for ------------------------------------------------------

    @on(CodeEditor.Asked)
    def help_editor(self, event: CodeEditor.Asked) -> None:
        event.stop()
        match event.command:
            case "leave":
                self._leave()
            case "interrupt":
                self.post_message(InterruptAsked(event.kernel_id))
            case "search":
                self._open_search()
            case "choose":
                self._code_help.choose()
            case "complete" | "inspect":
                self._ask_for_help(event)
            case _:
                self._code_help.move(event.command)

    def _leave(self) -> None:
        if self._code_help.is_shown:
            self._code_help.close()
        else:
            self.post_message(ConsoleLeft())

    def _ask_for_help(self, event: CodeEditor.Asked) -> None:
        if self._backend is not None and self._may_run():
            self._code_help.ask(self._backend, event)
        else:
            self.notify(self._gone or cannot_run(self._snapshot), severity="warning")

    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def close_what_is_outdated(self, event: TextArea.Changed | TextArea.SelectionChanged) -> None:
        event.stop()
        self._code_help.close_if_outdated()
