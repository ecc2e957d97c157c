"""MessageLine: one line above the keys that shows the latest message for some seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from kerneltui.tui.terminal.shown_notice import ShownNotice
from kerneltui.words import more

SECONDS: Mapping[str, float] = {"information": 6.0, "warning": 15.0, "error": 15.0}
"""How long a message is shown, by its severity."""


class MessageLine(Widget):
    """Shows the latest message, and how many others came with it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"message-line--{severity}" for severity in SECONDS}

    def __init__(self, key: str) -> None:
        """`key`: the key that shows all messages, as people write it."""
        super().__init__()
        self._key = key
        self._latest: ShownNotice | None = None
        self._count = 0
        """How many messages came since the line was empty."""
        self._until = float("-inf")
        self.display = False

    def pull(self, notices: Sequence[ShownNotice], now: float) -> None:
        """Show what is new in `notices`, the oldest first; called at a fixed rate."""
        new = list(takewhile(lambda each: each is not self._latest, reversed(notices)))
        if new:
            self._latest = new[0]
            self._count = len(new) + (self._count if now < self._until else 0)
            self._until = now + SECONDS[self._latest.severity]
            self.refresh()
        self.display = now < self._until

    def render(self) -> Content:
        if self._latest is None:
            return Content()
        style = self.get_visual_style(f"message-line--{self._latest.severity}")
        others = f"({more(self._count - 1)}: {self._key}) " if self._count > 1 else ""
        return Content.styled(others + self._latest.text, style)
