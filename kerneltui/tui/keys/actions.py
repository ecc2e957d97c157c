"""The one registry of actions: it feeds bindings, footer, help, palette and the README's key table.

Lower case looks or can be undone, upper case destroys or is stronger. Decides only;
The main screen performs most of them by their ids; widgets have methods named after theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from kerneltui.fleet.model.capabilities import why_not
from kerneltui.frozen import frozen
from kerneltui.protocol.status import Verb

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target

ARMED_TIME = 1.5
"""Seconds within which the second press of `i` interrupts."""


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
    CONSOLE = "Console"
    GLOBAL = "Everywhere"


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
    ours: bool = False
    """It is only for kernels that kerneltui has started."""
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


_MOVING = (
    *("j", "k", "up", "down", "g", "G", "home", "end"),
    *("pageup", "pagedown", "ctrl+d", "ctrl+u"),
)
_MOVING_SHOWN = "j k g G PgUp PgDn"
_TABS = {
    "output": "output",
    "messages": "messages, with what clients and kernel send each other",
    "info": "kernelspec, command line, environment and connection file",
    "processes": "processes, with what they use",
    "log": "own stdout and stderr, and what befell it",
}

ACTIONS: tuple[Action, ...] = (
    Action(
        "kernel.start",
        ("s",),
        "Start",
        "Start a kernel: pick its kernelspec, folder and name",
        Scope.TABLE,
        footer=True,
    ),
    Action(
        "kernel.interrupt",
        ("i",),
        "Interrupt",
        "Interrupt what the kernel runs; the second press does it",
        Scope.TABLE,
        Verb.INTERRUPT,
        footer=True,
        shown_as="i i",
        by_name="Interrupt what the kernel runs, at once; marked kernels after a question",
    ),
    Action(
        "kernel.signal",
        ("K", "f9"),
        "Signal",
        "Send a signal to the kernel's process group",
        Scope.TABLE,
        Verb.SIGNAL,
    ),
    Action(
        "kernel.restart",
        ("r",),
        "Restart",
        "Restart the kernel politely; its variables are lost",
        Scope.TABLE,
        Verb.RESTART,
        danger=True,
        footer=True,
    ),
    Action(
        "kernel.restart_now",
        ("R",),
        "Force restart",
        "Kill the kernel at once and start it again",
        Scope.TABLE,
        Verb.RESTART,
        danger=True,
    ),
    Action(
        "kernel.shutdown",
        ("x",),
        "Shutdown",
        "Shut the kernel down; forget a dead kernel; remove a stale file",
        Scope.TABLE,
        Verb.SHUTDOWN,
        danger=True,
        footer=True,
    ),
    Action(
        "kernel.kill",
        ("X",),
        "Kill",
        "SIGKILL the kernel and all its processes, now",
        Scope.TABLE,
        Verb.KILL,
        danger=True,
    ),
    Action(
        "kernel.verify",
        ("v",),
        "Verify",
        "Ask the kernel whether it answers; a server's after a question, as it takes note of that",
        Scope.TABLE,
        Verb.VERIFY,
    ),
    Action(
        "kernel.autorestart",
        ("a",),
        "Autorestart",
        "Start the kernel again where it dies by itself, or no more",
        Scope.TABLE,
        Verb.RESTART,
        ours=True,
    ),
    Action(
        "kernel.shutdown_all",
        ("A",),
        "Shut down all",
        "Shut down every kernel that kerneltui has started; asks for their number",
        Scope.TABLE,
        danger=True,
    ),
    Action(
        "table.move",
        _MOVING,
        "Move",
        "Select the next, previous, first or last kernel, or one a page away",
        Scope.TABLE,
        built_in=True,
        shown_as=_MOVING_SHOWN,
    ),
    Action(
        "table.sidestep",
        ("h", "l", "left", "right"),
        "Sideways",
        "Scroll the columns sideways, where not all are in sight",
        Scope.TABLE,
        built_in=True,
    ),
    Action(
        "table.filter",
        ("slash",),
        "Filter",
        "Show only kernels that are like what you type: word !word state:busy origin:server"
        " mem:>1G cpu:>50 idle:>10m up:<1h runs:>0 pid:4121 name: spec: id: notebook: cwd: code:",
        Scope.TABLE,
    ),
    Action(
        "table.mark",
        ("space",),
        "Mark",
        "Mark the kernel, or take its mark away; orders go to the marked ones",
        Scope.TABLE,
    ),
    Action(
        "table.mark_all", ("asterisk",), "Mark all", "Mark every kernel that is shown", Scope.TABLE
    ),
    Action("table.unmark_all", ("u",), "Unmark all", "Take every mark away", Scope.TABLE),
    Action(
        "table.sort_previous",
        ("less_than_sign",),
        "Sort by previous",
        "Sort by the column to the left",
        Scope.TABLE,
    ),
    Action(
        "table.sort_next",
        ("greater_than_sign",),
        "Sort by next",
        "Sort by the column to the right; after the last one in the order of the start",
        Scope.TABLE,
    ),
    Action("table.sort_invert", ("I",), "Invert order", "Turn the order round", Scope.TABLE),
    Action(
        "table.columns",
        ("comma",),
        "Columns",
        "Choose the columns and their order; those that do not fit hide by themselves",
        Scope.TABLE,
    ),
    Action(
        "filter.keep",
        ("enter",),
        "Keep",
        "Keep the filter and go back to the kernels",
        Scope.FILTER,
        built_in=True,
    ),
    Action(
        "filter.clear", ("escape",), "Clear", "Show all kernels again", Scope.FILTER, footer=True
    ),
    Action(
        "filter.previous",
        ("up",),
        "Earlier filter",
        "The filter that was kept before",
        Scope.FILTER,
        footer=True,
    ),
    Action(
        "filter.next",
        ("down",),
        "Later filter",
        "The filter that was kept after",
        Scope.FILTER,
        footer=True,
    ),
    Action(
        "output.move",
        _MOVING,
        "Scroll",
        "Scroll by a line, to the beginning or the end, or by a page",
        Scope.OUTPUT,
        built_in=True,
        shown_as=_MOVING_SHOWN,
    ),
    Action(
        "output.sidestep",
        ("h", "l", "left", "right"),
        "Sideways",
        "Scroll sideways where lines are not wrapped",
        Scope.OUTPUT,
        built_in=True,
    ),
    Action(
        "output.follow",
        ("f",),
        "Follow",
        "Follow the end of the output, or stay",
        Scope.OUTPUT,
    ),
    Action("output.wrap", ("w",), "Wrap", "Wrap long lines, or cut them", Scope.OUTPUT),
    Action("output.times", ("t",), "Times", "Tell when each line was said", Scope.OUTPUT),
    Action(
        "output.search", ("slash",), "Search", "Search the output; Esc forgets it", Scope.OUTPUT
    ),
    Action(
        "output.next",
        ("n",),
        "Next",
        "Go to the next match, and round",
        Scope.OUTPUT,
        footer=True,
    ),
    Action(
        "output.previous",
        ("N",),
        "Previous",
        "Go to the match before",
        Scope.OUTPUT,
        footer=True,
    ),
    Action("output.mark", ("m",), "Mark", "Draw a line below what is read", Scope.OUTPUT),
    Action("output.page", ("v",), "Pager", "Open all of it in $PAGER", Scope.OUTPUT),
    Action(
        "output.save", ("ctrl+s",), "Save", "Save all of it; no file is overwritten", Scope.OUTPUT
    ),
    Action(
        "output.copy",
        ("y",),
        "Copy",
        "Send what the mouse has selected, else the last 200 lines, to the terminal's clipboard",
        Scope.OUTPUT,
    ),
    Action(
        "output.image", ("enter",), "Picture", "Show the last picture in sight large", Scope.OUTPUT
    ),
    Action(
        "message.move",
        _MOVING,
        "Move",
        "Select the next, previous, first or last message; on the last one, follow",
        Scope.MESSAGES,
        built_in=True,
        shown_as=_MOVING_SHOWN,
    ),
    Action(
        "message.open",
        ("enter",),
        "Open",
        "Show all that the message carries",
        Scope.MESSAGES,
        built_in=True,
    ),
    Action(
        "message.only_type",
        ("t",),
        "Only this type",
        "Show messages of this type only; again for all types",
        Scope.MESSAGES,
        built_in=True,
    ),
    Action(
        "message.hide_type",
        ("d",),
        "Hide this type",
        "Show no messages of this type",
        Scope.MESSAGES,
        built_in=True,
    ),
    Action(
        "message.only_client",
        ("b",),
        "Only this client",
        "Show messages from and for this client only; again for all clients",
        Scope.MESSAGES,
        built_in=True,
    ),
    Action(
        "message.all",
        ("a",),
        "All",
        "Show all messages again",
        Scope.MESSAGES,
        built_in=True,
    ),
    Action(
        "message.pause",
        ("p",),
        "Pause",
        "Hold the list while messages come, and go on",
        Scope.MESSAGES,
        built_in=True,
    ),
    Action(
        "console.run",
        ("enter",),
        "Run",
        "Run the code if it is complete, else begin a new line",
        Scope.CONSOLE,
        Verb.EXECUTE,
        footer=True,
    ),
    Action(
        "console.run_now",
        ("ctrl+j",),
        "Run as it is",
        "Run the code, complete or not",
        Scope.CONSOLE,
        Verb.EXECUTE,
    ),
    Action(
        "console.run_beside",
        ("ctrl+o",),
        "Run beside",
        "Run the code at once in a subshell, beside what runs; it cannot be interrupted",
        Scope.CONSOLE,
        Verb.EXECUTE,
    ),
    Action(
        "console.newline",
        ("alt+enter",),
        "New line",
        "Begin a new line, complete or not",
        Scope.CONSOLE,
        footer=True,
    ),
    Action(
        "console.complete",
        ("tab",),
        "Complete",
        "Complete the name before the cursor",
        Scope.CONSOLE,
        footer=True,
    ),
    Action(
        "console.inspect",
        ("shift+tab",),
        "Inspect",
        "Show the documentation of the name under the cursor",
        Scope.CONSOLE,
    ),
    Action(
        "console.previous",
        ("up",),
        "Earlier code",
        "From the first line: the code run before",
        Scope.CONSOLE,
    ),
    Action(
        "console.next",
        ("down",),
        "Later code",
        "From the last line: the code run after",
        Scope.CONSOLE,
    ),
    Action(
        "console.search",
        ("ctrl+r",),
        "Search",
        "Search the code run before; again for an earlier one, Enter takes it",
        Scope.CONSOLE,
    ),
    Action(
        "console.interrupt",
        ("ctrl+c",),
        "Interrupt",
        "Copy the selected text; without any, interrupt this kernel",
        Scope.CONSOLE,
        footer=True,
    ),
    Action(
        "console.delete",
        ("ctrl+d",),
        "Delete or leave",
        "Delete the next character; leave an empty console (the kernel lives on)",
        Scope.CONSOLE,
    ),
    Action(
        "console.leave",
        ("escape",),
        "Back",
        "Close what is open over the console, else go back to the table",
        Scope.CONSOLE,
        footer=True,
    ),
    Action(
        "focus.console",
        ("c",),
        "Console",
        "Write code for the selected kernel",
        Scope.GLOBAL,
        footer=True,
    ),
    Action("focus.output", ("o",), "Output", "Go to the selected kernel's output", Scope.GLOBAL),
    Action(
        "focus.table",
        ("escape",),
        "Table",
        "Go back to the table; there, show all kernels again",
        Scope.GLOBAL,
    ),
    Action(
        "focus.next",
        ("tab", "shift+tab"),
        "Next pane",
        "Go round table, output and console",
        Scope.GLOBAL,
        built_in=True,
    ),
    *(
        Action(
            f"tab.{name}",
            (str(number),),
            f"Tab: {name}",
            f"Show the selected kernel's {what}",
            Scope.GLOBAL,
        )
        for number, (name, what) in enumerate(_TABS.items(), start=1)
    ),
    Action(
        "tab.previous",
        ("left_square_bracket",),
        "Previous tab",
        "Show the tab to the left",
        Scope.GLOBAL,
    ),
    Action(
        "tab.next", ("right_square_bracket",), "Next tab", "Show the tab to the right", Scope.GLOBAL
    ),
    Action(
        "view.zoom",
        ("z",),
        "Zoom",
        "Give the whole screen to the table or to the output, and back",
        Scope.GLOBAL,
    ),
    Action(
        "view.grow",
        ("ctrl+down", "right_curly_bracket"),
        "Larger table",
        "Let the table take more of the screen",
        Scope.GLOBAL,
    ),
    Action(
        "view.shrink",
        ("ctrl+up", "left_curly_bracket"),
        "Smaller table",
        "Let the table take less of the screen",
        Scope.GLOBAL,
    ),
    Action(
        "view.pause",
        ("p",),
        "Pause",
        "Hold what is shown of the kernels, and go on; they go on anyway",
        Scope.GLOBAL,
    ),
    Action("view.faster", ("plus",), "Faster", "Look at the kernels more often", Scope.GLOBAL),
    Action("view.slower", ("minus",), "Slower", "Look at the kernels less often", Scope.GLOBAL),
    Action(
        "view.refresh",
        ("ctrl+r",),
        "Refresh",
        "Look at the kernels now, paused or not",
        Scope.GLOBAL,
    ),
    Action(
        "app.lock",
        ("exclamation_mark",),
        "Lock",
        "Watch the kernels and ask nothing of them; unlocking asks first",
        Scope.GLOBAL,
    ),
    Action(
        "app.help",
        ("question_mark", "f1"),
        "Help",
        "Show this list of keys",
        Scope.GLOBAL,
        footer=True,
    ),
    Action(
        "app.palette",
        ("colon", "ctrl+p"),
        "Palette",
        "Find an action by its name",
        Scope.GLOBAL,
        footer=True,
    ),
    Action(
        "app.notices", ("M",), "Notices", "Show the latest notices and errors again", Scope.GLOBAL
    ),
    Action(
        "app.detach",
        ("q", "ctrl+q"),
        "Quit",
        "Quit; kernels live on and their connection files are printed",
        Scope.GLOBAL,
        footer=True,
    ),
    Action(
        "app.quit_shutdown",
        ("Q",),
        "Quit, end kernels",
        "Shut down every kernel that kerneltui has started, then quit",
        Scope.GLOBAL,
        danger=True,
    ),
    Action("app.picture", ("f8",), "Picture", "Save the screen as an SVG picture", Scope.GLOBAL),
    Action("app.redraw", ("ctrl+l",), "Redraw", "Paint the whole screen again", Scope.GLOBAL),
    Action(
        "app.suspend",
        ("ctrl+z",),
        "Suspend",
        "Suspend kerneltui to the shell; `fg` brings it back",
        Scope.GLOBAL,
    ),
)

BY_ID = {action.id: action for action in ACTIONS}
BY_COMMAND = {action.command: action for action in ACTIONS}


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


def refusal(action: Action, snapshot: KernelSnapshot | None) -> str:
    """Return why `action` cannot be asked of the selected kernel; empty when it can."""
    if action.verb is None:
        return ""
    if snapshot is None:
        return "no kernel is selected"
    if action.ours and not snapshot.is_ours:
        return f"{snapshot.name} is not kerneltui's to restart"
    if action.verb in snapshot.allowed:
        return ""
    why = why_not(snapshot.kind, action.verb) or f"it is {snapshot.state}"
    return f"cannot {action.verb} {snapshot.name}: {why}"


def refusal_of_all(action: Action, kernels: Sequence[KernelSnapshot]) -> str:
    """Return why `action` can be asked of none of `kernels`; empty when it can of some."""
    refusals = [refusal(action, kernel) for kernel in kernels]
    if "" in refusals:
        return ""
    return refusals[0] + (f"; and {len(refusals) - 1} more" if len(refusals) > 1 else "")


@dataclass(slots=True)
class DoublePress:
    """The notebook's `i,i`: the first press arms, a second one in time acts."""

    _target: Target | None = None
    _until: float = 0.0

    def press(self, target: Target, now: float) -> bool:
        """Tell whether this press acts; where it does not, it arms for `target`."""
        if self.armed(now) == target:
            self._target = None
            return True
        self._target, self._until = target, now + ARMED_TIME
        return False

    def armed(self, now: float) -> Target | None:
        """Return the kernel that one more press would interrupt."""
        return self._target if now < self._until else None


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
