"""What a kernel's tree uses is told for the whole tree, in steps that a quiet one does not take."""

from __future__ import annotations

import itertools
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator

import psutil
import pytest

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.inspection import usage
from kerneltui.fleet.inspection.memory import memory_of
from kerneltui.fleet.inspection.usage import UsageSampler, period_for, told
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.threads import periodic
from tests.fleet.inspection.sleepers import sleeps
from tests.support import eventually

QUIET = "sleep 1000"
FAMILY = "sleep 1000 & sleep 1000 & wait"
WITH_A_ZOMBIE = "sleep 0 & exec sleep 1000"
SPINNING = "while :; do :; done"


class Trees:
    """Process trees by name, and a sampler of them all."""

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}
        self.changes: list[dict[str, Usage]] = []
        self.sampler = UsageSampler(lambda: self.pids, self.note)
        self._popens: list[subprocess.Popen[bytes]] = []

    def grow(self, name: str, script: str) -> psutil.Process:
        popen = subprocess.Popen(["sh", "-c", script], start_new_session=True)
        self._popens.append(popen)
        self.pids[name] = popen.pid
        return psutil.Process(popen.pid)

    def sample(self, now: float) -> dict[str, Usage]:
        """Return what the trees use, and have it known to the next sample."""
        self.sampler.usage = used = self.sampler.sample(now)
        return used

    def note(self) -> None:
        self.changes.append(dict(self.sampler.usage))

    def fell(self) -> None:
        for popen in self._popens:
            if popen.poll() is None:
                os.killpg(popen.pid, signal.SIGKILL)
            popen.wait()


@pytest.fixture
def trees(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trees]:
    monkeypatch.setattr(usage, "_SHARED_BUDGET", math.inf)
    trees = Trees()
    yield trees
    trees.fell()


def has_children(process: psutil.Process, count: int) -> Callable[[], bool]:
    """Tell whether so many children sleep, and their parent waits."""
    return lambda: (
        [sleeps(child) for child in process.children()] == [True] * count
        and process.status() == psutil.STATUS_SLEEPING
    )


def test_usage_is_of_the_process_and_its_children(trees: Trees) -> None:
    root = trees.grow("k1", FAMILY)
    eventually(has_children(root, 2))

    used = trees.sample(time.monotonic())["k1"]

    pids = [each.pid for each in (root, *root.children())]
    assert used.processes == 3
    assert used.rss == memory_of(pids, is_forked=False) // 2**20 * 2**20


def test_only_the_kernel_that_is_looked_at_closely_tells_its_share(trees: Trees) -> None:
    for name in ("k1", "k2"):
        trees.pids[name] = os.getpid()
    trees.sampler.detailed = "k2"

    used = trees.sample(time.monotonic())

    assert (used["k1"].pss is None, used["k2"].pss is None) == (True, False)


def test_the_memory_of_a_single_process_is_what_is_resident(trees: Trees) -> None:
    root = trees.grow("k1", f"exec {QUIET}")
    eventually(lambda: sleeps(root))

    used = trees.sample(time.monotonic())["k1"]

    assert used.rss == root.memory_info().rss // 2**20 * 2**20


def test_what_forked_processes_share_counts_once(trees: Trees) -> None:
    size = 60 << 20
    code = f'import os, time; x = b"x" * {size}; os.fork(), os.fork(); time.sleep(1000)'
    root = trees.grow("k1", f"exec {sys.executable} -c '{code}'")
    eventually(lambda: len(root.children(recursive=True)) == 3)

    used = trees.sample(time.monotonic())["k1"]

    assert used.processes == 4
    assert size < used.rss < 2 * size


