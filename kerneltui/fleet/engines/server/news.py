"""ServerNews: tells the user how it is with the connection to a server, each change once."""

from __future__ import annotations

from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.registry.notices import Notice, NoticeBoard


class ServerNews:
    """Posts notices. Used by one thread at a time."""

    def __init__(self, board: NoticeBoard) -> None:
        self._board = board
        self._link = Link.CONNECTING
        self._why_unlisted = ""

    def note(self, state: EngineState, why_unlisted: str) -> None:
        """Tell what has changed.

        `why_unlisted`: why the server does not list its kernels; "" if it does.
        """
        before, self._link = self._link, state.link
        if state.link is not before:
            self._note_link(before, state)
        if why_unlisted != self._why_unlisted:
            self._why_unlisted = why_unlisted
            if why_unlisted:
                self._board.warn(f"only kernels started here are shown: {why_unlisted}")

    def _note_link(self, before: Link, now: EngineState) -> None:
        match now.link:
            case Link.LOST | Link.REFUSED:
                self._board.warn(str(now))
            case Link.CONNECTED if before is not Link.CONNECTING:
                self._board.post(Notice("information", "connected again"))
