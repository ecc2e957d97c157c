"""Action: something the user can do, and how its keys are written."""

from __future__ import annotations

from enum import StrEnum
from typing import TypedDict

from kerneltui.fleet.model.capabilities import Verb
from kerneltui.frozen import frozen

SCREENS = ("app.", "kernel.", "tab.", "focus.", "view.")
"""The main screen performs the actions whose ids begin with one of these."""


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
    """The fields of `Action` about how it is shown; all optional."""

    footer: bool
    shown_as: str
    by_name: str


@frozen
class Action:
    """Something the user can do."""

    id: str
    keys: tuple[str, ...]
    """Textual's names of its keys; the footer shows the first one."""
    label: str
    description: str
    scope: Scope
    verb: Verb | None = None
    """What it asks of the selected kernel, if the kernel allows that."""
    danger: bool = False
    """It ends work: it asks first, with Cancel focused."""
    footer: bool = False
    built_in: bool = False
    """Bound by a widget or by Textual itself; listed so that the help is complete."""
    shown_as: str = ""
    """How its keys are written, if not by their names."""
    by_name: str = ""
    """What it does if it is picked by its name, if its key does something else."""

    @property
    def bulk(self) -> bool:
        """It applies to all marked kernels if there are any."""
        return self.scope is Scope.TABLE and self.verb is not None

    @property
    def changes(self) -> bool:
        """It asks something of kernels, so it is refused in read-only mode."""
        return self.verb is not None or self.danger or self.id == "kernel.start"

    @property
    def name(self) -> str:
        """The last part of its id: "restart" of "kernel.restart"."""
        return self.id.rpartition(".")[2]

    @property
    def command(self) -> str:
        """Textual's name of it: with its id for the main screen, of a method for a widget."""
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