def test_what_processes_share_is_looked_at_seldom(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def count(pids: Collection[int], *, is_forked: bool) -> int:
        assert not is_forked
        looks.append(len(pids))
        return 0

    monkeypatch.setattr(usage, "memory_of", count)
    eventually(has_children(trees.grow("k1", FAMILY), 2))
    now = time.monotonic()

    for seconds in range(25):
        trees.sample(now + seconds)

    assert looks == [3, 3, 3]


def test_a_process_that_grows_is_seen_before_shared_memory_is_looked_at_again(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = trees.grow("k1", FAMILY)
    eventually(has_children(root, 2))
    now = time.monotonic()
    trees.sample(now)

    monkeypatch.setattr(usage, "read_resident", lambda _pid: 500 << 20)

    assert trees.sample(now + 1)["k1"].rss == 500 << 20


def test_a_kernel_that_was_forked_takes_its_share_and_what_it_has_taken_since(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = trees.grow("k1", f"exec {QUIET}")
    eventually(lambda: sleeps(root))
    monkeypatch.setattr(usage, "is_forked", lambda _process: True)
    monkeypatch.setattr(usage, "memory_of", lambda _pids, **_forked: 20 << 20)
    resident = [51 << 20]
    monkeypatch.setattr(usage, "read_resident", lambda _pid: resident[0])
    now = time.monotonic()
    before = trees.sample(now)["k1"].rss

    resident[0] += 100 << 20

    assert (before, trees.sample(now + 1)["k1"].rss) == (20 << 20, 120 << 20)


def test_what_processes_share_is_looked_at_no_longer_than_a_look_may_take(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "_SHARED_BUDGET", 0.0)
    root = trees.grow("k1", FAMILY)
    eventually(has_children(root, 2))

    used = trees.sample(time.monotonic())["k1"]

    largest = max(each.memory_info().rss for each in (root, *root.children()))
    assert used.rss == largest // 2**20 * 2**20


@pytest.mark.parametrize(
    ("cost", "period"), [(0.0, 1.0), (0.03, 1.0), (0.06, 2.0), (0.3, 10.0), (5.0, 10.0)]
)
def test_looks_that_take_long_are_taken_less_often(cost: float, period: float) -> None:
    assert period_for(cost) == pytest.approx(period)


def test_a_kernel_inside_a_kernel_counts_for_itself_alone(trees: Trees) -> None:
    root = trees.grow("outer", FAMILY)
    eventually(has_children(root, 2))
    trees.pids["inner"] = root.children()[0].pid

    used = trees.sample(time.monotonic())

    assert {name: each.processes for name, each in used.items()} == {"outer": 2, "inner": 1}


def test_a_child_that_has_ended_counts_as_a_zombie(trees: Trees) -> None:
    root = trees.grow("k1", WITH_A_ZOMBIE)
    eventually(lambda: [each.status() for each in root.children()] == [psutil.STATUS_ZOMBIE])

    used = trees.sample(time.monotonic())["k1"]
    assert (used.processes, used.zombies) == (1, 1)


def test_a_quiet_tree_is_told_alike(trees: Trees) -> None:
    eventually(has_children(trees.grow("k1", FAMILY), 2))
    seconds = itertools.count(time.monotonic())

    def is_told_alike() -> bool:
        first, second = trees.sample(next(seconds)), trees.sample(next(seconds))
        return first == second and first["k1"].cpu == 0

    eventually(is_told_alike)  # once its processes have started and are quiet


def test_cpu_is_seconds_used_per_second(trees: Trees) -> None:
    root = trees.grow("k1", SPINNING)
    now = time.monotonic()
    trees.sample(now)
    before = sum(root.cpu_times()[:2])
    eventually(lambda: sum(root.cpu_times()[:2]) > before + 0.1)

    used = trees.sample(now + 0.5)["k1"]

    assert used.cpu >= 0.2


@pytest.mark.parametrize(("load", "cpu"), [(0.0099, 0.0), (0.0202, 0.02), (1.2345, 1.23)])
def test_a_single_clock_tick_is_no_use_of_a_processor(load: float, cpu: float) -> None:
    assert told(load) == cpu


def test_a_stopped_process_is_told_until_it_goes_on(trees: Trees) -> None:
    def is_stopped() -> bool:
        return trees.sample(time.monotonic())["k1"].process is ProcessState.STOPPED

    root = trees.grow("k1", FAMILY)
    eventually(has_children(root, 2))
    root.children()[0].suspend()
    assert not is_stopped()

    root.suspend()
    eventually(is_stopped)
    root.resume()

    eventually(lambda: not is_stopped())


def test_what_lasts_is_told_with_its_beginning(trees: Trees) -> None:
    root = trees.grow("k1", f"exec {QUIET}")
    eventually(lambda: sleeps(root))

    def look(now: float) -> Usage:
        return trees.sample(now)["k1"]

    begin = time.monotonic() + 10
    assert (look(begin).quiet_since, look(begin + 1).quiet_since) == (begin, begin)
    root.suspend()
    eventually(lambda: root.status() == psutil.STATUS_STOPPED)
    assert (look(begin + 2).process_since, look(begin + 3).process_since) == (begin + 2, begin + 2)


def test_how_long_a_process_was_stopped_before_the_first_look_is_not_known(trees: Trees) -> None:
    root = trees.grow("k1", QUIET)
    root.suspend()
    eventually(lambda: root.status() == psutil.STATUS_STOPPED)

    begin = time.monotonic()
    looks = [trees.sample(begin + each)["k1"] for each in (0, 1)]
    assert [each.process_since for each in looks] == [None, None]
    assert [each.process_seen_since for each in looks] == [begin, begin]


def test_a_tree_that_works_is_not_quiet_and_its_children_are_told_apart(trees: Trees) -> None:
    trees.grow("alone", SPINNING)
    trees.grow("parent", f"({SPINNING}) & exec sleep 1000")

    def told(kernel: str) -> tuple[bool, bool]:
        used = trees.sample(time.monotonic())[kernel]
        return used.quiet_since is None, used.children_busy

    eventually(lambda: told("alone") == (True, False))
    eventually(lambda: told("parent") == (True, True))


def test_each_kernel_has_its_own_usage(trees: Trees) -> None:
    trees.grow("quiet", f"exec {QUIET}")
    eventually(has_children(trees.grow("family", FAMILY), 2))

    used = trees.sample(time.monotonic())

    assert {name: each.processes for name, each in used.items()} == {"quiet": 1, "family": 3}


def test_a_kernel_that_is_gone_uses_nothing(trees: Trees) -> None:
    trees.grow("k1", QUIET)
    trees.fell()

    assert trees.sample(time.monotonic())["k1"] == Usage(0, 0, 0, (0.0,) * usage.RECENT)


def test_without_kernels_no_process_is_read(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "look_at_all", None)

    assert trees.sample(time.monotonic()) == {}


def test_only_a_change_is_told(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "INTERVAL", 0.01)
    trees.sampler = UsageSampler(lambda: trees.pids, trees.note)
    samples = iter([{"k1": Usage(0, 1, 1)}] * 3 + [{"k1": Usage(0, 2, 1)}])
    monkeypatch.setattr(trees.sampler, "sample", lambda _now: next(samples, {}))

    trees.sampler.start()
    eventually(lambda: len(trees.changes) == 3)
    trees.sampler.stop()

    assert trees.changes == [{"k1": Usage(0, 1, 1)}, {"k1": Usage(0, 2, 1)}, {}]


def test_the_latest_loads_are_told_the_oldest_first(trees: Trees) -> None:
    trees.grow("k1", QUIET)
    trees.sampler.usage = {"k1": Usage(0, 0, 1, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8))}

    recent = trees.sample(time.monotonic())["k1"].recent

    assert recent == (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.0)
