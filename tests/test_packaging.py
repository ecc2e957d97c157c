"""What reaches a user who installs the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of the files in a wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("style", sorted(path.name for path in (ROOT / "styles").glob("*.tcss")))
def test_the_wheel_holds_each_style(wheel_names: set[str], style: str) -> None:
    assert f"kerneltui/styles/{style}" in wheel_names


def test_the_wheel_says_that_it_is_typed(wheel_names: set[str]) -> None:
    assert "kerneltui/py.typed" in wheel_names


def test_the_wheel_holds_no_tests(wheel_names: set[str]) -> None:
    assert not [name for name in wheel_names if name.startswith("tests")]
