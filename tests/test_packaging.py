"""What reaches a user who installs the wheel."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIONAL = ("completion", "images", "python", "remote")
PACKAGES = {"PIL": "pillow", "zmq": "pyzmq"}
"""Where a package's name is not the one it is imported by."""


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


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [each for extra in OPTIONAL for each in project["optional-dependencies"][extra]]
    declared = {
        re.split(r"[><=]", each)[0].lower() for each in (*project["dependencies"], *optional)
    }

    imported = {
        PACKAGES.get(name, name).lower().replace("-", "_")
        for path in (ROOT / "kerneltui").rglob("*.py")
        for name in imported_packages(path) - {each.stem for each in path.parent.glob("*.py")}
    }

    assert imported - {each.replace("-", "_") for each in declared} == set()


def imported_packages(path: Path) -> set[str]:
    """Return the packages that a file imports from outside the standard library and kerneltui."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    packages = {name.partition(".")[0] for name in names}
    return packages - sys.stdlib_module_names - {"kerneltui", "_typeshed"}
