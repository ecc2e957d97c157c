"""Keys can be given to other actions, and a clash keeps what was."""

from __future__ import annotations

import pytest

from kerneltui.tui.keys.actions import ACTIONS
from kerneltui.tui.keys.keymap import (
    UNBOUND,
    Keymap,
    cannot_be_bound,
    for_textual,
    key_name,
    key_of,
    resolve,
    with_keys,
)


@pytest.mark.parametrize(
    ("key", "name"),
    [("?", "question_mark"), (",", "comma"), ("x", "x"), ("F", "F"), ("ctrl+k", "ctrl+k")],
)
def test_a_key_has_a_name(key: str, name: str) -> None:
    assert key_name(key) == name


@pytest.mark.parametrize(
    "key",
    ["x", "X", "?", ",", "+", "é", "f9", "ctrl+k", "alt+enter", "shift+f3", "comma", "pageup"],
)
def test_a_key_can_be_bound(key: str) -> None:
    assert cannot_be_bound(key) == ""


@pytest.mark.parametrize("key", ["", " ", "xx", "control-k", "ctrl+", "f99", "ctrl+nothing"])
def test_what_is_no_key_is_refused(key: str) -> None:
    assert cannot_be_bound(key).startswith(f"{key!r} is not a key; allowed: ")


def test_a_key_that_arrives_as_another_is_refused() -> None:
    assert cannot_be_bound("ctrl+i") == "ctrl+i never arrives: terminals send tab for it"


def test_a_free_key_is_granted() -> None:
    assert resolve({"kernel.kill": ("D",)}) == ({"kernel.kill": ("D",)}, {})


def test_a_clash_names_who_has_the_key_and_keeps_what_was() -> None:
    granted, problems = resolve({"kernel.kill": ("x",)})

    assert granted == {}
    assert problems == {
        "kernel.kill": "x is the key of kernel.shutdown (Shutdown); kernel.kill keeps X"
    }


@pytest.mark.parametrize(
    "wanted",
    [
        {"kernel.kill": ("q",)},  # of everywhere
        {"app.help": ("x",)},  # of the table
        {"kernel.kill": ("j",)},  # of the cursor
    ],
)
def test_a_clash_between_places_is_one_too(wanted: dict[str, tuple[str, ...]]) -> None:
    assert resolve(wanted)[0] == {}


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"kernel.kill": ("j",)}, "j is the key of table.move (Move, and fixed)"),
        ({"output.copy": ("h",)}, "h is the key of output.sidestep (Sideways, and fixed)"),
        ({"app.help": ("b",)}, "b is the key of message.only_client (Only this client, and fixed)"),
        ({"console.run": ("x",)}, "x would be typed as text, not do console.run"),
        ({"filter.clear": ("+",)}, "plus would be typed as text, not do filter.clear"),
    ],
)
def test_a_key_that_is_fixed_where_it_is_wanted_is_told(wanted: Keymap, problem: str) -> None:
    (told,) = resolve(wanted)[1].values()

    assert told.startswith(f"{problem}; ")


def test_the_usual_keys_may_be_written_down() -> None:
    usual = {action.id: action.keys for action in ACTIONS if not action.built_in}

    assert resolve(usual) == (usual, {})


def test_the_console_has_keys_of_its_own() -> None:
    assert resolve({"console.run_now": ("ctrl+l",)})[1] == {}


def test_two_actions_can_change_keys() -> None:
    swapped = {"kernel.kill": ("x",), "kernel.shutdown": ("X",)}

    assert resolve(swapped) == (swapped, {})


def test_a_wish_that_fails_takes_those_along_that_relied_on_it() -> None:
    granted, problems = resolve({"kernel.kill": ("x",), "kernel.shutdown": ("r",)})

    assert granted == {}
    assert problems.keys() == {"kernel.kill", "kernel.shutdown"}


def test_the_registry_shows_the_keys_that_hold() -> None:
    shown = {
        action.id: action.keys_shown for action in with_keys({"kernel.interrupt": ("b", "f8")})
    }

    assert shown["kernel.interrupt"] == "b F8"
    assert len(shown) == len(ACTIONS)


@pytest.mark.parametrize(
    ("keys", "bound"),
    [
        (("b",), {"kernel.signal": "b", "kernel.signal.1": UNBOUND}),
        (("b", "f8"), {"kernel.signal": "b", "kernel.signal.1": "f8"}),
        (("b", "f8", "e"), {"kernel.signal": "b,e", "kernel.signal.1": "f8"}),
        ((), {"kernel.signal": UNBOUND, "kernel.signal.1": UNBOUND}),
    ],
)
def test_every_binding_of_an_action_is_told(keys: tuple[str, ...], bound: dict[str, str]) -> None:
    assert for_textual({"kernel.signal": keys}) == bound


@pytest.mark.parametrize(
    ("keymap", "shown"),
    [({}, "i"), ({"kernel.interrupt": ("f8", "i")}, "F8"), ({"kernel.interrupt": ()}, "Interrupt")],
)
def test_a_key_is_told_as_it_is_bound(keymap: Keymap, shown: str) -> None:
    assert key_of("kernel.interrupt", keymap) == shown
