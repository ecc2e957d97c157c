"""A floor imports only the floors below it, and nothing is loaded before it is needed."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kerneltui"
FLOORS = ("protocol", "kernels", "fleet", "tui")
TERMINAL = {"textual", "rich", "pygments"}
BELOW_ALL = (
    "arguments",
    "bounded",
    "errors",
    "file_lock",
    "folder_files",
    "formats",
    "frozen",
    "path_checks",
    "paths",
    "private_file",
    "typed_paths",
    "version",
    "words",
)
FOREIGN = {
    "protocol": TERMINAL | {"zmq", "psutil", "jupyter_core", "subprocess", "socket", "threading"},
    "kernels": TERMINAL,
    "fleet": TERMINAL,
    "tui": {"zmq", "psutil", "subprocess"},
}
NEVER = {"jupyter_client", "tornado", "traitlets", "ipykernel"}
REMOTE = {"httpx", "websockets"}  # an extra, and slow to load


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@functools.cache
def imported(path: Path) -> tuple[str, ...]:
    """Return the dotted names that a module imports, wherever in it."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@functools.cache
def file_of(name: str) -> Path | None:
    """Return the file that an imported name is in; None for what is not kerneltui's."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    while parts:
        place = PACKAGE.parent.joinpath(*parts)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
        parts.pop()
    return None


def reached(path: Path, imports: dict[Path, set[Path]]) -> set[Path]:
    """Return the files that a file imports, and all that those import."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        fresh = imports[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_only_lower_floors(floor: str) -> None:
    allowed = {*BELOW_ALL, *FLOORS[: FLOORS.index(floor) + 1]}

    breaches = [
        f"{named(path)}: {name}"
        for path in modules(PACKAGE / floor)
        for name in imported(path)
        if name.startswith("kerneltui.") and name.split(".")[1] not in allowed
    ]

    assert breaches == []


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_keeps_to_its_own_libraries(floor: str) -> None:
    breaches = [
        f"{named(path)}: {name}"
        for path in modules(PACKAGE / floor)
        for name in imported(path)
        if name.split(".")[0] in FOREIGN[floor]
    ]

    assert breaches == []


def test_no_file_imports_itself_in_a_circle() -> None:
    """An import for types only counts too: the two files cannot be understood apart."""
    imports = {
        path: {file for name in imported(path) if (file := file_of(name)) not in (None, path)}
        for path in modules(PACKAGE)
    }
    reach = {path: reached(path, imports) for path in imports}

    circles = {
        frozenset(named(other) for other in reach[path] if path in reach[other])
        for path in imports
        if path in reach[path]
    }

    assert circles == set()


def test_no_folder_imports_itself_in_a_circle() -> None:
    """A floor's folders are told apart; what lies beside them composes them."""
    imports: dict[Path, set[Path]] = {}
    for path in modules(PACKAGE):
        others = {file_of(name) for name in imported(path)}
        below = {file.parent for file in others if file is not None and is_in_room(file)}
        if is_in_room(path):
            imports.setdefault(path.parent, set()).update(below - {path.parent})
    reach = {folder: reached(folder, imports) for folder in imports}

    assert {named(folder) for folder in imports if folder in reach[folder]} == set()


def is_in_room(file: Path) -> bool:
    """Tell whether a file lies in a folder of a floor, not on the floor itself."""
    return len(file.relative_to(PACKAGE).parts) > 2


def test_nothing_below_a_room_imports_what_composes_it() -> None:
    """`fleet/fleet.py`, `tui/app.py`: what lies on a floor is not imported in its rooms."""
    breaches = [
        f"{named(path)}: {named(file)}"
        for path in modules(PACKAGE)
        for name in imported(path)
        if (file := file_of(name)) is not None
        and is_in_room(path)
        and not is_in_room(file)
        and file.parent == path.parents[1]
        and file.parent != PACKAGE
        and file.name != "__init__.py"
    ]

    assert breaches == []


def test_nothing_of_the_peer_is_imported() -> None:
    breaches = [
        f"{named(path)}: {name}"
        for path in modules(PACKAGE)
        for name in imported(path)
        if name.split(".")[0] in NEVER
    ]

    assert breaches == []


def test_the_errors_know_no_floor() -> None:
    assert [name for name in imported(PACKAGE / "errors.py") if "kerneltui" in name] == []


LOADED = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import kerneltui", TERMINAL | NEVER | REMOTE),
        ("from kerneltui import *", {"psutil", "jupyter_core"} | TERMINAL | NEVER | REMOTE),
        ("import kerneltui.tui.app", {"zmq", "psutil", "jupyter_core"} | NEVER | REMOTE),
        ("import kerneltui.fleet.fleet", TERMINAL | NEVER | REMOTE),
    ],
)
def test_an_import_loads_no_more_than_it_needs(code: str, absent: set[str]) -> None:
    program = [sys.executable, "-c", f"{code}; {LOADED}"]

    loaded = subprocess.run(program, check=True, capture_output=True, text=True).stdout.split()

    assert absent & set(loaded) == set()


@pytest.mark.parametrize("option", ["--help", "--version", "paths"])
def test_the_command_line_answers_without_heavy_imports(option: str) -> None:
    code = (
        "import atexit, sys; from kerneltui.cli import main; "
        f"atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main(['{option}'])"
    )

    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    loaded = {name.split(".")[0] for name in ended.stderr.split()}
    assert (TERMINAL | NEVER | {"zmq", "psutil"}) & loaded == set()
