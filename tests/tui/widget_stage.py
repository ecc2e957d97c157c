"""One widget on a stage of its own; every byte that would reach the terminal is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

STYLES = Path(__file__).parents[2] / "styles"
NARROW, WIDE = (80, 24), (120, 40)

W = TypeVar("W", bound=Widget)


class CountingDriver(HeadlessDriver):
    """Takes what is written as a terminal would."""

    written = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written += len(data.encode())


class StageApp(App[None]):
    CSS_PATH = STYLES / "widgets.tcss"

    def __init__(self, widget: Widget) -> None:
        super().__init__(driver_class=CountingDriver)
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


class Stage(Generic[W]):
    """The widget under a test's hand."""

    def __init__(self, widget: W, pilot: Pilot[None], messages: list[Message]) -> None:
        self.widget = widget
        self.pilot = pilot
        self.messages = messages

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def bytes_of(self, change: Callable[[], object]) -> int:
        """Return how many bytes `change` sends to the terminal."""
        before = await self._settle()
        change()
        return await self._settle() - before

    async def _settle(self) -> int:
        """Wait until all is painted, and return the bytes written so far."""
        driver = self.pilot.app._driver
        assert isinstance(driver, CountingDriver)
        written = -1
        while driver.written != written:
            written = driver.written
            await self.pilot.pause()
        return written

    @property
    def lines(self) -> list[str]:
        """What the widget's lines show."""
        region = self.widget.region
        strips = self.pilot.app.screen._compositor.render_strips(self.pilot.app.size)
        return [strip.text.rstrip() for strip in strips[region.y : region.bottom]]


def on_stage(
    widget: W, play: Callable[[Stage[W]], Awaitable[None]], size: tuple[int, int] = NARROW
) -> None:
    """Run `play` over the mounted `widget`."""
    messages: list[Message] = []

    async def run() -> None:
        app = StageApp(widget)
        async with app.run_test(headless=False, size=size, message_hook=messages.append) as pilot:
            await pilot.pause()
            await play(Stage(widget, pilot, messages))

    asyncio.run(run())
