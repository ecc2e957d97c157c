"""KeyLine: the keys that work here and now, in one row.

One widget. Textual's footer has one for each key and mounts them again whenever the focus
moves: this one paints a key press in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from kerneltui.tui.keys.action import Scope, key_label
from kerneltui.tui.keys.actions import BY_COMMAND, BY_ID
from kerneltui.tui.keys.ways_out import WayOut
from kerneltui.tui.widgets.pane import Pane

_ORDERS = tuple(action.command for action in BY_COMMAND.values() if action.bulk and action.footer)
"""The usual orders to a kernel."""
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
        self.ways_out: tuple[WayOut, ...] = ()
        """The actions that help the selected kernel, shown in place of the usual orders."""
        self._hints: tuple[Hint, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._show)

    def _show(self, screen: Screen[object]) -> None:
        active = screen.active_bindings.values()
        in_pane = isinstance(screen.focused, Pane)
        found = [each for each in in_order(active) if belongs(each.binding.action, in_pane=in_pane)]
        hints = tuple(
            Hint(
                each.binding.key,
                each.binding.key_display or key_label(each.binding.key),
                label,
                each.enabled,
            )
            for each, label in with_ways_out(found, active, self.ways_out)
        )
        # If the terminal has lost the focus, nothing is focused, and few keys would be left.
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
    """Tell whether a key is shown here: orders to kernels at the table, the way back in panes."""
    action = BY_COMMAND.get(command)
    if in_pane:
        return action is None or action.scope is not Scope.TABLE
    return action is not BY_ID["focus.table"]


def with_ways_out(
    shown: Sequence[ActiveBinding], active: Iterable[ActiveBinding], ways: Iterable[WayOut]
) -> Iterator[tuple[ActiveBinding, str]]:
    """Yield keys and labels to show: `ways` take the place of the usual orders to a kernel."""
    are_orders_shown = any(each.binding.action == _ORDERS[0] for each in shown)
    bound = {each.binding.action: each for each in reversed(list(active))}
    labels = {BY_ID[way.action_id].command: way.label for way in ways if are_orders_shown}
    found = [(bound[command], label) for command, label in labels.items() if command in bound]
    hidden = {*labels, *_ORDERS} if found else set()
    for each in shown:
        if each.binding.action == _ORDERS[0]:
            yield from found
        if each.binding.action not in hidden:
            yield each, each.binding.description


def in_order(found: Iterable[ActiveBinding]) -> list[ActiveBinding]:
    """Return the bindings to show, by widget and in the order of the registry."""
    shown = [active for active in found if active.binding.show]
    nodes = list(dict.fromkeys(active.node for active in shown))
    return sorted(
        shown,
        key=lambda active: (nodes.index(active.node), _PLACES.get(active.binding.action, -1)),
    )
