"""The user's own keys: which of them can be given to actions, and which clash. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from textual.binding import Binding, BindingsMap
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from kerneltui.tui.keys.action import Action, Scope, key_label
from kerneltui.tui.keys.actions import ACTIONS, BY_ID

SAME_BYTE = {
    "ctrl+h": "backspace",
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "escape",
}
"""Keys that most terminals cannot send, and the keys that arrive instead."""
UNBOUND = "unbound"  # not a key's name: for the second binding of an action with one key

Keymap = Mapping[str, tuple[str, ...]]
"""Keys by action id, for the actions whose keys the user has changed."""

_KEY = re.compile(r"(?:(?:ctrl|alt|shift|super|meta|hyper)\+)*([^+]+|\+)")
_SIGNS = set(KEY_NAME_REPLACEMENTS.values())
_NAMED = {key.value for key in Keys} | _SIGNS


def key_name(key: str) -> str:
    """Return Textual's name of a key: "question_mark" for "?"."""
    if key == ",":
        return "comma"  # a comma separates keys in Textual's own lists
    return next(iter(BindingsMap([Binding(key.strip(), "")]).key_to_bindings))


def cannot_be_bound(key: str) -> str:
    """Return why nothing can be bound to `key`; empty if it can."""
    name = key_name(key) if key.strip() else ""
    if instead := SAME_BYTE.get(name):
        return f"{key} never arrives: terminals send {instead} for it"
    shape = _KEY.fullmatch(name)
    if shape and (name in _NAMED or shape[1] in _NAMED or key_to_character(shape[1])):
        return ""
    return f"{key!r} is not a key; allowed: a character, or a name such as f9, ctrl+k, pageup"


def resolve(wanted: Keymap) -> tuple[Keymap, dict[str, str]]:
    """Return the keys of `wanted` that can be granted, and by action why the others cannot.

    An action whose wanted keys clash keeps its default keys. These may then clash with the
    keys that are wanted for another action.
    """
    problems: dict[str, str] = {}
    granted = {action: tuple(map(key_name, keys)) for action, keys in wanted.items()}
    while clash := _clash(granted):
        action, problem = clash
        problems[action] = problem
        del granted[action]
    return granted, problems


def _clash(granted: Keymap) -> tuple[str, str] | None:
    actions = with_keys(granted)
    for action in actions:
        if action.id in granted and (why := _typed(action) or _taken(action, actions)):
            return action.id, f"{why}; {action.id} keeps {BY_ID[action.id].keys_shown}"
    return None


def _typed(action: Action) -> str:
    """Return which key of `action` would be typed as text in its scope; empty for none."""
    if action.scope not in (Scope.CONSOLE, Scope.FILTER):
        return ""
    typed = next(filter(_is_text, action.keys), "")
    return f"{typed} would be typed as text, not do {action.id}" if typed else ""


def _is_text(key: str) -> bool:
    return key in _SIGNS or (key_to_character(key) or "\n").isprintable()


def _taken(action: Action, actions: Sequence[Action]) -> str:
    """Return which other action has a key of `action`; empty if none has.

    Keys that the two share by default do not count.
    """
    own = BY_ID[action.id].keys
    for other in actions:
        if other.id != action.id and _meet(action, other):
            usual = set(own) & set(BY_ID[other.id].keys)
            shared = [key for key in action.keys if key in other.keys and key not in usual]
            if shared:
                fixed = ", and fixed" if other.built_in else ""
                return f"{shared[0]} is the key of {other.id} ({other.label}{fixed})"
    return ""


def _meet(one: Action, other: Action) -> bool:
    """Tell whether the keys of both work in one place. The console gets no global keys."""
    scopes = {one.scope, other.scope}
    return len(scopes) == 1 or (Scope.GLOBAL in scopes and Scope.CONSOLE not in scopes)


def with_keys(keymap: Keymap) -> tuple[Action, ...]:
    """Return the registry with the keys of `keymap`."""
    return tuple(
        replace(action, keys=keymap[action.id], shown_as="") if action.id in keymap else action
        for action in ACTIONS
    )


def key_of(action_id: str, keymap: Keymap) -> str:
    """Return an action's first key as people write it; the action's label if it has none."""
    action = BY_ID[action_id]
    keys = keymap.get(action_id, action.keys)
    return key_label(keys[0]) if keys else action.label


def for_textual(keymap: Keymap) -> dict[str, str]:
    """Return `keymap` for `App.set_keymap`, by binding id; each default key has a binding."""
    bound: dict[str, str] = {}
    for action in ACTIONS:
        if action.id in keymap:
            bound |= _by_binding(action, keymap[action.id])
    return bound


def _by_binding(action: Action, keys: Sequence[str]) -> dict[str, str]:
    """Give each binding a key; the first one also takes the keys that are left over."""
    places = len(action.keys)
    first = (*keys[:1], *keys[places:])
    rest = [*keys[1:places], *[UNBOUND] * places][: places - 1]
    return {action.id: ",".join(first) or UNBOUND} | {
        f"{action.id}.{place}": key for place, key in enumerate(rest, start=1)
    }
