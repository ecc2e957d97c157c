"""`kerneltui run` in a kernel of a remote engine: by its console and its transcript."""

from __future__ import annotations

import contextlib
import time
from functools import partial

from kerneltui.commands.printing import Colours, OutputPrinter, warn
from kerneltui.commands.prompt import Keyboard, ask
from kerneltui.commands.remote_kernel import LOOK, LastWords, RemoteKernel
from kerneltui.commands.remote_output import NOTHING, RemoteOutput, said_in
from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.conversation import NOT_RUN
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.transcript.entries import RequestEnd, Role, TranscriptSource, TranscriptView
from kerneltui.kernels.client.interactive import END_OF_INPUT
from kerneltui.protocol.text import plain

FAILED, TIMED_OUT, INTERRUPTED = 1, 124, 130  # exit codes
TAKEN = 15.0  # seconds for an engine to take code, and then for a kernel to begin with it
TOLD = 15.0  # seconds for the end of code that does not run any more to be told
END_TIME = 5.0  # seconds for code that was interrupted to end


class RemoteRun:
    """One piece of code in one kernel."""

    def __init__(
        self, kernel: RemoteKernel, code: str, *, may_ask: bool, deadline: float | None
    ) -> None:
        """`deadline`: when the code is interrupted, an instant of `time.monotonic()`."""
        self._kernel = kernel
        self._code = code
        self._may_ask = may_ask
        self._deadline = deadline
        self._keyboard = Keyboard()
        self._output = RemoteOutput()
        self._msg_id = ""
        """The msg_id of the request."""
        self._source: TranscriptSource | None = None
        """The kernel's transcript; the last one, if it is gone."""
        self._last_words = LastWords(kernel)
        self._has_begun = False
        self._has_told_error = False
        self._answered: tuple[Prompt, float] | None = None
        """The prompt that was answered last, and when it was asked: code may ask the same again."""

    def to_its_end(self, colours: Colours) -> int:
        """Run it; return the exit code. Raises KernelError."""
        with contextlib.closing(OutputPrinter(colours)) as printer:
            with self._kernel.asked() as engine:
                self._msg_id = engine.console.execute(self._kernel.kernel_id, self._code)
            try:
                end = self._follow(printer, self._deadline)
            except KeyboardInterrupt:
                return self._interrupt(printer, INTERRUPTED)
            if end is None:
                return self._interrupt(printer, TIMED_OUT)
        if end.error is not None and not self._has_told_error:
            warn(f"{self._kernel.name}: {end.error}")
        return 0 if end.error is None else FAILED

    def _interrupt(self, printer: OutputPrinter, code: int) -> int:
        """Interrupt the code, unless it has not begun: what runs then is the code of others."""
        if not self._has_begun:
            warn(f"{self._kernel.name} has not begun to run it; it will when it is its turn")
            return code
        try:
            self._kernel.interrupt()
        except ActionRefused as error:
            warn(f"{error}; the code still runs")
            return code
        if self._follow(printer, time.monotonic() + END_TIME) is None:
            warn("it was interrupted, but still runs")
        return code

    def _follow(self, printer: OutputPrinter, deadline: float | None) -> RequestEnd | None:
        """Print the output until the code ends; return its end, or None at the deadline.

        Raises KernelError if it will not end, or its end is not told.
        """
        patience_ends, version = time.monotonic() + TAKEN, -1
        while True:
            self._last_words.look()
            view, now = self._view(), time.monotonic()
            self._look_for_begin(view)
            if self._is_under_way() or (self._has_begun and view.version != version):
                patience_ends = now + (TOLD if self._has_begun else TAKEN)
            version, end = view.version, view.end_of(self._msg_id)
            is_complete = self._last_words.are_in(view)
            lines = list(said_in(view, frozenset({self._msg_id})))
            self._has_told_error |= any(each.role is Role.ERROR for each in lines)
            printer.print(self._output.read(lines, is_over=end is not None or is_complete))
            if end is not None and not end.is_given_up:
                return end
            if is_complete and self._last_words.died is not None:
                raise self._last_words.died
            if end is not None and self._last_words.died is None and view.is_open:
                raise KernelError(
                    f"{self._kernel.name}: how the code ended is not known: {end.error}"
                )
            if now > patience_ends:
                raise KernelError(f"{self._kernel.name} {self._silence()}")
            if deadline is not None and now >= deadline:
                return None
            self._answer_prompt(deadline)
            time.sleep(LOOK)

    def _silence(self) -> str:
        if self._has_begun:
            return "does not run the code any more, but has not told how it has ended"
        return "has not taken the code; see its console"

    def _view(self) -> TranscriptView:
        with self._kernel.asked() as engine:
            self._source = engine.transcript(self._kernel.kernel_id) or self._source
        return self._source.view() if self._source is not None else NOTHING

    def _is_under_way(self) -> bool:
        """Tell whether the code waits, perhaps for that of others, or may still run."""
        with self._kernel.asked() as engine:
            is_queued = bool(engine.console.queued.get(self._kernel.kernel_id))
        return is_queued or (self._has_begun and self._last_words.is_busy)

    def _look_for_begin(self, view: TranscriptView) -> None:
        """Take note that the kernel has begun; raise KernelError if a note says it never will."""
        for entry in view.entries:
            if entry.parent != self._msg_id:
                continue
            told = plain(entry.lines[0])
            if entry.role is Role.NOTE and told.startswith(NOT_RUN):
                raise KernelError(f"{self._kernel.name}: {told}")
            self._has_begun = True

    # -- input requests ----

    def _answer_prompt(self, deadline: float | None) -> None:
        """Ask the user what the code asks; without a terminal, tell it that there is no input."""
        prompt = self._prompt()
        is_over = self._last_words.died is not None
        if prompt is None or is_over or (prompt, prompt.asked_at) == self._answered:
            return
        line: str | None = END_OF_INPUT
        if self._may_ask:
            read = partial(self._typed, prompt, deadline)
            line = ask(prompt.text, self._keyboard, read, hidden=prompt.password)
        if line is not None:
            self._answered = prompt, prompt.asked_at
            with self._kernel.asked() as engine:
                engine.console.answer(prompt, line)

    def _prompt(self) -> Prompt | None:
        with self._kernel.asked() as engine:
            prompt = engine.console.prompts.get(self._kernel.kernel_id)
        return prompt if prompt is not None and prompt.parent_id == self._msg_id else None

    def _typed(self, prompt: Prompt, deadline: float | None) -> str | None:
        """Return the line that the user types; None if it is not wanted any more."""
        keyboard = self._keyboard
        while keyboard.is_there and self._prompt() == prompt:
            keyboard.take_in()
            try:
                line = keyboard.take_line()
            except EOFError:
                break
            if line is not None:
                return line
            self._last_words.look()
            is_due = deadline is not None and time.monotonic() >= deadline
            if is_due or self._last_words.died is not None:
                return None
            time.sleep(LOOK)
        return END_OF_INPUT if self._prompt() == prompt else None
