"""What a user types as a path is understood, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.errors import KernelError
from kerneltui.typed_paths import typed_folder, typed_path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "path"),
    [("~/x", "{home}/x"), ("x/~", "x/~"), ("~no-such-user/x", "~no-such-user/x")],
)
def test_a_home_is_put_where_one_is_known(home: Path, text: str, path: str) -> None:
    assert str(typed_path(text)) == path.format(home=home)


def test_a_relative_folder_is_below_the_one_that_is_given(home: Path) -> None:
    (home / "work").mkdir()

    assert typed_folder("work", home) == typed_folder("~/work") == home / "work"


@pytest.mark.usefixtures("home")
def test_nothing_means_the_folder_that_we_work_in() -> None:
    assert typed_folder("") == Path.cwd()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("~no-such-user/x", "~no-such-user/x is not a folder"),
        ("~/missing", "/missing is not a folder"),
        ("~/file/x", "/file/x is not a folder"),
        ("~/file", "/file is not a folder"),
        ("~/nul\0", " is not a folder"),
        ("/" + "a" * 300, "cannot use the folder: File name too long: /" + "a" * 300),
    ],
)
def test_what_is_not_a_folder_is_refused(home: Path, text: str, problem: str) -> None:
    (home / "file").touch()

    with pytest.raises(KernelError) as raised:
        typed_folder(text)

    assert str(raised.value).endswith(problem)
