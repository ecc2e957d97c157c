"""What a kernel is adopted by: whole, private, and without a value of the environment."""

from __future__ import annotations

import json
import math
import os
import signal
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from jupyter_client.connect import find_connection_file as peers_find_connection_file

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.crash import Crash
from kerneltui.fleet.diagnosis.death import Death, MemoryAtEnd, Sent, conclude
from kerneltui.fleet.diagnosis.stack import Frame
from kerneltui.fleet.keeper.recording.recording import recording_path
from kerneltui.fleet.manifests import manifest as manifest_module
from kerneltui.fleet.manifests.kept_client import KeptClient, KeptPrompt
from kerneltui.fleet.manifests.manifest import Manifest, find_manifests, read_manifest
from kerneltui.kernels.connection.connection_file import find_connection_file
from kerneltui.kernels.processes.identity import ProcessIdentity, boot_id, identify
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.private_file import make_private_folder
from tests.fleet.written_manifests import write_manifest


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest(
        kernel_id="0a9b",
        name="train",
        kernel_name="python3",
        connection_file=str(tmp_path / "kernel-0a9b.json"),
        cwd="/home/ana",
        environment=("HOME", "TOKEN"),
        started_at=1.7e9,
        identity=ProcessIdentity(4121, 77, "boot"),
        argv=("python", "-m", "ipykernel_launcher"),
        interrupt_mode="signal",
    )


def runtime_folder(manifest: Manifest) -> Path:
    return Path(manifest.connection_file).parent


@pytest.mark.parametrize("identity", [ProcessIdentity(4121, 77, "boot"), None])
def test_what_is_written_is_read(manifest: Manifest, identity: ProcessIdentity | None) -> None:
    manifest = replace(manifest, identity=identity)

    write_manifest(manifest)

    assert read_manifest(manifest.path) == manifest
    assert list(find_manifests(runtime_folder(manifest))) == [manifest.path]


DEATH = conclude(
    -signal.SIGSEGV,
    Crash("segmentation fault", 11, "f(), a.py:3", (Frame("/home/ana/a.py", 3, "f"),)),
    at=1.7e9,
    sent=Sent(15, "K", 1.6e9),
    is_at_start=True,
    argv=("python", "-m", "ipykernel_launcher"),
    code="f()",
    last_lines=("one", "two"),
    memory=MemoryAtEnd((1 << 30, 2 << 30), 8 << 30, 1),
)


CLIENT = KeptClient(
    "first",
    ("cell", "next"),
    ProcessIdentity(7, 77, "boot"),
    KeptPrompt("name?", True, "cell", 1.7e9),
)


@pytest.mark.parametrize("client", [CLIENT, replace(CLIENT, prompt=None)])
def test_who_has_code_there_and_what_it_asks_is_kept(
    manifest: Manifest, client: KeptClient
) -> None:
    asking = replace(manifest, clients=(client, replace(client, session="second")))

    write_manifest(asking)

    assert read_manifest(manifest.path) == asking


@pytest.mark.parametrize(
    "changes",
    [
        {"dashboard": None},
        {"requests": "cell"},
        {"session": "a\x1b[2J"},
        {"prompt": {"text": "a\x1b[2J", "password": False, "parent_id": "c", "asked_at": 1}},
        {"prompt": {"text": "a", "password": False, "parent_id": "c", "asked_at": "now"}},
    ],
)
def test_a_client_that_was_not_written_by_us_is_refused(
    manifest: Manifest, changes: dict[str, object]
) -> None:
    write_manifest(replace(manifest, clients=(CLIENT,)))
    told = json.loads(manifest.path.read_text())
    told["clients"][0].update(changes)
    manifest.path.write_text(json.dumps(told))

    with pytest.raises(KernelError, match="not a kernel manifest"):
        read_manifest(manifest.path)


