"""TableView: filter, order, columns and marks of the table of kernels.

Rule: pure. It knows nothing about the terminal; kernels go in, rows come out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kerneltui.fleet.model.filters import Filter, FilterError, parse_filter
from kerneltui.formats import ASCENDING, DESCENDING
from kerneltui.frozen import frozen
from kerneltui.tui.table.columns import ALL, BY_ID, HOST, ColumnIds, known_columns, with_host
from kerneltui.tui.table.conditions import attention

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

HISTORY = 50  # filters remembered
AGING = 10.0  # seconds after which rows are sorted again: a kernel may be long busy by then

Kernels = tuple["KernelSnapshot", ...]


@frozen
class Order:
    """The column that rows are sorted by; without one, kernels that need attention come first."""

    column: str = ""
    descending: bool = False

    @property
    def words(self) -> str:
        if not self.column:
            return "urgent last" if self.descending else "urgent first"
        return f"by {BY_ID[self.column].title} {DESCENDING if self.descending else ASCENDING}"

    def sorted(self, kernels: Kernels, now: float) -> Kernels:
        """Return `kernels` in this order; those without a value always come last."""
        if not self.column:
            urgent = sorted(kernels, key=lambda kernel: attention(kernel, now))
            return tuple(reversed(urgent) if self.descending else urgent)
        key = BY_ID[self.column].sort_key
        keyed = [(value, kernel) for kernel in kernels if (value := key(kernel)) is not None]
        keyed.sort(key=lambda pair: pair[0], reverse=self.descending)
        if len(keyed) == len(kernels):
            return tuple(kernel for _, kernel in keyed)
        without = [kernel for kernel in kernels if key(kernel) is None]
        return (*(kernel for _, kernel in keyed), *without)


def natural_order(column: str) -> Order:
    """Return the usual order of `column`: the busiest first, names from A on."""
    return Order(column, descending=bool(column) and BY_ID[column].descends)


class TableView:
    """How the user wants the table. For use in one thread."""

    def __init__(self) -> None:
        self.columns: ColumnIds = ALL
        self.order = Order()
        self.filter = Filter()
        self.marks: frozenset[str] = frozenset()
        """Ids of kernels: a mark stays with its kernel when rows move."""
        self.history: tuple[str, ...] = ()
        """Filters that were kept, the latest last."""
        self.kept: str = ""
        """The id of a kernel that is shown whatever the filter says; "" for none."""
        self._asked: tuple[Kernels, Filter, Order, str, float] | None = None
        self._rows: Kernels = ()

    def rows(self, kernels: Kernels, now: float) -> Kernels:
        """Return the kernels to show, in order; `now` is a monotonic instant."""
        if self.marks:
            self.marks = self.marks.intersection(kernel.kernel_id for kernel in kernels)
        asked = (kernels, self.filter, self.order, self.kept, now // AGING)
        if self.filter.ages or asked != self._asked:
            self._asked = asked
            passing = tuple(
                kernel
                for kernel in kernels
                if kernel.kernel_id == self.kept or self.filter.passes(kernel, now)
            )
            self._rows = self.order.sorted(passing, now)
        return self._rows

    # -- order ---------------------------------------------------------------------------

    def sort_by_neighbour(self, step: int, in_sight: ColumnIds) -> None:
        """Sort by the column `step` places on; after the last one, by no column."""
        places = ("", *in_sight)
        place = places.index(self.order.column) if self.order.column in places else 0
        self.order = natural_order(places[(place + step) % len(places)])

    def sort_by(self, column: str) -> None:
        """Sort by `column`; the other way round if rows are sorted by it already."""
        if self.order.column == column:
            self.invert()
        else:
            self.order = natural_order(column)

    def invert(self) -> None:
        self.order = Order(self.order.column, not self.order.descending)

    # -- marks ---------------------------------------------------------------------------

    def toggle_mark(self, kernel_id: str) -> None:
        self.marks ^= {kernel_id}

    def mark(self, kernel_ids: Iterable[str]) -> None:
        self.marks |= frozenset(kernel_ids)

    def unmark_all(self) -> None:
        self.marks = frozenset()

    # -- filter --------------------------------------------------------------------------

    def filter_by(self, text: str) -> None:
        """Show only kernels that match `text`. Raises FilterError, and then keeps the filter.

        If `text` continues the filter, the filter becomes the part before the wrong word: "mem" was
        not a whole word if it becomes "mem:>1G".
        """
        try:
            self.filter = parse_filter(text)
        except FilterError as error:
            if text.lstrip().startswith(self.filter.text):
                self.filter = parse_filter(text[: error.word])
            raise

    def remember_filter(self) -> None:
        """Add the filter to the history."""
        if text := self.filter.text:
            others = tuple(each for each in self.history if each != text)
            self.history = (*others, text)[-HISTORY:]

    # -- in words ------------------------------------------------------------------------

    def notes(self, rows: Sequence[KernelSnapshot], total: int) -> tuple[str, ...]:
        """Return the words for the status line while `rows` of `total` kernels are shown."""
        notes = [self.order.words]
        if self.filter.tests:
            notes.append(f"{len(rows)} of {total}: {self.filter.text}")
        if self.marks:
            hidden = len(self.marks.difference(kernel.kernel_id for kernel in rows))
            notes.append(f"{len(self.marks)} marked" + (f", {hidden} hidden" if hidden else ""))
        return tuple(notes)

    # -- session state -------------------------------------------------------------------

    def to_state(self) -> dict[str, object]:
        """Return the state for the next session, as plain data; without the marks."""
        return {
            "columns": list(self.columns),
            "hides_host": HOST not in self.columns,
            "sort": self.order.column,
            "descending": self.order.descending,
            "filter": self.filter.text,
            "history": list(self.history),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> TableView:
        """Return the view of `to_state`; missing or wrong values get the defaults."""
        view = cls()
        if isinstance(columns := state.get("columns"), list):
            view.columns = known_columns(columns)
            if state.get("hides_host") is not True:  # a state from before there was this column
                view.columns = with_host(view.columns)
        column = state.get("sort")
        if isinstance(column, str) and (column in BY_ID or not column):
            view.order = Order(column, state.get("descending") is True)
        if isinstance(history := state.get("history"), list):
            view.history = tuple(each for each in history if isinstance(each, str))[-HISTORY:]
        if isinstance(text := state.get("filter"), str):
            with contextlib.suppress(FilterError):
                view.filter_by(text)
        return view
