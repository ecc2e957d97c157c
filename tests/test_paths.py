"""Where things lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kerneltui import paths

Place = Callable[[], Path]
PLACES: list[tuple[Place, str, str, str]] = [
    (paths.config_file, "XDG_CONFIG_HOME", ".config", "kerneltui.toml"),
    (paths.state_file, "XDG_STATE_HOME", ".local/state", "state.json"),
    (paths.history_file, "XDG_STATE_HOME", ".local/state", "history.jsonl"),
    (paths.crash_file, "XDG_STATE_HOME", ".local/state", "crash.log"),
]


@pytest.mark.parametrize(
    ("place", "variable", "name"), [(place, variable, name) for place, variable, _, name in PLACES]
)
def test_a_file_lies_where_xdg_says(
    place: Place, variable: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/elsewhere")

    assert place() == Path("/elsewhere/kerneltui", name)


@pytest.mark.parametrize("value", ["", "relative/folder"])
@pytest.mark.parametrize(("place", "variable", "usual", "name"), PLACES)
def test_without_an_absolute_path_the_usual_place_holds(
    place: Place, variable: str, usual: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv(variable, value)

    assert place() == Path("/home/ana", usual, "kerneltui", name)


def test_a_relative_runtime_folder_is_below_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "run")

    assert paths.runtime_folder() == tmp_path / "run"
