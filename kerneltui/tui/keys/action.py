"""Action: something the user can do, and how its keys are written."""

from __future__ import annotations

from enum import StrEnum
from typing import TypedDict

from kerneltui.fleet.model.capabilities import Verb
from kerneltui.frozen import frozen

SCREENS = ("app.", "kernel.", "tab.", "focus.", "view.")
"""How the ids of the actions begin that the main screen performs."""


def command_of(name: str, parameters: tuple[object, ...]) -> str:
    """Return an action and its parameters as Textual writes them."""
    return f"{name}({', '.join(map(repr, parameters))})" if parameters else name


class Scope(StrEnum):
    """Where an action's keys work; the value heads its group in the help."""

    TABLE = "Kernels"
    FILTER = "Filter"
    OUTPUT = "Output"
    MESSAGES = "Messages"
    PROCESSES = "Processes"
    STACK = "Stack"
    CONSOLE = "Console"
    GLOBAL = "Everywhere"


class Shown(TypedDict, total=False):
    """How an action is shown, where it differs from others; as in `Action`."""

    footer: bool
    shown_as: str
    by_name: str


@frozen
class Action:
    """Something the user can do."""

    id: str
    keys: tuple[str, ...]
    """As Textual spells them; the first is the one that the footer shows."""
    label: str
    description: str
    scope: Scope
    verb: Verb | None = None
    """What it asks of the selected kernel, which has to allow it."""
    danger: bool = False
    """It ends work: it asks first, with Cancel focused."""
    footer: bool = False
    built_in: bool = False
    """Bound by a widget or by Textual itself; here so that the help is whole."""
    shown_as: str = ""
    """How its keys are written where the names do not say it."""
    by_name: str = ""
    """What it does where it is picked by its name, if that is not what its key does."""

    @property
    def bulk(self) -> bool:
        """It goes to all marked kernels where there are any."""
        return self.scope is Scope.TABLE and self.verb is not None

    @property
    def changes(self) -> bool:
        """It asks something of kernels, which is refused while they are only watched."""
        return self.verb is not None or self.danger or self.id == "kernel.start"

    @property
    def name(self) -> str:
        """What it does, among those of its place: "restart" of "kernel.restart"."""
        return self.id.rpartition(".")[2]

    @property
    def command(self) -> str:
        """How Textual calls it: the main screen's by their ids, a widget's by a method."""
        if self.id.startswith(SCREENS):
            return command_of("perform", (self.id,))
        return self.id.replace(".", "_")

    @property
    def keys_shown(self) -> str:
        return self.shown_as or " ".join(key_label(key) for key in self.keys)


def key_label(key: str) -> str:
    """Return how a key is written for people: "f9" is "F9", "question_mark" is "?"."""
    return _KEY_LABELS.get(key, key.upper() if key[0] == "f" and key[1:].isdigit() else key)


_KEY_LABELS = {
    "alt+enter": "Alt+Enter",
    "asterisk": "*",
    "colon": ":",
    "comma": ",",
    "ctrl+c": "Ctrl+C",
    "ctrl+d": "Ctrl+D",
    "ctrl+j": "Ctrl+J",
    "ctrl+l": "Ctrl+L",
    "ctrl+o": "Ctrl+O",
    "ctrl+p": "Ctrl+P",
    "ctrl+q": "Ctrl+Q",
    "ctrl+s": "Ctrl+S",
    "ctrl+z": "Ctrl+Z",
    "down": "↓",
    "left": "←",
    "left_square_bracket": "[",
    "right": "→",
    "right_square_bracket": "]",
    "ctrl+down": "Ctrl+↓",
    "ctrl+r": "Ctrl+R",
    "ctrl+up": "Ctrl+↑",
    "enter": "Enter",
    "exclamation_mark": "!",
    "left_curly_bracket": "{",
    "minus": "-",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "plus": "+",
    "right_curly_bracket": "}",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "slash": "/",
    "space": "Space",
    "escape": "Esc",
    "question_mark": "?",
    "shift+tab": "Shift+Tab",
    "tab": "Tab",
    "up": "↑",
}
