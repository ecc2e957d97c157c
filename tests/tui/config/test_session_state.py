"""How the screen was left is found again, and a broken file is no obstacle."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kerneltui.tui.config.session_state import (
    Keeper,
    SessionState,
    dump,
    load_session_state,
    save_session_state,
)

LEFT = SessionState("textual-light", 55, "bash", {"sort": "cpu", "columns": ["name", "cpu"]})


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "kerneltui" / "state.json"

    save_session_state(path, LEFT)

    assert load_session_state(path) == (LEFT, "")


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "kerneltui" / "state.json"

    save_session_state(path, LEFT)

    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)]
    assert modes == [0o700, 0o600]


def test_saving_leaves_no_other_file(tmp_path: Path) -> None:
    for _ in range(2):
        save_session_state(tmp_path / "state.json", LEFT)

    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_missing_file_is_no_problem(tmp_path: Path) -> None:
    assert load_session_state(tmp_path / "state.json") == (SessionState(), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "\x00",
        "[" * 100_000,
        "9" * 5000,
        dump(LEFT).replace("55", "54"),
        dump(LEFT).replace("55", "true"),
        dump(LEFT).replace("55", "[]"),
        dump(LEFT).replace('"textual-light"', "7"),
        dump(LEFT).replace('"bash"', "7"),
    ],
)
def test_a_broken_file_is_put_aside_and_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text, "utf-8")

    found, problem = load_session_state(path)

    assert found == SessionState()
    assert problem == f"{path} could not be understood; it was renamed to state.json.broken"
    assert (tmp_path / "state.json.broken").read_text("utf-8") == text
    assert not path.exists()


def test_bytes_that_are_no_text_are_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"\xff\xfe")

    assert load_session_state(path)[0] == SessionState()
    assert not path.exists()


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    assert load_session_state(tmp_path) == (
        SessionState(),
        f"{tmp_path} cannot be read: it is a folder",
    )


def test_only_a_change_is_written(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    keeper = Keeper(path, LEFT)

    assert keeper.keep(LEFT) == ""
    assert not path.exists()
    assert keeper.keep(SessionState()) == ""
    assert path.exists()


def test_a_folder_that_takes_no_file_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "state.json"
    keeper = Keeper(path, SessionState())

    said = [keeper.keep(LEFT) for _ in range(2)]

    assert said == [f"{path} cannot be written: File exists", ""]
