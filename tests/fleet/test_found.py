"""Kernels that something else started are found, and nobody is asked anything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.found import (
    Candidate,
    Found,
    Origin,
    find_kernels,
    innermost,
    origin_of,
)
from kerneltui.kernels.connection_file import write_connection_file
from tests.support import eventually

SLEEPS = "import time; time.sleep(1000)"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    return tmp_path


@pytest.fixture
def run() -> Iterator[Callable[..., int]]:
    """Start a process with these arguments; return its pid once they can be read."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str) -> int:
        started.append(subprocess.Popen(arguments, start_new_session=True))
        pid = started[-1].pid
        wanted = "\0".join(arguments).encode()
        eventually(lambda: wanted in Path(f"/proc/{pid}/cmdline").read_bytes())
        return pid

    yield run
    for process in started:
        os.killpg(process.pid, 9)
        process.wait()


def connection_file(path: Path) -> Path:
    write_connection_file(str(path))
    return path


def found(*ours: Path) -> list[Found]:
    return list(find_kernels({str(path) for path in ours}))


@pytest.mark.parametrize("option", ["-f", "--f=", "--connection-file="])
def test_a_kernel_is_the_process_whose_arguments_name_its_file(
    runtime: Path, run: Callable[..., int], option: str
) -> None:
    file = connection_file(runtime / "kernel-0a9b.json")
    named = [option, str(file)] if option == "-f" else [f"{option}{file}"]
    pid = run(sys.executable, "-c", SLEEPS, *named)

    (kernel,) = found()

    assert (kernel.kernel_id, kernel.connection_file) == ("0a9b", file)
    assert kernel.identity is not None
    assert (kernel.identity.pid, kernel.cwd) == (pid, str(Path.cwd()))


def test_of_a_wrapped_kernel_the_innermost_process_is_meant() -> None:
    file = Path("/run/kernel-x.json")
    shell, conda, kernel = (
        Candidate(10, 1, file),
        Candidate(11, 10, file),
        Candidate(12, 11, file),
    )

    assert innermost([conda, kernel, shell]) is kernel
    assert innermost([]) is None


def test_a_file_of_the_same_name_elsewhere_is_another(
    runtime: Path, run: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    connection_file(runtime / "kernel-0a9b.json")
    elsewhere = connection_file(tmp_path_factory.mktemp("elsewhere") / "kernel-0a9b.json")
    run(sys.executable, "-c", SLEEPS, "-f", str(elsewhere))

    (kernel,) = found()

    assert kernel.identity is None


def test_ours_and_what_is_no_connection_file_are_left_out(runtime: Path) -> None:
    ours = connection_file(runtime / "kernel-ours.json")
    (runtime / "kernel-garbage.json").write_text("{")

    assert found(ours) == []


def test_the_place_of_vscode_is_looked_at(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "xdg"))
    folder = runtime / "xdg" / "jupyter" / "runtime"
    folder.mkdir(parents=True)
    connection_file(folder / f"kernel-v3{'0a' * 20}.json")

    assert [kernel.origin for kernel in found()] == [Origin.VSCODE]


@pytest.mark.parametrize(
    ("name", "parent", "origin"),
    [
        ("kernel-f9106175-889b-4adf-8518-009392b8022d", 77, Origin.SERVER),
        ("kernel-v30a1b2c3d4e5f60718293a4b5c6d7e8f901234567", 5, Origin.VSCODE),
        ("kernel-0a1b2c3d4e5f", 5, Origin.SPYDER),
        ("kernel-123456789012", 5, Origin.CONSOLE),
        ("kernel-4121", 5, Origin.CONSOLE),
        ("kernel-f9106175-889b-4adf-8518-009392b8022d", 1, Origin.ORPHAN),
        ("kernel-f9106175-889b-4adf-8518-009392b8022d", 5, Origin.UNKNOWN),
        ("kernel-f9106175-889b-4adf-8518-009392b8022d", None, Origin.UNKNOWN),
    ],
)
def test_the_origin_is_told_by_file_and_parent(
    name: str, parent: int | None, origin: Origin
) -> None:
    assert origin_of(name, parent, {77}) is origin


def test_a_kernel_of_a_server_is_not_to_be_asked(runtime: Path, run: Callable[..., int]) -> None:
    (runtime / f"jpserver-{os.getpid()}.json").write_text("{}")
    file = connection_file(runtime / "kernel-f9106175-889b-4adf-8518-009392b8022d.json")
    run(sys.executable, "-c", SLEEPS, "-f", str(file))

    (kernel,) = found()

    assert (kernel.origin, kernel.owner_pid) == (Origin.SERVER, os.getpid())
    assert not kernel.may_be_asked


@pytest.mark.slow
def test_a_kernel_started_by_hand_is_known_by_its_ports(runtime: Path) -> None:
    command = [sys.executable, "-m", "ipykernel_launcher"]
    with subprocess.Popen(
        command,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"JUPYTER_RUNTIME_DIR": str(runtime)},
    ) as kernel:
        try:
            eventually(lambda: [each.identity for each in found() if each.identity], 60)
            (listed,) = found()
            assert listed.identity is not None
            assert (listed.identity.pid, listed.origin) == (kernel.pid, Origin.CONSOLE)
        finally:
            kernel.kill()
