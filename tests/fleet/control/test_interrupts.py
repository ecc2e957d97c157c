"""Before an interrupt: what speaks against it. After it: what is said where it has no effect."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.control import interrupts
from kerneltui.fleet.control.interrupts import (
    Reaction,
    ask_for_effect,
    parse_reaction,
    read_reaction,
    warning,
    without_effect,
)
from kerneltui.fleet.control.ladder import Rung
from kerneltui.fleet.discovery.attach import attach_process
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity
from tests.fake_kernel import FakeKernel, file_in
from tests.support import PATIENCE, eventually

NOTHING, SIGINT = "0000000000000000", "0000000000000002"
AFTER = "train is still busy 2 s after"
STOPPED = "it is stopped: it is continued first, and then pending signals take effect"
NATIVE = "native code notices it only when it returns"


def status(state: str = "S (sleeping)", ign: str = NOTHING, cgt: str = NOTHING) -> str:
    return f"Name:\tpython\nState:\t{state}\nSigBlk:\t{NOTHING}\nSigIgn:\t{ign}\nSigCgt:\t{cgt}\n"


@pytest.mark.parametrize(
    ("text", "reaction"),
    [
        (status(cgt=SIGINT), Reaction(by_message=False, catches=True)),
        (status(), Reaction(by_message=False, would_end=True)),
        (status(ign=SIGINT), Reaction(by_message=False, ignores=True)),
        (
            status("T (stopped)", cgt=SIGINT),
            Reaction(by_message=False, is_stopped=True, catches=True),
        ),
        (
            status("t (tracing stop)", cgt=SIGINT),
            Reaction(by_message=False, is_stopped=True, catches=True),
        ),
        (
            f"SigBlk:\t{SIGINT}\nSigCgt:\t{SIGINT}\n",
            Reaction(by_message=False, blocks=True, catches=True),
        ),
        ("", Reaction(by_message=False)),
    ],
)
def test_a_status_tells_what_a_process_does_with_sigint(text: str, reaction: Reaction) -> None:
    assert parse_reaction(text, by_message=False) == reaction


@pytest.mark.parametrize(
    ("command", "would_end"),
    [
        (["/usr/bin/python3", "-m", "xpython_launcher", "-f", "x.json"], True),
        (["/opt/xeus/bin/xpython", "-f", "x.json"], True),
        (["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "/home/xpython.json"], False),
    ],
)
def test_a_program_whose_handler_leaves_is_ended_by_sigint(
    command: list[str], would_end: bool
) -> None:
    assert parse_reaction(status(cgt=SIGINT), command, by_message=False).would_end is would_end


@pytest.mark.parametrize(
    ("reaction", "said"),
    [
        (Reaction(by_message=False), ""),
        (Reaction(by_message=False, ignores=True), ""),  # an idle ipykernel does
        (Reaction(by_message=True, would_end=True), ""),
        (
            Reaction(by_message=False, would_end=True),
            "it does not survive SIGINT: an interrupt would end it",
        ),
        (
            Reaction(by_message=True, is_stopped=True),
            STOPPED,
        ),
        (
            Reaction(by_message=False, is_stopped=True, would_end=True),
            f"{STOPPED}; it does not survive SIGINT: an interrupt would end it",
        ),
    ],
)
def test_a_warning_says_what_an_interrupt_would_do(reaction: Reaction, said: str) -> None:
    assert warning(reaction) == said


@pytest.mark.parametrize(
    ("reaction", "said"),
    [
        (
            Reaction(by_message=False, ignores=True),
            f"{AFTER} SIGINT to its process group: its process ignores SIGINT",
        ),
        (
            Reaction(by_message=False, blocks=True),
            f"{AFTER} SIGINT to its process group: its process blocks SIGINT",
        ),
        (
            Reaction(by_message=True),
            f"{AFTER} SIGINT to its process group: {NATIVE}",
        ),
    ],
)
def test_an_interrupt_without_effect_is_told_with_its_cause(reaction: Reaction, said: str) -> None:
    assert without_effect("train", reaction, Rung.GROUP) == said


@pytest.fixture
def run() -> Iterator[Callable[[str], int]]:
    """Run a shell script that becomes `sleep`, where SIGINT is at its default; return its pid."""
    pids: list[int] = []

    def run(script: str) -> int:
        command = ["sh", "-c", f"{script} exec sleep 1000"]
        pids.append(os.posix_spawnp("sh", command, os.environ, setsigdef=[signal.SIGINT]))
        return pids[-1]

    yield run
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_process_that_ignores_sigint_is_seen(run: Callable[[str], int]) -> None:
    pid = run("trap '' INT;")

    eventually(lambda: read_reaction(pid, by_message=False).ignores)


def test_a_process_that_sigint_would_end_is_seen(run: Callable[[str], int]) -> None:
    pid = run("")

    eventually(lambda: read_reaction(pid, by_message=False).would_end)


def test_a_stopped_process_is_seen(run: Callable[[str], int]) -> None:
    pid = run("kill -STOP $$;")

    eventually(lambda: read_reaction(pid, by_message=False).is_stopped)


def test_nothing_is_known_of_a_process_that_is_not_seen() -> None:
    assert read_reaction(None, by_message=True) == Reaction(by_message=True)


# -- a kernel that has not been heard ----

MESSAGE = Reaction(by_message=True)


@pytest.fixture
def kernel(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKernel]:
    monkeypatch.setattr(interrupts, "PATIENCE", PATIENCE)
    with FakeKernel(file_in(short_path)) as kernel:
        yield kernel


def attached(kernel: FakeKernel, identity: ProcessIdentity | None = None) -> KernelManager:
    manager = KernelManager()
    manager.load_connection_file(kernel.connection_file)
    attach_process(manager, identity)
    return manager


def test_a_kernel_that_is_free_afterwards_needs_no_word(kernel: FakeKernel) -> None:
    assert ask_for_effect("train", MESSAGE, Rung.MESSAGE, attached(kernel)) == ""


def test_a_kernel_that_is_busy_afterwards_is_told(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "PATIENCE", 0.05)
    kernel.hold("kernel_info_request")

    said = ask_for_effect("train", MESSAGE, Rung.MESSAGE, attached(kernel))

    assert said.startswith("train is still busy 0 s after an interrupt message")


def test_that_a_kernel_has_ended_is_told(kernel: FakeKernel) -> None:
    kernel.hold("kernel_info_request")
    gone = ProcessIdentity(1, 1, "before")

    said = ask_for_effect("train", MESSAGE, Rung.MESSAGE, attached(kernel, gone))

    assert said == "train has ended after the interrupt"
