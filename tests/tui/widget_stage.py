"""Runs one widget in an app of its own, and counts the bytes that it sends to the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tests.tui.quiet import quiet

STYLES = Path(__file__).parents[2] / "styles"
NARROW, WIDE = (80, 24), (120, 40)

W = TypeVar("W", bound=Widget)


class CountingDriver(HeadlessDriver):
    """A driver that counts the bytes written to the terminal."""

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
    """The widget, as a test drives it."""

    def __init__(self, widget: W, pilot: Pilot[None], messages: list[Message]) -> None:
        self.widget = widget
        self.pilot = pilot
        self.messages = messages

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.pilot.app.post_message(Key(key, key if len(key) == 1 else None))
            await self.settle()

    async def settle(self) -> None:
        await quiet(self.pilot.app)

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await self.settle()

    async def click(self, x: int, y: int) -> None:
        """Click where the widget has column `x` and line `y`."""
        await self.pilot.click(type(self.widget), offset=(x, y))
        await self.settle()

    async def bytes_of(self, change: Callable[[], object]) -> int:
        """Return how many bytes `change` sends to the terminal."""
        driver = self.pilot.app._driver
        assert isinstance(driver, CountingDriver)
        await self.settle()
        before = driver.written
        change()
        await self.settle()
        return driver.written - before

    @property
    def lines(self) -> list[str]:
        """The text of the widget's lines."""
        region = self.widget.region
        strips = self.pilot.app.screen._compositor.render_strips(self.pilot.app.size)
        return [strip.text.rstrip() for strip in strips[region.y : region.bottom]]


def on_stage(
    widget: W, play: Callable[[Stage[W]], Awaitable[None]], size: tuple[int, int] = NARROW
) -> None:
    """Run `play` on the mounted `widget`."""
    messages: list[Message] = []

    async def run() -> None:
        app = StageApp(widget)
        async with app.run_test(headless=False, size=size, message_hook=messages.append) as pilot:
            await quiet(app)
            await play(Stage(widget, pilot, messages))

    asyncio.run(run())
