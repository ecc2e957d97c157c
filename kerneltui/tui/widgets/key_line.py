"""KeyLine: the keys that work here and now, in one row.

One widget where Textual's footer has one for each key, mounted anew whenever the focus
moves: a key press is painted in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from kerneltui.tui.keys.action import Scope, key_label
from kerneltui.tui.keys.actions import BY_COMMAND, BY_ID
from kerneltui.tui.widgets.pane import Pane

_PLACES = {command: place for place, command in enumerate(BY_COMMAND)}


class Hint(NamedTuple):
    """One key, and what it does."""

    key: str
    shown: str
    label: str
    enabled: bool

    @property
    def width(self) -> int:
        return len(self.shown) + 1 + len(self.label)


class KeyLine(Widget):
    """The last row; a click on a key presses it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "key-line--key",
        "key-line--label",
        "key-line--disabled",
    }

    def __init__(self) -> None:
        super().__init__()
        self._hints: tuple[Hint, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._show)

    def _show(self, screen: Screen[object]) -> None:
        hints = tuple(
            Hint(
                active.binding.key,
                active.binding.key_display or key_label(active.binding.key),
                active.binding.description,
                active.enabled,
            )
            for active in in_order(screen.active_bindings.values())
            if belongs(active.binding.action, in_pane=isinstance(screen.focused, Pane))
        )
        # Without the focus of the terminal nothing is focused, and few keys would be left.
        if hints != self._hints and self.app.app_focus:
            self._hints = hints
            self.refresh()

    def render(self) -> Content:
        key, label, disabled = (
            self.get_visual_style(f"key-line--{part}") for part in ("key", "label", "disabled")
        )
        return Content(" ").join(
            Content.assemble(
                (f"{hint.shown} ", key if hint.enabled else disabled),
                (hint.label, label if hint.enabled else disabled),
            )
            for hint in self._hints
        )

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        left = 0
        for hint in self._hints:
            if left <= offset.x < left + hint.width:
                self.app.simulate_key(hint.key)
                return
            left += hint.width + 1


def belongs(command: str, *, in_pane: bool) -> bool:
    """Tell whether a key is shown there: orders to kernels on the table, the way back elsewhere."""
    action = BY_COMMAND.get(command)
    if in_pane:
        return action is None or action.scope is not Scope.TABLE
    return action is not BY_ID["focus.table"]


def in_order(found: Iterable[ActiveBinding]) -> list[ActiveBinding]:
    """Return those to show, each widget's in the order of the registry, whatever key they have."""
    shown = [active for active in found if active.binding.show]
    nodes = list(dict.fromkeys(active.node for active in shown))
    return sorted(
        shown,
        key=lambda active: (nodes.index(active.node), _PLACES.get(active.binding.action, -1)),
    )
