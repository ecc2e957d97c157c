"""`kerneltui run` in a kernel of a remote engine: by its console and its transcript."""

from __future__ import annotations

import contextlib
import time
from functools import partial

from kerneltui.commands.printing import Colours, OutputPrinter, warn
from kerneltui.commands.prompt import Keyboard, ask
from kerneltui.commands.remote_kernel import LOOK, RemoteKernel
from kerneltui.commands.remote_output import RemoteOutput, said_in
from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.conversation import NOT_RUN
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.transcript.entries import Role, TranscriptView
from kerneltui.kernels.client.interactive import END_OF_INPUT
from kerneltui.protocol.text import plain

FAILED, TIMED_OUT, INTERRUPTED = 1, 124, 130  # exit codes
TAKEN = 15.0  # seconds for an engine to take code, and then for a kernel to begin with it
SETTLED = 0.4  # seconds without news after which a cell that is not queued any more has ended
LAST_WORDS = 5.0  # seconds for code that was interrupted to end
EMPTY = TranscriptView()


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
        self._has_begun = False
        self._has_failed = False
        self._answered: tuple[Prompt, float] | None = None
        """The prompt that was answered last, and when it was asked: code may ask the same again."""

    def to_its_end(self, colours: Colours) -> int:
        """Run it; return the exit code. Raises KernelError."""
        with contextlib.closing(OutputPrinter(colours)) as printer:
            with self._kernel.asked() as engine:
                self._msg_id = engine.console.execute(self._kernel.kernel_id, self._code)
            try:
                ended = self._follow(printer, self._deadline)
            except KeyboardInterrupt:
                return self._interrupt(printer, INTERRUPTED)
            if not ended:
                return self._interrupt(printer, TIMED_OUT)
        return FAILED if self._has_failed else 0

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
        if not self._follow(printer, time.monotonic() + LAST_WORDS):
            warn("it was interrupted, but still runs")
        return code

    def _follow(self, printer: OutputPrinter, deadline: float | None) -> bool:
        """Print the output until the code ends; return False if it has not at the deadline."""
        taken_by, quiet_since = time.monotonic() + TAKEN, time.monotonic()
        version = -1
        while True:
            view, now = self._view(), time.monotonic()
            self._look_for_begin(view)
            if is_queued := self._is_queued():  # perhaps behind the code of others
                taken_by = now + TAKEN
            if view.version != version or is_queued:
                version, quiet_since = view.version, now
            is_over = self._has_begun and now - quiet_since > SETTLED
            lines = list(said_in(view, frozenset({self._msg_id})))
            self._has_failed |= any(each.role is Role.ERROR for each in lines)
            printer.print(self._output.read(lines, is_over=is_over))
            if is_over:
                return True
            if not self._has_begun and now > taken_by:
                raise KernelError(f"{self._kernel.name} has not taken the code; see its console")
            if deadline is not None and now >= deadline:
                return False
            self._kernel.row()  # raises an error if it is gone
            self._answer_prompt(deadline)
            time.sleep(LOOK)

    def _view(self) -> TranscriptView:
        with self._kernel.asked() as engine:
            transcript = engine.transcript(self._kernel.kernel_id)
        return transcript.view() if transcript is not None else EMPTY

    def _is_queued(self) -> bool:
        with self._kernel.asked() as engine:
            return bool(engine.console.queued.get(self._kernel.kernel_id))

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
        if prompt is None or (prompt, prompt.asked_at) == self._answered:
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
            if deadline is not None and time.monotonic() >= deadline:
                return None
            self._kernel.row()  # raises an error if it is gone
            time.sleep(LOOK)
        return END_OF_INPUT if self._prompt() == prompt else None
