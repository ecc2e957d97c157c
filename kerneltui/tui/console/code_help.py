"""CodeHelp: completions and documentation from the kernel, for the code in the editor."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.console.completions import Completions
from kerneltui.tui.console.documentation import Documentation
from kerneltui.tui.console.settling import settle
from kerneltui.tui.terminal.workers import begin
from kerneltui.tui.widgets.late import Late
from kerneltui.tui.widgets.source import Replacement, count_matches, replacements

if TYPE_CHECKING:
    from kerneltui.fleet.console.kernel_console import KernelConsole

HELP_DEADLINE = 3.0
"""Seconds for completions and documentation."""
HELP_IS_SLOW = 0.3
"""Seconds after which the console says that it waits for the kernel's help."""


class CodeHelp:
    """A reply is dropped if the code has changed meanwhile."""

    def __init__(self, pane: Widget, editor: CodeEditor, say: Callable[[str], None]) -> None:
        """`say`: shows how the last request for help stands."""
        self._pane = pane
        self._editor = editor
        self._say = say
        self._asked = ("", 0)
        """The code and the cursor for which help was asked last."""
        on_top = partial(pane.mount, before=0)
        self._completions = Late(Completions, on_top)
        self._documentation = Late(Documentation, on_top)

    @property
    def is_shown(self) -> bool:
        return self._editor.choosing or self._documentation.is_shown

    def close(self) -> None:
        self._editor.choosing = self._editor.reading = False
        self._completions.hide()
        self._documentation.hide()

    def close_if_outdated(self) -> None:
        if not self._is_current():
            self._say("")
            self.close()

    def _is_current(self) -> bool:
        return self._asked == (self._editor.text, self._editor.cursor_index)

    # -- what is shown -----------------------------------------------------------------

    def choose(self) -> None:
        """Insert the completion that is marked."""
        offer = self._completions.widget.chosen
        self.close()
        if offer is not None and self._is_current():
            self._insert(offer)

    def _insert(self, offer: Replacement) -> None:
        self._editor.put_between(offer.start, offer.end, offer.text)

    def move(self, command: str) -> None:
        """Mark another completion, or scroll the documentation, as the editor's key asks."""
        match command:
            case "choose_next":
                self._completions.widget.action_cursor_down()
            case "choose_previous":
                self._completions.widget.action_cursor_up()
            case _:
                self._documentation.widget.read(command)

    # -- asking the kernel -------------------------------------------------------------

    def ask(self, console: KernelConsole, event: CodeEditor.Asked) -> None:
        """Ask for completions or for documentation, whichever key was pressed."""
        self._asked = (event.code, event.cursor)
        asked = (event.kernel_id, event.code, event.cursor)
        match event.command:
            case "complete":
                self._begin(partial(self._complete, console.complete(*asked)))
            case "inspect":
                self._begin(partial(self._inspect, console.inspect(*asked)))

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        begin(self._pane, work, group="help", exclusive=True)

    async def _reply_in_time(self, reply: Future[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the kernel's reply; None if it is late or the code has changed."""
        slow = self._pane.set_timer(HELP_IS_SLOW, partial(self._say, "asking the kernel…"))
        try:
            content = await settle(reply, HELP_DEADLINE)
        finally:
            slow.stop()
        if not self._is_current():
            return None
        self.close()
        self._say("no answer" if content is None else "")
        return content

    async def _complete(self, reply: Future[dict[str, Any]]) -> None:
        content = await self._reply_in_time(reply)
        if content is None:
            return
        offered = replacements(content, len(self._asked[0]))
        left_out = count_matches(content) - len(offered)
        if len(offered) == 1 and not left_out:
            self._insert(offered[0])
        elif offered:
            self._completions.widget.offer(offered, left_out)
            self._editor.choosing = True
        else:
            self._say("completions too long to show" if left_out else "no completions")

    async def _inspect(self, reply: Future[dict[str, Any]]) -> None:
        content = await self._reply_in_time(reply)
        if content is not None:
            self._documentation.widget.tell(content)
            self._editor.reading = True
