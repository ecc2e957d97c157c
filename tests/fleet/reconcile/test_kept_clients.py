"""Code outlives the dashboard that has sent it, and what it asks reaches the next one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests.kept_client import KeptClient
from kerneltui.fleet.manifests.manifest import Manifest, manifest_path, read_manifest
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.reconcile import kept_clients
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import ROOT, WITHIN, Watched, dismiss_all, install_and_make_haste
from tests.fleet.stage import shown
from tests.support import eventually, waits_for

ASKS_TWICE = """
from tests.fake_kernel import Ask
kernel.cells["pass"] = [Ask("name?"), Ask("age?", password=True)]
"""
ASKS_LATER = """
import os
from kerneltui.protocol.connection import Channel
from tests.fake_kernel import Ask
def steps():
    while not os.path.exists({go!r}):
        kernel.turn((Channel.STDIN, Channel.CONTROL, Channel.HB), patience=10)
    yield Ask("name?")
kernel.cells["later"] = steps()
"""
LEAVES = """
import sys
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.keeper.recording.recording import recording_path
from kerneltui.protocol.status import KernelState
from tests.support import eventually, waits_for
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
    fleet.console.execute(kernel_id, sys.argv[2])
    eventually(lambda: getattr(fleet.console, sys.argv[3]), 60)
except BaseException:
    fleet.shutdown_all()
    raise
finally:
    fleet.close()
print(kernel_id)
"""


class FirstDashboard:
    """A process that the first fleet takes itself for."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._process = subprocess.Popen(["sleep", "1000"])
        identity = identify(self._process.pid)
        assert identity is not None
        self.identity: ProcessIdentity = identity
        self._patch = patch

    def opened(self) -> Fleet:
        """Return a fleet that takes itself for this process."""
        with self._patch.context() as patch:
            patch.setattr(kept_clients, "identify", lambda _pid: self.identity)
            return opened()

    def end(self) -> None:
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
    kernel = Watched(dashboard.opened(), "tiny")
    kernel.wait_for(KernelState.IDLE)
    kernel.run(ASKS_TWICE)
    yield kernel
    dismiss_all(kernel.fleet)
    kernel.fleet.close()


def listening(kernel: Watched) -> Fleet:
    """Return another fleet, once it hears the kernel."""
    fleet = opened()

    def hears() -> bool:
        kernel.run("1")
        return bool(fleet.snapshots and fleet.snapshots[0].executions)

    eventually(hears, WITHIN)
    return fleet


@pytest.fixture
def next_one(asking: Watched) -> Iterator[Fleet]:
    """Another fleet, which listens."""
    fleet = listening(asking)
    yield fleet
    if asking.fleet is not fleet:
        leave(asking, fleet)


@pytest.fixture
def second(asking: Watched, next_one: Fleet) -> Fleet:
    """The other fleet, which has heard that the cell runs."""
    ask(asking)
    eventually(lambda: next_one.snapshots[0].code == "pass", WITHIN)
    return next_one


def leave(kernel: Watched, following: Fleet) -> None:
    """Close the first fleet; the kernel is the following one's to end."""
    kernel.fleet.close()
    kernel.fleet = following


def ask(kernel: Watched) -> None:
    kernel.run("pass")
    eventually(lambda: (found := kept(kernel.now)) and found.prompt, WITHIN)


def ask_later(kernel: Watched, go: Path) -> None:
    """Run a cell that asks once a file is there, and that the manifest tells of."""
    kernel.run(ASKS_LATER.format(go=str(go)))
    kernel.run("later")
    eventually(lambda: kernel.now.code == "later", WITHIN)

    def is_noted() -> bool:
        found, client = kept(kernel.now), kernel.fleet.console.clients.get(kernel.kernel_id)
        return bool(found and client and found.requests == client.requests)

    eventually(is_noted, WITHIN)


def all_kept(shown: KernelSnapshot) -> tuple[KeptClient, ...]:
    return read_manifest(manifest_path(shown.connection_file, shown.kernel_id)).clients


def kept(shown: KernelSnapshot) -> KeptClient | None:
    """Return the one client that is kept."""
    return next(iter(all_kept(shown)), None)


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
    assert found.prompt is not None
    assert (found.prompt.text, found.prompt.password) == ("name?", False)
    assert found.dashboard == dashboard.identity


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
    assert found.dashboard == dashboard.identity


def test_a_dashboard_that_is_locked_takes_no_prompt_over(
    asking: Watched, second: Fleet, dashboard: FirstDashboard
) -> None:
    second.locked = True
    leave(asking, second)
    dashboard.end()

    second.look()

    found = kept(second.snapshots[0])
    assert found is not None
    assert found.dashboard == dashboard.identity