def test_the_one_client_that_an_earlier_kerneltui_kept_is_read(manifest: Manifest) -> None:
    write_manifest(replace(manifest, clients=(CLIENT,)))
    told = json.loads(manifest.path.read_text())
    told["client"] = told.pop("clients")[0]
    manifest.path.write_text(json.dumps(told))

    assert read_manifest(manifest.path).clients == (CLIENT,)


@pytest.mark.parametrize("death", [DEATH, Death(at=None), conclude(3, None, at=1.7e9)])
def test_why_it_has_ended_is_kept(manifest: Manifest, death: Death) -> None:
    ended = replace(manifest, death=death, sent=Sent(None, "x", 1.7e9))

    write_manifest(ended)

    assert read_manifest(manifest.path) == ended


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("exit_code", code) for code in (-1, 256, "3", True, 1e400)),
        *(("signum", signum) for signum in (0, 65, "SIGKILL")),
        *(("at", instant) for instant in (-1.0, math.nan, "noon")),
        *(("code", code) for code in ("\x1b[2J", "two\nlines", "x" * 1000, 3)),
        *(("last_lines", lines) for lines in ("one", ["\x9b"], ["x"] * 1000, [3])),
        *(("sent", sent) for sent in ("X", {}, {"signum": 9, "by": "\x1b", "at": 1.0})),
        *(("crash", crash) for crash in ("x", {}, {"words": "x", "signum": 11})),
        *(("memory", memory) for memory in (None, {}, {"samples": [-1]})),
        *(("argv", argv) for argv in (None, "ls")),
    ],
)
def test_a_hostile_account_of_a_death_is_refused(
    manifest: Manifest, key: str, value: object
) -> None:
    write_manifest(replace(manifest, death=DEATH))
    data = json.loads(manifest.path.read_text())
    data["death"][key] = value
    manifest.path.write_text(json.dumps(data))

    with pytest.raises(KernelError, match="is not a kernel manifest"):
        read_manifest(manifest.path)


def test_only_its_owner_can_read_it(manifest: Manifest) -> None:
    write_manifest(manifest)

    assert stat.S_IMODE(manifest.path.stat().st_mode) == 0o600


def test_jupyter_does_not_take_it_for_a_connection_file(manifest: Manifest) -> None:
    write_manifest(manifest)

    assert list(runtime_folder(manifest).glob("*0a9*")) == []


@pytest.mark.parametrize("find", [find_connection_file, peers_find_connection_file])
def test_a_part_of_an_id_finds_the_connection_file_and_nothing_of_ours(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch, find: Callable[..., str]
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime_folder(manifest)))
    Path(manifest.connection_file).touch()
    os.utime(manifest.connection_file, (1e9, 1e9))
    write_manifest(manifest)
    recording_path(manifest.connection_file, manifest.kernel_id).touch()
    os.close(LogFile.beside(manifest.connection_file, manifest.kernel_id).open())

    found = find("0a9", path=[str(runtime_folder(manifest))])

    assert found == manifest.connection_file


def earlier(manifest: Manifest) -> Path:
    """Have an earlier kerneltui's manifest in the runtime folder; return its path."""
    path = runtime_folder(manifest) / "kerneltui-0a9b.json"
    write_manifest(manifest)
    return manifest.path.rename(path)


def test_a_manifest_of_an_earlier_kerneltui_is_found_and_stays_where_it_is(
    manifest: Manifest,
) -> None:
    path = earlier(manifest)

    write_manifest(replace(manifest, order="restarting"))

    assert list(find_manifests(runtime_folder(manifest))) == [path]
    assert (read_manifest(path).order, read_manifest(path).path) == ("restarting", path)


def test_a_file_that_others_can_write_is_no_earlier_manifest(manifest: Manifest) -> None:
    path = earlier(manifest)
    path.chmod(0o666)

    assert manifest.path == path.parent / "kerneltui" / "0a9b.manifest.json"


def test_a_manifest_that_others_can_write_is_not_obeyed(manifest: Manifest) -> None:
    write_manifest(manifest)
    manifest.path.chmod(0o666)

    with pytest.raises(KernelError, match="others may write it"):
        read_manifest(manifest.path)


