"""The registry is whole and without contradiction."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from textual.binding import Binding

from kerneltui.fleet.model.capabilities import Verb
from kerneltui.protocol.status import KernelState
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.keys.action import Action, Scope
from kerneltui.tui.keys.actions import ACTIONS, BY_ID
from kerneltui.tui.keys.bindings import bindings, markdown_table
from kerneltui.tui.main.double_press import ARMED_TIME, DoublePress
from kerneltui.tui.main.main_screen import MainScreen
from kerneltui.tui.main.permissions import refusal
from kerneltui.tui.messages.message_view import MessageView
from kerneltui.tui.output.output_view import OutputView
from kerneltui.tui.table.filter_input import FilterInput
from kerneltui.tui.table.kernel_table import KernelTable
from kerneltui.tui.widgets.key_line import belongs
from kerneltui.tui.widgets.line_view import LineView
from kerneltui.tui.widgets.row_pane import RowPane
from tests.tui.fakes import snapshot

LIES = {"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+b", "ctrl+a", "ctrl+space", "ctrl+right_square_bracket"}
VIM = {"h", "j", "k", "l", "g", "G"}


def test_ids_are_unique() -> None:
    assert [number for number in Counter(a.id for a in ACTIONS).values() if number > 1] == []


@pytest.mark.parametrize("scope", [each for each in Scope if each is not Scope.FILTER])
def test_no_key_has_two_meanings_in_a_scope(scope: Scope) -> None:
    keys = Counter(key for action in ACTIONS if action.scope is scope for key in action.keys)

    assert [key for key, number in keys.items() if number > 1] == []


def test_no_key_of_a_pane_shadows_a_global_one() -> None:
    everywhere = {
        key
        for action in ACTIONS
        if action.scope is Scope.GLOBAL and not action.built_in
        for key in action.keys
    }
    in_panes = {
        key
        for action in ACTIONS
        if action.scope in (Scope.TABLE, Scope.OUTPUT, Scope.MESSAGES, Scope.STACK)
        for key in action.keys
    }

    # p pauses the list of messages, or everything; w wraps the output, or shows the stack.
    assert in_panes & everywhere == {"p", "w"}


def test_no_action_takes_a_key_that_never_arrives() -> None:
    assert {key for action in ACTIONS for key in action.keys} & LIES == set()


def test_vim_keys_move_and_do_nothing_else() -> None:
    acting = {key for action in ACTIONS if not action.built_in for key in action.keys}

    assert acting & VIM == set()


@pytest.mark.parametrize("action", [a for a in ACTIONS if not a.built_in], ids=lambda a: a.id)
def test_every_action_is_done_by_somebody(action: Action) -> None:
    owners = {"table": KernelTable, "filter": FilterInput, "output": OutputView}
    owners["console"] = CodeEditor
    owner = owners.get(action.id.partition(".")[0])

    if owner is None:
        assert action.id in MainScreen(time.monotonic, RunSettings())._commands
    else:
        assert callable(getattr(owner, f"action_{action.command}"))


@pytest.mark.parametrize(
    ("widget", "scope"),
    [
        (KernelTable, Scope.TABLE),
        (OutputView, Scope.OUTPUT),
        (RowPane, Scope.OUTPUT),
        (MessageView, Scope.MESSAGES),
    ],
)
def test_every_key_of_a_pane_is_in_the_registry(widget: type[LineView], scope: Scope) -> None:
    listed = {key for action in ACTIONS if action.scope is scope for key in action.keys}

    assert widget._merge_bindings().key_to_bindings.keys() - listed == set()


@pytest.mark.parametrize(
    "ids", [("kernel.", "focus.", "view.", "app."), ("console.",)], ids=["table", "console"]
)
def test_the_footer_fits_eighty_columns(ids: tuple[str, ...]) -> None:
    shown = [
        f" {b.key_display} {b.description}"
        for b in bindings(*ids)
        if isinstance(b, Binding) and b.show and belongs(b.action, in_pane=False)
    ]

    assert len("".join(shown)) < 80


def test_an_allowed_verb_is_not_refused() -> None:
    assert refusal(BY_ID["kernel.interrupt"], snapshot()) == ""


def test_a_refusal_names_the_kernel_and_its_state() -> None:
    dead = snapshot(state=KernelState.DEAD, name="train")

    assert refusal(BY_ID["kernel.interrupt"], dead) == "cannot interrupt train: it is dead"


def test_without_a_kernel_its_verbs_are_refused() -> None:
    assert refusal(BY_ID["kernel.kill"], None) == "no kernel is selected"


@pytest.mark.parametrize("verb", [Verb.RESTART, Verb.SHUTDOWN, Verb.KILL])
def test_what_ends_work_is_marked_dangerous(verb: Verb) -> None:
    ending = [each for each in ACTIONS if each.verb is verb and each.id != "kernel.autorestart"]
    assert all(action.danger for action in ending)


def test_the_first_press_only_arms() -> None:
    assert DoublePress().press(snapshot().target, 0.0) is False


def test_a_second_press_in_time_acts() -> None:
    twice = DoublePress()
    twice.press(snapshot().target, 0.0)

    assert twice.press(snapshot().target, ARMED_TIME - 0.1) is True


def test_a_second_press_too_late_arms_again() -> None:
    twice = DoublePress()
    twice.press(snapshot().target, 0.0)

    assert twice.press(snapshot().target, ARMED_TIME) is False


def test_a_second_press_on_another_kernel_arms_for_that_one() -> None:
    twice = DoublePress()
    twice.press(snapshot("k1").target, 0.0)
    twice.press(snapshot("k2").target, 0.1)

    assert twice.armed(0.2) == snapshot("k2").target


def test_a_third_press_arms_anew() -> None:
    twice = DoublePress()
    twice.press(snapshot().target, 0.0)
    twice.press(snapshot().target, 0.1)

    assert twice.press(snapshot().target, 0.2) is False


def test_the_markdown_table_has_every_action() -> None:
    table = markdown_table()

    assert [action.id for action in ACTIONS if action.description not in table] == []
