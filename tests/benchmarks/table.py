"""Measures a tick of the table with a thousand kernels, compared with Textual's DataTable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from statistics import median

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.app import KernelTui
from kerneltui.tui.table.columns import COLUMNS
from tests.benchmarks.harness import Row, limit_row, ratio_row
from tests.tui.fakes import NOW, FakeFleet, snapshot
from tests.tui.widget_stage import CountingDriver

KERNELS = 1000
SIZE = (120, 40)
ROUNDS = 15
PAINTED = 0.1  # seconds; a frame takes a sixtieth

QUIET_LIMIT, CROWDED_LIMIT = 0.003, 0.015  # seconds of CPU
ONE_ROW_LIMIT = 600  # bytes

Kernels = tuple[KernelSnapshot, ...]
Show = Callable[[Kernels, float], None]
"""Shows kernels at an instant of the clock."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one change, until it is painted."""

    seconds: float
    """CPU seconds."""
    written: int
    """Bytes sent to the terminal."""


@dataclass(frozen=True, slots=True)
class Costs:
    quiet: Cost
    one_row: Cost
    crowded: Cost


def rows() -> Iterator[Row]:
    ours, theirs = asyncio.run(dashboard_costs()), asyncio.run(data_table_costs())
    what = f"tick, {KERNELS:,} kernels"
    yield limit_row(
        f"{what}, nothing changed: CPU", ours.quiet.seconds, QUIET_LIMIT, ours=SIZE_TEXT
    )
    yield limit_row(
        f"{what}, nothing changed: bytes", ours.quiet.written, 0, ours=SIZE_TEXT, show=show_bytes
    )
    yield limit_row(
        f"{what}, one row changed: bytes",
        ours.one_row.written,
        ONE_ROW_LIMIT,
        ours=SIZE_TEXT,
        other=f"{theirs.one_row.written / 1000:.0f} kB DataTable",
        show=show_bytes,
    )
    yield limit_row(
        f"{what}, all changed: CPU", ours.crowded.seconds, CROWDED_LIMIT, ours=SIZE_TEXT
    )
    yield ratio_row(
        f"{what}, all changed: CPU",
        ours.crowded.seconds,
        theirs.crowded.seconds,
        "DataTable",
        at_most=0.1,
    )


SIZE_TEXT = f"{SIZE[0]}x{SIZE[1]}"


def show_bytes(value: float) -> str:
    return f"{value:.0f} B"


# -- the kernels to show ------------------------------------------------------------------


def crowd() -> Kernels:
    return tuple(snapshot(f"{number:06x}") for number in range(KERNELS))


def busier(kernel: KernelSnapshot, degree: int) -> KernelSnapshot:
    """Return `kernel` with four cells that have another text for each `degree`."""
    return replace(
        kernel,
        state=KernelState.BUSY,
        usage=Usage(0.5 + degree / 10, (100 + degree) << 20, 1),
        executions=degree,
        code=f"step({degree})",
    )


async def costs(show: Show, driver: CountingDriver) -> Costs:
    """Return the medians over several rounds; each round shows everything once."""
    kernels, now = crowd(), NOW
    show(kernels, now)
    await asyncio.sleep(10 * PAINTED)
    taken: dict[str, list[Cost]] = {"quiet": [], "one_row": [], "crowded": []}
    degrees = cycle(range(9))
    for _ in range(ROUNDS):
        degree = next(degrees)
        one = (*kernels[:7], busier(kernels[7], degree), *kernels[8:])
        everyone = tuple(busier(kernel, degree) for kernel in kernels)
        for name, shown in (("one_row", one), ("quiet", one), ("crowded", everyone)):
            now += 1.0
            taken[name].append(await cost(show, shown, now, driver))
        show(kernels, now)
        await asyncio.sleep(PAINTED)
    return Costs(**{name: middle(found) for name, found in taken.items()})


async def cost(show: Show, kernels: Kernels, now: float, driver: CountingDriver) -> Cost:
    """Return the cost of `show`, less the cost of the app at rest."""
    at_rest = await _busy_time(lambda: None)
    written = driver.written
    busy = await _busy_time(lambda: show(kernels, now))
    return Cost(max(0.0, busy - at_rest), driver.written - written)


async def _busy_time(action: Callable[[], None]) -> float:
    begun = time.process_time()
    action()
    await asyncio.sleep(PAINTED)
    return time.process_time() - begun


def middle(found: list[Cost]) -> Cost:
    return Cost(median(c.seconds for c in found), int(median(c.written for c in found)))


# -- the dashboard ------------------------------------------------------------------------


class CountedTui(KernelTui):
    """The dashboard, which here does not check its terminal."""

    def _leave_lost_terminal(self) -> None:
        pass


async def dashboard_costs() -> Costs:
    """Return the costs of whole ticks of the main screen."""
    fleet, clock = FakeFleet(), [NOW]
    app = CountedTui(lambda: fleet, clock=lambda: clock[0])
    app.driver_class = CountingDriver

    def show(kernels: Kernels, now: float) -> None:
        fleet.snapshots, clock[0] = kernels, now
        app.main.tick()

    async with app.run_test(headless=False, size=SIZE) as pilot:
        await pilot.press("z")  # the table alone, as in the other app
        return await costs(show, _driver(app))


# -- DataTable ----------------------------------------------------------------------------


class DataTableApp(App[None]):
    """Shows the same cells in a DataTable; as its authors advise, it sets only changed cells."""

    def __init__(self) -> None:
        super().__init__(driver_class=CountingDriver)
        self._before: dict[str, KernelSnapshot] = {}
        self._cells: dict[tuple[str, str], str] = {}

    def compose(self) -> ComposeResult:
        yield DataTable[Text](cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        for column in COLUMNS:
            table.add_column(column.title, key=column.id, width=column.width)

    def show(self, kernels: Kernels, now: float) -> None:
        table = self.query_one(DataTable)
        with self.batch_update():
            for kernel in kernels:
                if kernel.kernel_id not in self._before:
                    table.add_row(*[Text("")] * len(COLUMNS), key=kernel.kernel_id)
                if self._before.get(kernel.kernel_id) is not kernel:
                    self._update(table, kernel, now)
                self._before[kernel.kernel_id] = kernel

    def _update(self, table: DataTable[Text], kernel: KernelSnapshot, now: float) -> None:
        for column in COLUMNS:
            place, text = (kernel.kernel_id, column.id), column.cell(kernel, now).text
            if self._cells.get(place) != text:
                self._cells[place] = text
                table.update_cell(*place, Text(text))


async def data_table_costs() -> Costs:
    app = DataTableApp()
    async with app.run_test(headless=False, size=SIZE):
        return await costs(app.show, _driver(app))


def _driver(app: App[None]) -> CountingDriver:
    assert isinstance(app._driver, CountingDriver)
    return app._driver
