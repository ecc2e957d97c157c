"""MessageView: the messages from and to a kernel, one row for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from kerneltui.formats import fit, memory
from kerneltui.protocol.text import clean_line
from kerneltui.tui.messages.filter import (
    CLIENT_WIDTH,
    MessageFilter,
    client_name,
    describe_refused,
)
from kerneltui.tui.widgets.cursor_pane import CursorPane
from kerneltui.tui.widgets.row_pane import TITLES, Row
from kerneltui.tui.widgets.tab_bar import Tab
from kerneltui.words import clock

if TYPE_CHECKING:
    from kerneltui.fleet.monitoring.message_log import MessageLogView as LogView
    from kerneltui.fleet.monitoring.message_log import MessageRecord, MessageSource

PREVIEW = 120  # characters of a content shown in its row
_TITLES = "  TIME         CHANNEL   TYPE                 CLIENT      SIZE LATENCY  CONTENT"


class MessageView(CursorPane):
    """The latest messages. While the cursor is on the last one, it follows new ones."""

    TAB = Tab.MESSAGES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("t", "only_type", "Only this type"),
        Binding("d", "hide_type", "Hide this type", show=False),
        Binding("b", "only_client", "Only this client", show=False),
        Binding("a", "all", "All"),
        Binding("p", "pause", "Pause", show=False),
    ]

    class Opened(Message):
        """The user wants to read one message."""

        def __init__(self, record: MessageRecord, client: str) -> None:
            super().__init__()
            self.record = record
            self.client = client

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: the clock of the log's instants."""
        super().__init__()
        self.paused = False
        self.filter = MessageFilter()
        self._epoch = time.time() - clock()
        self._log: MessageSource | None = None
        self._view: LogView | None = None
        self._shown: Sequence[MessageRecord] = ()
        self._cursor = -1
        """The number of the message under the cursor; -1 for none yet."""
        self._unseen = 0
        self._remark = ""
        """What is not shown, and why; it has its own line unless it is empty."""

    # -- content ------------------------------------------------------------------------

    def show(self, log: MessageSource | None) -> None:
        """Show the messages of another kernel, or of none."""
        if log is not self._log:
            self._log, self._view, self._shown = log, None, ()
            self._cursor, self.paused, self.filter = -1, False, MessageFilter()
            self._unseen, self._remark = 0, ""
            self.fit()
        self.pull()

    def pull(self) -> None:
        if self._log is None:
            return
        view = self._log.view()
        if view is self._view:
            return
        if self.paused and self._view is not None:
            self._count_unseen(view)
        else:
            self._view = view
            self._sift()

    def _count_unseen(self, view: LogView) -> None:
        seen = self._view.records[-1].number if self._view and self._view.records else -1
        newest = view.records[-1].number if view.records else -1
        if newest - seen != self._unseen:
            self._unseen = newest - seen
            self.repaint_changes()

    def _sift(self) -> None:
        """Show the messages that the filter keeps; the cursor stays on its message and row."""
        assert self._view is not None
        following, place = self.following, self._row_of_cursor() - self.scroll_offset.y
        self._shown = [each for each in self._view.records if self.filter.keeps(each)]
        self._remark = self._describe_gaps(self._view)
        self.fit()
        row = len(self._shown) - 1 if following else self._row_of_cursor()
        self.scroll_to_row(max(0, row - place))
        self.put_cursor(row)

    # -- the cursor ---------------------------------------------------------------------

    @property
    def following(self) -> bool:
        """The cursor is on the last message, or no message is shown."""
        return not self._shown or self._cursor == self._shown[-1].number

    @property
    def selected(self) -> MessageRecord | None:
        return self._shown[self._row_of_cursor()] if self._shown else None

    def _row_of_cursor(self) -> int:
        """Return the row of the message under the cursor, or of the next one that is shown."""
        low, high = 0, len(self._shown)
        while low < high:
            middle = (low + high) // 2
            if self._shown[middle].number < self._cursor:
                low = middle + 1
            else:
                high = middle
        return min(low, max(0, len(self._shown) - 1))

    @property
    def cursor(self) -> int:
        return self._row_of_cursor()

    def set_cursor(self, number: int) -> None:
        self._cursor = self._shown[number].number

    # -- keys ---------------------------------------------------------------------------

    def action_open(self) -> None:
        if record := self.selected:
            self.post_message(self.Opened(record, self._client(record)))

    def action_only_type(self) -> None:
        if record := self.selected:
            self._filter_by(self.filter.toggle_only(record.msg_type))

    def action_hide_type(self) -> None:
        if record := self.selected:
            self._filter_by(self.filter.hide(record.msg_type))

    def action_only_client(self) -> None:
        if record := self.selected:
            self._filter_by(self.filter.toggle_client(record.session))

    def action_all(self) -> None:
        self._filter_by(MessageFilter())

    def _filter_by(self, wanted: MessageFilter) -> None:
        self.filter = wanted
        if self._view is not None:
            self._sift()

    def action_pause(self) -> None:
        """Stop showing new messages, or show those that came meanwhile."""
        self.paused = not self.paused
        self._unseen = 0
        self.pull()
        self.repaint_changes()

    # -- painting -----------------------------------------------------------------------

    def status(self) -> str:
        total = len(self._view.records) if self._view else 0
        count = f"{len(self._shown)}/{total}" if len(self._shown) != total else f"{total}"
        if self.paused:
            return f"{count}  paused, {self._unseen} new" if self._unseen else f"{count}  paused"
        return f"{count}  {'follow' if self.following else 'scrolled'}"

    def fixed(self) -> Sequence[Row]:
        width = self.area.width
        titles: Row = ((fit(_TITLES, width), TITLES),)
        if not self._remark:
            return (titles,)
        return (titles, ((fit(f"  {self._remark}", width), "trouble"),))

    def _describe_gaps(self, view: LogView) -> str:
        """Return what is not shown, and why."""
        client = self.filter.client or ""
        users = (each.username for each in view.records if each.session == client)
        words = self.filter.describe(client_name(client, next(users, ""), view.ours))
        return " · ".join(filter(None, (words, describe_refused(view.refused))))

    def row_count(self) -> int:
        return len(self._shown)

    def row(self, index: int) -> Row:
        record = self._shown[index]
        is_selected = record.number == self._cursor
        part = "cursor" if is_selected else "strong" if record.sent else ""
        mark = ">" if is_selected else " "
        return ((fit(f"{mark} {self._cells(record)}", self.area.width), part),)

    def _cells(self, record: MessageRecord) -> str:
        latency = "" if record.latency is None else f"{record.latency * 1000:,.0f}ms"
        cells = (
            self._time_of_day(record.time),
            fit("→" if record.sent else "←", 1) + " " + fit(record.channel, 7),
            fit(record.msg_type, 20),
            fit(self._client(record), CLIENT_WIDTH),
            fit(memory(record.size), 5, "right"),
            fit(latency, 7, "right"),
            f" {clean_line(record.parts[-1][:PREVIEW].decode('utf-8', 'replace'), PREVIEW)}",
        )
        return " ".join(cells)

    def _time_of_day(self, instant: float) -> str:
        seconds = instant + self._epoch
        return f"{clock(seconds)}.{int(seconds % 1 * 1000):03d}"

    def _client(self, record: MessageRecord) -> str:
        ours = self._view.ours if self._view else frozenset[str]()
        return client_name(record.session, record.username, ours)
