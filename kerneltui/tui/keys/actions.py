"""All actions: they feed bindings, footer, help, palette and the README's key table.

What ends work asks first. Its stronger form has the same letter in upper case.
The main screen performs most actions by their ids; widgets have methods named after theirs.
"""

from __future__ import annotations

from typing import Unpack

from kerneltui.fleet.model.capabilities import VERBS, Verb
from kerneltui.fleet.model.filters import forms
from kerneltui.tui.keys.action import Action, Scope, Shown

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
    "log": "own stdout and stderr, and what happened to it",
    "stack": "threads, with the line that each stands at",
}
_MORE_TAB_KEYS = {"stack": ("w",)}


def _asks(verb: Verb, keys: tuple[str, ...], **how: Unpack[Shown]) -> Action:
    """Return the action for a verb; its texts are in the table of verbs."""
    entry = VERBS[verb]
    action_id = f"kernel.{verb.name.lower()}"
    return Action(
        action_id, keys, entry.label, entry.help, Scope.TABLE, verb, danger=entry.danger, **how
    )


ACTIONS: tuple[Action, ...] = (
    Action(
        "kernel.start",
        ("s",),
        "Start",
        "Start a kernel: pick its kernelspec, folder and name",
        Scope.TABLE,
        footer=True,
    ),
    _asks(
        Verb.INTERRUPT,
        ("i",),
        footer=True,
        shown_as="i i",
        by_name="Interrupt what the kernel runs, at once; marked kernels after a question",
    ),
    _asks(Verb.SIGNAL, ("K", "f9")),
    _asks(Verb.RESTART, ("r",), footer=True),
    _asks(Verb.RESTART_NOW, ("R",)),
    _asks(Verb.SHUTDOWN, ("x",), footer=True),
    _asks(Verb.KILL, ("X",)),
    _asks(Verb.VERIFY, ("v",)),
    _asks(Verb.AUTORESTART, ("a",)),
    _asks(Verb.RENAME, ("n",)),
    _asks(Verb.CONNECT, ("C",)),
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
        "table.open",
        ("enter",),
        "Open",
        "Go to the kernel's output, which fills a small screen; Esc comes back",
        Scope.TABLE,
    ),
    Action(
        "table.sidestep",
        ("h", "l", "left", "right"),
        "Sideways",
        "Scroll the columns sideways, if not all are visible",
        Scope.TABLE,
        built_in=True,
    ),
    Action(
        "table.filter",
        ("slash",),
        "Filter",
        f"Show only kernels that match what you type: {forms()}",
        Scope.TABLE,
    ),
    Action(
        "table.mark",
        ("space",),
        "Mark",
        "Mark or unmark the kernel; actions apply to the marked ones",
        Scope.TABLE,
    ),
    Action(
        "table.mark_all", ("asterisk",), "Mark all", "Mark every kernel that is shown", Scope.TABLE
    ),
    Action("table.unmark_all", ("u",), "Unmark all", "Clear all marks", Scope.TABLE),
    Action(
        "table.sort",
        ("S",),
        "Sort",
        "Sort by the column whose letter follows; the same again reverses the order",
        Scope.TABLE,
    ),
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
        "Sort by the column to the right; after the last one, urgent kernels first",
        Scope.TABLE,
    ),
    Action("table.sort_invert", ("I",), "Invert order", "Reverse the order", Scope.TABLE),
    Action(
        "table.columns",
        ("comma",),
        "Columns",
        "Choose the columns and their order; columns that do not fit are hidden",
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
        "The previous filter",
        Scope.FILTER,
        footer=True,
    ),
    Action(
        "filter.next",
        ("down",),
        "Later filter",
        "The next filter",
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
        "Scroll sideways, if lines are not wrapped",
        Scope.OUTPUT,
        built_in=True,
    ),
    Action(
        "output.follow",
        ("f",),
        "Follow",
        "Follow the end of the output, or stay",
        Scope.OUTPUT,
        footer=True,
    ),
    Action(
        "output.wrap", ("w",), "Wrap", "Wrap long lines, or cut them", Scope.OUTPUT, footer=True
    ),
    Action("output.times", ("t",), "Times", "Show when each line was printed", Scope.OUTPUT),
    Action(
        "output.search",
        ("slash",),
        "Search",
        "Search the output; Esc forgets it",
        Scope.OUTPUT,
        footer=True,
    ),
    Action(
        "output.next",
        ("n",),
        "Next",
        "Go to the next match; after the last one, to the first",
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
    Action("output.mark", ("m",), "Mark", "Draw a line below what you have read", Scope.OUTPUT),
    Action("output.page", ("v",), "Pager", "Open all of it in $PAGER", Scope.OUTPUT, footer=True),
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
        "output.image", ("enter",), "Picture", "Show the last visible picture large", Scope.OUTPUT
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
        "Pause the list while messages come, or resume it",
        Scope.MESSAGES,
        built_in=True,
    ),
    Action(
        "process.files",
        ("enter",),
        "Open files",
        "Show or hide the files that the process has open",
        Scope.PROCESSES,
        built_in=True,
    ),
    Action(
        "process.signal",
        ("K", "f9"),
        "Signal this process",
        "Send a signal to the process under the cursor alone",
        Scope.PROCESSES,
        built_in=True,
    ),
    Action(
        "process.kill",
        ("X",),
        "Kill this process",
        "SIGKILL the process under the cursor alone; if it is the kernel's own, all processes of"
        " the kernel",
        Scope.PROCESSES,
        built_in=True,
    ),
    Action(
        "stack.move",
        _MOVING,
        "Move",
        "Select the next, previous, first or last line",
        Scope.STACK,
        built_in=True,
        shown_as=_MOVING_SHOWN,
    ),
    Action(
        "stack.open",
        ("enter",),
        "Open",
        "Unfold library frames, or show the names of the frame with types and sizes",
        Scope.STACK,
        built_in=True,
    ),
    Action(
        "stack.variables",
        ("v",),
        "Variables",
        "Show the kernel's variables, the largest first; again for its stack",
        Scope.STACK,
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
        "console.read",
        ("pageup", "pagedown"),
        "Read on",
        "Scroll the documentation that is open, as ↑ and ↓ do",
        Scope.CONSOLE,
        built_in=True,
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
        "Copy the selected text, else clear what is typed, else interrupt this kernel",
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
        footer=True,
    ),
    Action(
        "focus.next",
        ("tab", "shift+tab"),
        "Next pane",
        "Move between table, output and console",
        Scope.GLOBAL,
        built_in=True,
    ),
    *(
        Action(
            f"tab.{name}",
            (*_MORE_TAB_KEYS.get(name, ()), str(number)),
            f"Tab: {name}",
            f"Show the selected kernel's {what}, and go there",
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
        "Make the table larger",
        Scope.GLOBAL,
    ),
    Action(
        "view.shrink",
        ("ctrl+up", "left_curly_bracket"),
        "Smaller table",
        "Make the table smaller",
        Scope.GLOBAL,
    ),
    Action(
        "view.pause",
        ("p",),
        "Pause",
        "Pause the display, or resume it; the kernels run on",
        Scope.GLOBAL,
    ),
    Action("view.faster", ("plus",), "Faster", "Refresh more often", Scope.GLOBAL),
    Action("view.slower", ("minus",), "Slower", "Refresh less often", Scope.GLOBAL),
    Action(
        "view.refresh",
        ("ctrl+r",),
        "Refresh",
        "Refresh now, paused or not",
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
        "app.connect",
        ("e",),
        "Connect to a server or host",
        "Show the kernels of another machine too: of a Jupyter server, or of a host by ssh",
        Scope.GLOBAL,
    ),
    Action(
        "app.disconnect",
        ("E",),
        "Disconnect from a server or host",
        "List the servers and hosts, and leave one; its kernels run on",
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
