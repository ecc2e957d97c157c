"""ServerNews: tells the user how it is with the connection to a server, each change once."""

from __future__ import annotations

from collections.abc import Mapping

from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.server.listing import RemoteKernel
from kerneltui.fleet.engines.server.snapshots import shown_name
from kerneltui.fleet.registry.notices import Notice, NoticeBoard
from kerneltui.words import more

MAX_NAMES = 3  # of kernels, in one sentence


class ServerNews:
    """Posts notices. Used by one thread at a time."""

    def __init__(self, board: NoticeBoard) -> None:
        self._board = board
        self._link = Link.CONNECTING
        self._why_unlisted = ""
        self._names: Mapping[str, str] = {}
        """Of the kernels that the server told last, by its ids."""

    def note(
        self, state: EngineState, why_unlisted: str, kernels: Mapping[str, RemoteKernel]
    ) -> None:
        """Tell what has changed.

        `why_unlisted`: why the server does not list its kernels; "" if it does. `kernels`: those
        that it told last, by its ids.
        """
        before, self._link = self._link, state.link
        gone = [name for each, name in self._names.items() if each not in kernels]
        self._names = {each: shown_name(kernel) for each, kernel in kernels.items()}
        if state.link is not before:
            self._note_link(before, state, gone)
        if why_unlisted != self._why_unlisted:
            self._why_unlisted = why_unlisted
            if why_unlisted:
                self._board.warn(f"only kernels started here are shown: {why_unlisted}")

    def _note_link(self, before: Link, now: EngineState, gone: list[str]) -> None:
        """`gone`: names of kernels that were there before the connection was lost."""
        match now.link:
            case Link.LOST | Link.REFUSED:
                self._board.warn(str(now))
            case Link.CONNECTED if before is not Link.CONNECTING:
                if gone:
                    self._board.warn(f"connected again; gone meanwhile: {_listed(gone)}")
                else:
                    self._board.post(Notice("information", "connected again"))


def _listed(names: list[str]) -> str:
    left_out = len(names) - MAX_NAMES
    return ", ".join([*names[:MAX_NAMES], *([more(left_out)] if left_out > 0 else [])])