def test_a_manifest_is_not_written_through_a_link(manifest: Manifest, short_path: Path) -> None:
    (runtime_folder(manifest) / "kerneltui").symlink_to(short_path)

    with pytest.raises(OSError, match="it is a link"):
        write_manifest(manifest)
    assert list(short_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"version": 1}', '{"version": 2}', "[" * 100_000, '"\\ud800"'],
    ids=["empty", "cut", "a list", "a number", "too little", "later", "deep", "odd text"],
)
def test_what_is_no_manifest_is_named_and_left(manifest: Manifest, text: str) -> None:
    make_private_folder(manifest.path.parent)
    manifest.path.write_text(text)

    with pytest.raises(KernelError, match=f"{manifest.path.name} is not a kernel manifest"):
        read_manifest(manifest.path)
    assert manifest.path.read_text() == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("name", 3), ("environment", [1]), ("identity", {"pid": "x"}), ("started_at", "noon")),
        *(("identity", {"pid": pid, "start_ticks": 1, "boot_id": "b"}) for pid in (-1, 0, 1 << 31)),
        *(("started_at", instant) for instant in (-math.inf, math.nan, -1.0, 1e300)),
        *(("argv", "ls"), ("host", None), ("interrupt_mode", 1)),
    ],
)
def test_a_field_of_another_kind_is_refused(manifest: Manifest, key: str, value: object) -> None:
    write_manifest(manifest)
    data = json.loads(manifest.path.read_text())
    manifest.path.write_text(json.dumps(data | {key: value}))

    with pytest.raises(KernelError, match="is not a kernel manifest"):
        read_manifest(manifest.path)


@pytest.mark.parametrize("pid", ["1e400", "Infinity", "-Infinity", "NaN"])
def test_a_number_without_end_is_refused(manifest: Manifest, pid: str) -> None:
    write_manifest(manifest)
    manifest.path.write_text(manifest.path.read_text().replace("4121", pid))

    with pytest.raises(KernelError, match="is not a kernel manifest"):
        read_manifest(manifest.path)


def test_the_manifest_of_an_earlier_kerneltui_is_read(manifest: Manifest) -> None:
    write_manifest(manifest)
    data = json.loads(manifest.path.read_text())
    for key in ("host", "argv", "interrupt_mode", "autorestart", "log", "sent", "death"):
        del data[key]
    manifest.path.write_text(json.dumps(data))

    assert read_manifest(manifest.path) == replace(manifest, argv=())


def test_an_id_that_a_terminal_would_obey_is_refused(manifest: Manifest) -> None:
    kernel_id = "\x1b[2J"
    file = runtime_folder(manifest) / f"kernel-{kernel_id}.json"
    forged = replace(manifest, kernel_id=kernel_id, connection_file=str(file))
    write_manifest(forged)

    with pytest.raises(KernelError, match="is not a kernel manifest"):
        read_manifest(forged.path)


HERE = ProcessIdentity(4_000_000, 1, boot_id())
EARLIER = ProcessIdentity(4_000_000, 1, "another boot")
CONTAINED = ProcessIdentity(os.getpid(), 1, boot_id(), "pid:[1]")


@pytest.mark.parametrize(
    ("host", "identity", "shared", "is_here"),
    [
        ("this", HERE, True, True),
        ("this", EARLIER, False, True),
        ("this", EARLIER, True, False),  # two hosts may have one name
        ("a container", HERE, False, False),
        ("this", CONTAINED, False, False),
        ("a former name", EARLIER, False, True),
        ("a former name", identify(os.getpid()), True, True),
        ("this", None, True, True),
        ("another", None, False, False),
    ],
)
def test_a_kernel_is_of_this_host_where_that_is_proven(
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    identity: ProcessIdentity | None,
    shared: bool,
    is_here: bool,
) -> None:
    monkeypatch.setattr(manifest_module, "is_shared", lambda _folder: shared)
    name = os.uname().nodename if host == "this" else host

    assert replace(manifest, host=name, identity=identity).is_here is is_here
