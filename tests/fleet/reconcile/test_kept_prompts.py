"""What a cell asks outlives the dashboard that was asked, and the next one can answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests.kept_prompt import KeptPrompt
from kerneltui.fleet.manifests.manifest import manifest_path, read_manifest
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.reconcile import kept_prompts
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import ROOT, WITHIN, Watched, dismiss_all, install_and_make_haste
from tests.fleet.stage import shown
from tests.support import eventually

ASKS_TWICE = """
from tests.fake_kernel import Ask
kernel.cells["pass"] = [Ask("name?"), Ask("age?", password=True)]
"""
LEFT_ASKING = """
import sys
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.recording.recording import recording_path
from kerneltui.protocol.status import KernelState
from tests.support import eventually
def is_recorded():
    fleet.console.complete(kernel_id, "pri", 3).result(60)
    recording = recording_path(fleet.snapshots[0].connection_file, kernel_id)
    return recording.exists() and b"complete_request" in recording.read_bytes()
fleet = Fleet()
fleet.open()
try:
    kernel_id = fleet.start(sys.argv[1], cwd="")
    eventually(lambda: fleet.snapshots[0].state is KernelState.IDLE, 60)
    eventually(is_recorded, 60)
    fleet.console.execute(kernel_id, "print(input('name? '), input('age? '))")
    eventually(lambda: kernel_id in fleet.console.prompts, 60)
except BaseException:
    fleet.shutdown_all()
    raise
finally:
    fleet.close()
print(kernel_id)
"""


class FirstDashboard:
    """A process that the first fleet takes itself for until it ends."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._process = subprocess.Popen(["sleep", "1000"])
        identity = identify(self._process.pid)
        assert identity is not None
        self.identity: ProcessIdentity = identity
        self._patch = patch
        patch.setattr(kept_prompts, "identify", lambda _pid: identity)

    def end(self) -> None:
        self._patch.setattr(kept_prompts, "identify", identify)
        self._process.kill()
        self._process.wait()


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[FirstDashboard]:
    dashboard = FirstDashboard(monkeypatch)
    yield dashboard
    dashboard.end()


def opened() -> Fleet:
    fleet = Fleet()
    fleet.open()
    return fleet


@pytest.fixture
def asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dashboard: FirstDashboard
) -> Iterator[Watched]:
    """A kernel whose cell asks for a name, as `dashboard` shows; its manifest tells."""
    install_and_make_haste(tmp_path, monkeypatch)
    assert dashboard.identity.is_alive()
    kernel = Watched(opened(), "tiny")
    kernel.wait_for(KernelState.IDLE)
    kernel.run(ASKS_TWICE)
    yield kernel
    dismiss_all(kernel.fleet)
    kernel.fleet.close()


@pytest.fixture
def second(asking: Watched) -> Iterator[Fleet]:
    """Another fleet, which has heard that the cell runs."""
    fleet = opened()

    def hears() -> bool:
        asking.run("1")
        return bool(fleet.snapshots) and fleet.snapshots[0].executions > 0

    try:
        eventually(hears, WITHIN)
        ask(asking)
        eventually(lambda: fleet.snapshots[0].code == "pass", WITHIN)
        yield fleet
    finally:
        if asking.fleet is not fleet:
            leave(asking, fleet)


def leave(kernel: Watched, following: Fleet) -> None:
    """Close the first fleet; the kernel is the following one's to end."""
    kernel.fleet.close()
    kernel.fleet = following


def ask(kernel: Watched) -> None:
    kernel.run("pass")
    eventually(lambda: kept(kernel.now) is not None, WITHIN)


def kept(shown: KernelSnapshot) -> KeptPrompt | None:
    return read_manifest(manifest_path(shown.connection_file, shown.kernel_id)).prompt


def prompt_in(fleet: Fleet, text: str) -> Prompt:
    """Wait until a fleet shows a prompt, and return it."""

    def is_shown() -> bool:
        return text in [each.text.strip() for each in fleet.console.prompts.values()]

    eventually(is_shown, WITHIN)
    (prompt,) = fleet.console.prompts.values()
    return prompt


def test_what_a_cell_asks_is_in_its_manifest(asking: Watched, dashboard: FirstDashboard) -> None:
    ask(asking)

    found = kept(asking.now)
    assert found is not None
    assert (found.text, found.password, found.asker) == ("name?", False, dashboard.identity)


def test_what_is_answered_is_in_the_manifest_no_longer(asking: Watched) -> None:
    ask(asking)

    asking.fleet.console.answer(prompt_in(asking.fleet, "name?"), "ana")
    asking.fleet.console.answer(prompt_in(asking.fleet, "age?"), "7")

    eventually(lambda: kept(asking.now) is None, WITHIN)


def test_the_next_dashboard_answers_what_the_first_was_asked(
    asking: Watched, second: Fleet, dashboard: FirstDashboard
) -> None:
    leave(asking, second)
    dashboard.end()

    second.console.answer(prompt_in(second, "name?"), "ana")

    assert prompt_in(second, "age?").password


def test_a_prompt_is_left_to_a_dashboard_that_lives(
    asking: Watched, second: Fleet, dashboard: FirstDashboard
) -> None:
    second.look()

    found = kept(asking.now)
    assert found is not None
    assert found.asker == dashboard.identity


def test_a_dashboard_that_is_locked_takes_no_prompt_over(
    asking: Watched, second: Fleet, dashboard: FirstDashboard
) -> None:
    second.locked = True
    leave(asking, second)
    dashboard.end()

    second.look()

    found = kept(second.snapshots[0])
    assert found is not None
    assert found.asker == dashboard.identity


@pytest.mark.slow
@pytest.mark.parametrize("kernel_name", ["python3", "xpython"])
def test_real_kernels_are_answered_by_the_next_dashboard(kernel_name: str) -> None:
    first = subprocess.run(
        [sys.executable, "-c", LEFT_ASKING, kernel_name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    kernel_id = first.stdout.strip()
    fleet = opened()
    try:
        fleet.console.answer(prompt_in(fleet, "name?"), "ana")
        fleet.console.answer(prompt_in(fleet, "age?"), "7")

        transcript = fleet.transcript(kernel_id)
        assert transcript is not None
        eventually(lambda: (Role.STDOUT, "ana 7") in shown(transcript.view()), WITHIN)
    finally:
        fleet.shutdown_all()
        fleet.close()