def test_a_dashboard_that_is_locked_while_it_takes_a_prompt_over_leaves_it(
    asking: Watched,
    second: Fleet,
    dashboard: FirstDashboard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leave(asking, second)

    def lock_and_read(path: Path) -> Manifest:
        second.locked = True
        return read_manifest(path)

    monkeypatch.setattr(kept_clients, "read_manifest", lock_and_read)
    dashboard.end()
    eventually(lambda: second.locked, WITHIN)
    second._reconciler.thread.take_turn(WITHIN)  # after the one in which it was locked

    found = kept(second.snapshots[0])
    assert found is not None
    assert found.dashboard == dashboard.identity


def test_code_that_a_dashboard_has_left_asks_the_next_one(
    asking: Watched, next_one: Fleet, dashboard: FirstDashboard, tmp_path: Path
) -> None:
    ask_later(asking, tmp_path / "go")
    leave(asking, next_one)
    dashboard.end()
    eventually(lambda: next_one.console.clients, WITHIN)

    (tmp_path / "go").touch()
    next_one.console.answer(prompt_in(next_one, "name?"), "ana")

    eventually(lambda: (Role.STDOUT, "ana") in asking.shown(), WITHIN)


def test_code_is_left_to_a_dashboard_that_lives(
    asking: Watched, next_one: Fleet, dashboard: FirstDashboard, tmp_path: Path
) -> None:
    ask_later(asking, tmp_path / "go")
    eventually(lambda: next_one.snapshots[0].code == "later", WITHIN)

    next_one.look()

    found = kept(asking.now)
    (tmp_path / "go").touch()
    assert found is not None
    assert found.dashboard == dashboard.identity
    assert prompt_in(asking.fleet, "name?")


def queue_behind(asking: Watched, other: Fleet) -> Fleet:
    """Have code of another fleet wait behind that of the first, which asks; both are noted."""
    ask(asking)
    eventually(lambda: other.snapshots[0].code == "pass", WITHIN)
    other.console.execute(asking.kernel_id, "next")
    eventually(lambda: len(all_kept(asking.now)) == 2, WITHIN)
    return other


@pytest.fixture
def both(asking: Watched, next_one: Fleet) -> Fleet:
    """The other fleet, whose code waits behind that of the first."""
    return queue_behind(asking, next_one)


def test_code_of_two_dashboards_is_in_the_manifest(
    asking: Watched, both: Fleet, dashboard: FirstDashboard
) -> None:
    first, second = all_kept(asking.now)

    assert (first.dashboard, second.dashboard) == (dashboard.identity, identify(os.getpid()))
    assert first.prompt is not None
    assert second.requests == both.console.clients[asking.kernel_id].requests


def test_the_quit_of_one_dashboard_leaves_the_code_of_another_in_the_manifest(
    asking: Watched, both: Fleet, dashboard: FirstDashboard
) -> None:
    before = all_kept(asking.now)

    leave(asking, both)
    dashboard.end()
    both.look()

    assert all_kept(both.snapshots[0]) == before


def test_what_one_dashboard_was_asked_is_answered_by_the_next_beside_a_living_one(
    asking: Watched, next_one: Fleet, dashboard: FirstDashboard
) -> None:
    with contextlib.closing(listening(asking)) as third:
        both = queue_behind(asking, next_one)
        leave(asking, both)
        dashboard.end()

        third.console.answer(prompt_in(third, "name?"), "ana")
        third.console.answer(prompt_in(third, "age?"), "7")

        eventually(lambda: asking.kernel_id not in both.console.clients, WITHIN)
        eventually(lambda: not all_kept(both.snapshots[0]), WITHIN)


@contextlib.contextmanager
def left_behind(kernel_name: str, code: str, until: str) -> Iterator[str]:
    """Yield the id of a kernel that runs what a dashboard has sent that is gone.

    `until`: the attribute of its console that tells that it may go.
    """
    first = subprocess.run(
        [sys.executable, "-c", LEAVES, kernel_name, code, until],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    try:
        yield first.stdout.strip()
    finally:
        with contextlib.closing(opened()) as last:
            last.shutdown_all()


def printed(fleet: Fleet, kernel_id: str, text: str) -> bool:
    transcript = fleet.transcript(kernel_id)
    return transcript is not None and (Role.STDOUT, text) in shown(transcript.view())


@pytest.mark.slow
@pytest.mark.parametrize("kernel_name", ["python3", "xpython"])
def test_real_kernels_are_answered_by_the_next_dashboard(kernel_name: str) -> None:
    code = "print(input('name? '), input('age? '))"
    with (
        left_behind(kernel_name, code, "prompts") as kernel_id,
        contextlib.closing(opened()) as fleet,
    ):
        fleet.console.answer(prompt_in(fleet, "name?"), "ana")
        fleet.console.answer(prompt_in(fleet, "age?"), "7")

        eventually(lambda: printed(fleet, kernel_id, "ana 7"), WITHIN)


@pytest.mark.slow
def test_what_was_asked_while_no_dashboard_was_there_is_answered_by_the_next(
    tmp_path: Path,
) -> None:
    go, there = tmp_path / "go", tmp_path / "there"
    code = f"""{waits_for(go)}
import getpass, pathlib
pathlib.Path({str(there)!r}).touch()
print(getpass.getpass('word? '), input('age? '))"""
    with left_behind("python3", code, "clients") as kernel_id:
        go.touch()
        eventually(there.exists, WITHIN)
        with contextlib.closing(opened()) as fleet:
            prompt = prompt_in(fleet, "word?")
            fleet.console.answer(prompt, "open")
            fleet.console.answer(prompt_in(fleet, "age?"), "7")

            eventually(lambda: printed(fleet, kernel_id, "open 7"), WITHIN)
            assert prompt.password
