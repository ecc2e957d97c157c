"""Makes Textual's bindings, the groups of the help and the README's table from the actions."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from kerneltui.tui.keys.action import Action, Scope, key_label
from kerneltui.tui.keys.actions import ACTIONS


def bindings(*prefixes: str) -> list[BindingType]:
    """Return the bindings of the actions whose ids begin with one of `prefixes`."""
    return [
        binding
        for action in ACTIONS
        if action.id.startswith(prefixes) and not action.built_in
        for binding in _bindings(action)
    ]


def _bindings(action: Action) -> Iterable[Binding]:
    for place, key in enumerate(action.keys):
        yield Binding(
            key,
            action.command,
            action.label,
            show=action.footer and place == 0,
            key_display=action.shown_as or key_label(key),
            tooltip=action.description,
            id=action.id if place == 0 else f"{action.id}.{place}",
        )


def grouped(actions: Iterable[Action] = ACTIONS) -> dict[Scope, tuple[Action, ...]]:
    """Return the actions by scope, in the order of the help."""
    actions = tuple(actions)
    return {scope: tuple(a for a in actions if a.scope is scope) for scope in Scope}


def markdown_table() -> str:
    """Return the key table of the README."""
    rows = ["| where | keys | does | id, for `[keys]` |", "|---|---|---|---|"]
    rows += [
        f"| {scope.value if place == 0 else ''} | `{action.keys_shown}` | {action.description} |"
        f" {'' if action.built_in else f'`{action.id}`'} |"
        for scope, actions in grouped().items()
        for place, action in enumerate(actions)
    ]
    return "\n".join(rows) + "\n"
