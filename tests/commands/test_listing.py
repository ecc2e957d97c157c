"""Which kernel is meant, and how kernels are listed."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from kerneltui.commands.listing import Listed, find, list_all
from kerneltui.commands.probe import Probe
from kerneltui.commands.ps import filter_of, to_json, to_table
from kerneltui.errors import NoSuchKernel
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.filters import FilterError
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.protocol.status import KernelState
from tests.fake_kernel import FakeKernel, file_in
from tests.fleet.written_manifests import write_manifest
from tests.support import PATIENCE

NOW = 1.7e9
TRAIN = Listed(
    id="b7c1e0aa-1",
    name="train",
    kernelspec="python3",
    pid=4121,
    state="busy",
    memory=11 << 30,
    cpu_time=812.4,
    started_at=NOW - 5400,
    cwd="/home/ana",
    connection_file="/run/kernel-b7c1e0aa-1.json",
    origin="kerneltui",
    condition=Word.BUSY,
    since=NOW - 720,
)
ETL = replace(
    TRAIN,
    id="b7c19999-2",
    name="etl",
    pid=None,
    state="dead",
    condition=Word.DIED,
    since=None,
    memory=None,
    cpu_time=None,
)


@pytest.mark.parametrize("word", ["train", "4121", "b7c1e", "b7c1e0aa-1"])
def test_a_kernel_is_meant_by_name_pid_or_beginning_of_its_id(word: str) -> None:
    assert find([TRAIN, ETL], word) is TRAIN


@pytest.mark.parametrize("word", ["b7c1", "none", "", "None"])
def test_what_means_none_or_several_is_refused(word: str) -> None:
    with pytest.raises(NoSuchKernel):
        find([TRAIN, ETL], word)


def test_an_ambiguous_word_lists_what_it_may_mean() -> None:
    with pytest.raises(NoSuchKernel) as refused:
        find([TRAIN, ETL], "b7c1")

    assert (
        "train b7c1e0aa (pid 4121), etl b7c19999 (pid -); nothing was done" in refused.value.args[0]
    )


def test_the_table_has_a_line_for_each_kernel() -> None:
    here = replace(ETL, cwd=str(Path.home() / "work"))
    assert to_table([TRAIN, here], NOW).splitlines() == [
        "ID      NAME   SPEC      PID  STATE       MEM  TIME  AGE  ORIGIN     FOLDER",
        "b7c1e0  train  python3  4121  busy 12m  11.0G   13m   1h  kerneltui  /home/ana",
        "b7c199  etl    python3     -  died          -     -   1h  kerneltui  ~/work",
    ]


def test_the_home_of_this_host_shortens_no_folder_of_another() -> None:
    there = replace(ETL, id="box:b7c19999-2", host="box", cwd=str(Path.home() / "work"))

    assert to_table([there], NOW).endswith(there.cwd)


def test_the_table_ends_with_the_total_of_what_lives() -> None:
    other = replace(TRAIN, id="b7c18888-3", name="other", memory=1 << 30, cpu_time=120.0)

    lines = to_table([TRAIN, other, ETL], NOW).splitlines()

    assert lines[-1].split() == ["total", "2", "living", "12.0G", "15m"]


def test_the_total_counts_kernels_whose_memory_is_not_told() -> None:
    served = replace(TRAIN, id="b7c18888-3", name="served", memory=None, cpu_time=None)

    lines = to_table([TRAIN, served, ETL], NOW).splitlines()

    assert lines[-1].split() == ["total", "2", "living", "11.0G", "13m"]


def test_the_total_leaves_out_what_is_not_heard() -> None:
    lost = replace(TRAIN, id="b7c18888-3", name="lost", unheard_since=NOW - 40)
    other = replace(TRAIN, id="b7c17777-3", name="other")

    lines = to_table([TRAIN, lost, other], NOW).splitlines()

    assert lines[-1].split() == ["total", "2", "living", "22.0G", "27m"]


def test_a_line_fits_the_terminal() -> None:
    assert to_table([TRAIN], NOW, width=40).splitlines() == [
        "ID      NAME   SPEC      PID  STATE    …",
        "b7c1e0  train  python3  4121  busy 12m …",
    ]


def test_json_has_every_field() -> None:
    (told,) = json.loads(to_json([TRAIN]))

    untold = {"kind": TRAIN.kind, "identity": None, "found": None, "pending": ""}
    assert told | untold == asdict(TRAIN)
    assert told.keys() & untold.keys() == set()


@pytest.mark.parametrize(
    ("words", "passing"),
    [
        ([], "train etl"),
        (["state:busy", "mem:>1G"], "train"),
        (["state:busy mem:>1G"], "train"),
        (["up:>1h"], "train"),
        (["!busy"], "etl"),
        (["name:etl", "spec:python"], "etl"),
    ],
)
def test_a_filter_means_what_it_means_in_the_dashboard(words: list[str], passing: str) -> None:
    wanted = filter_of(words)

    assert [each.name for each in (TRAIN, ETL) if wanted.passes(each, NOW)] == passing.split()


def test_a_filter_by_what_only_a_dashboard_knows_is_refused() -> None:
    with pytest.raises(FilterError, match="no field 'runs'"):
        filter_of(["runs:>0"])


def test_json_tells_what_a_kernel_does_in_the_words_of_the_dashboard() -> None:
    (told,) = json.loads(to_json([TRAIN]))

    keys = "condition since sentence code cpu_percent children zombies answers waits_for_input"
    assert {key: told[key] for key in f"{keys} last_activity".split()} == {
        "condition": "busy",
        "since": NOW - 720,
        "sentence": None,
        "code": None,
        "cpu_percent": None,
        "children": None,
        "zombies": None,
        "answers": None,
        "waits_for_input": None,
        "last_activity": None,
    }


@pytest.mark.parametrize(
    "name", ["x" * 230, os.fsdecode(b"caf\xe9"), "a\x1b[2Jb"], ids=["long", "latin-1", "escape"]
)
def test_a_path_is_listed_as_it_is_whatever_a_screen_would_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / name))
    file, cwd = str(tmp_path / name / "kernel-k1.json"), str(tmp_path / name)
    gone = ProcessIdentity(2**22 + 1, 1, "another boot")
    write_manifest(Manifest("k1", "k", "python3", file, cwd, (), time.time(), gone))

    (found,) = list_all()

    assert (found.connection_file, found.cwd) == (file, cwd)
    (told,) = json.loads(to_json([found]))
    assert told["connection_file"] == file
    assert "\x1b" not in to_table([found], NOW)


def test_an_idle_kernel_is_not_busy_though_it_replies_on_shell_a_little_later(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(short_path))

    def hear_too_early(probe: Probe) -> dict[str, KernelState]:
        """Take in the reply on control; the one on shell comes when nobody listens."""
        probe._take_in(probe._control.hear(PATIENCE), ())
        assert probe._shell._open["fake"].request._socket.poll(int(1000 * PATIENCE))
        return probe.states

    monkeypatch.setattr(Probe, "hear", hear_too_early)
    with FakeKernel(file_in(short_path)) as kernel, Probe() as probe:
        here, file = identify(os.getpid()), kernel.connection_file
        write_manifest(Manifest("fake", "k", "python3", file, "/", (), time.time(), here))

        (found,) = list_all(probe)

    assert found.state == "idle"


def test_a_kernel_whose_process_is_gone_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    file = str(tmp_path / "kernel-k1.json")
    gone = ProcessIdentity(2**22 + 1, 1, "another boot")
    write_manifest(Manifest("k1", "a\x1b[2Jb", "python3", file, "/", (), time.time(), gone))

    (found,) = list_all()

    assert (found.state, found.condition, found.pid, found.name) == ("dead", "died", None, "ab")
