"""A process may have no more memory than its control group, those around it, and the host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kerneltui.fleet.diagnosis.death import NO_MEMORY, MemoryAtEnd
from kerneltui.fleet.inspection import memory_watch
from kerneltui.fleet.inspection.memory_group import MemoryGroup, memory_group, parse_memory_group
from kerneltui.fleet.inspection.memory_watch import MemoryWatch
from kerneltui.fleet.model.snapshot import Usage

HOST = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
VERSION_1 = "9:name=systemd:/\n4:cpu,memory:/jobs/one\n0::/\n"
VERSION_2 = "0::/jobs/one\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("text", "files", "limit"),
    [
        (VERSION_2, {"jobs/one/memory.max": "max\n", "jobs/memory.max": "4096\n"}, 4096),
        (VERSION_2, {"jobs/one/memory.max": "1024\n", "jobs/memory.max": "4096\n"}, 1024),
        (VERSION_2, {"memory.max": "4096\n"}, 4096),
        (VERSION_2, {"jobs/one/memory.max": "9" * 18}, HOST),
        (VERSION_2, {"jobs/one/memory.max": "nonsense"}, HOST),
        (VERSION_1, {"memory/jobs/one/memory.limit_in_bytes": "4096\n"}, 4096),
        (VERSION_1, {"memory/jobs/one/memory.limit_in_bytes": "9223372036854771712\n"}, HOST),
        ("0::/../elsewhere\n", {"memory.max": "4096\n"}, 4096),
        ("", {"memory.max": "4096\n"}, HOST),
        ("what is this", {}, HOST),
    ],
)
def test_the_lowest_limit_around_a_process_holds(
    tmp_path: Path, text: str, files: dict[str, str], limit: int
) -> None:
    write(tmp_path, files)

    assert parse_memory_group(text, tmp_path).limit() == limit


@pytest.mark.parametrize(
    ("text", "file"),
    [(VERSION_2, "jobs/one/memory.events"), (VERSION_1, "memory/jobs/one/memory.oom_control")],
)
def test_kills_for_memory_are_counted_in_the_group_itself(
    tmp_path: Path, text: str, file: str
) -> None:
    write(tmp_path, {file: "oom 3\noom_kill 2\noom_group_kill 7\n"})

    assert parse_memory_group(text, tmp_path).oom_kills() == 2


def test_the_group_of_this_very_process_has_a_limit() -> None:
    assert 0 < (memory_group(os.getpid()).limit() or 0) <= HOST


# -- what a kernel had ----


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, {"memory.max": "4096\n", "memory.events": "oom_kill 5\n"})
    found = MemoryGroup((tmp_path,), "memory.max", "memory.events")
    monkeypatch.setattr(memory_watch, "memory_group", lambda _pid: found)
    monkeypatch.setattr(memory_watch, "EVERY", 0.0)
    return tmp_path


def test_what_a_kernel_had_last_is_known_at_its_end(group: Path) -> None:
    watch = MemoryWatch()
    watch.look({"k1": 7}, {"k1": Usage(0.0, 1000, 1)}, ["k1"])
    watch.look({"k1": 7}, {"k1": Usage(0.0, 4000, 1)}, ["k1"])
    write(group, {"memory.events": "oom_kill 6\n"})

    assert watch.at_end("k1", 7) == MemoryAtEnd((1000, 4000), 4096, 1)


@pytest.mark.usefixtures("group")
def test_of_another_process_and_of_one_forgotten_nothing_is_known() -> None:
    watch = MemoryWatch()
    watch.look({"k1": 7, "k2": 8}, {"k1": Usage(0.0, 1000, 1)}, ["k1", "k2"])
    watch.look({}, {}, ["k1"])

    assert (watch.at_end("k1", 9), watch.at_end("k2", 8)) == (NO_MEMORY, NO_MEMORY)
    assert watch.at_end("k1", 7).samples == (1000,)
