"""`logs --process -f` and `wait` follow a kernel's process, and do not look at the host for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from kerneltui.commands import process_log, verbs, wait
from kerneltui.commands.logs import logs
from kerneltui.commands.wanted_output import Wanted
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.reconcile.host_scan import HostScan, read_manifests
from kerneltui.fleet.reconcile.lease import Lease
from kerneltui.kernels.processes.log_file import LOG_LIMIT, LogFile
from kerneltui.paths import runtime_folder
from tests.fleet.small_kernels import install_and_make_haste
from tests.fleet.written_manifests import write_manifest
from tests.support import Background, eventually


@pytest.fixture(autouse=True)
def _one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a kernel `one` for one test."""
    install_and_make_haste(tmp_path, monkeypatch)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(process_log, "POLL", 0.02)
    verbs.start("tiny", cwd="/", name="one", autorestart=False)
    yield
    if names := [each.name for each in read_manifests(runtime_folder())]:
        verbs.act(Verb.SHUTDOWN, names)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The looks at the host that a command has taken, but for those that follow one."""
    seen: list[str] = []
    look = HostScan.look_and_ask_servers

    def look_and_note(*arguments: object) -> object:
        seen.append("look")
        return look(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(HostScan, "look_and_ask_servers", look_and_note)
    return seen


def manifest() -> Manifest:
    (found,) = read_manifests(runtime_folder())
    return found


def write(text: str) -> None:
    with manifest().log.open("a") as file:
        file.write(text)


def has_said(capsys: pytest.CaptureFixture[str], word: str) -> bool:
    """Tell whether a whole line was printed since the last call."""
    return word in capsys.readouterr().out.splitlines()


def test_a_log_is_followed_with_one_look_at_the_host(
    looks: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))

    for word in ("first", "second"):
        write(f"{word}\n")
        eventually(partial(has_said, capsys, word))
    assert looks == ["look"]

    verbs.act(Verb.SHUTDOWN, ["one"])

    assert following.result() == 0


def test_a_log_is_followed_beyond_a_restart(capsys: pytest.CaptureFixture[str]) -> None:
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))

    verbs.act(Verb.RESTART, ["one"])
    write("again\n")

    eventually(lambda: "again" in capsys.readouterr().out)
    assert not following.over
    verbs.act(Verb.KILL, ["one"])
    assert following.result() == 0


def test_a_log_is_followed_while_an_automatic_restart_is_due(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerneltui.commands.following.RESTART_TIME", 60.0)
    write_manifest(replace(manifest(), autorestart=True))
    process, dashboard = manifest().identity, Lease(runtime_folder())
    assert process is not None
    dashboard.take()
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))
    write("alive\n")
    eventually(partial(has_said, capsys, "alive"))

    os.killpg(process.pid, signal.SIGKILL)
    eventually(lambda: not process.is_alive())
    for word in ("dead", "again"):  # the first might be read by the last look
        write(f"{word}\n")
        eventually(partial(has_said, capsys, word))

    dashboard.release()
    assert following.result() == 0


def test_what_was_printed_of_a_log_is_not_printed_again_when_it_is_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))
    write("".join(f"{each:9}\n" for each in range(LOG_LIMIT // 10)) + "old\n")
    eventually(partial(has_said, capsys, "old"))
    said: list[str] = []

    def has_said_more() -> bool:
        said.append(capsys.readouterr().out)
        return "new\n" in "".join(said)

    LogFile(manifest().log).trim()
    write("new\n")
    eventually(has_said_more)
    assert "".join(said) == "new\n"

    verbs.act(Verb.SHUTDOWN, ["one"])
    assert following.result() == 0


def test_a_kernel_is_waited_for_with_one_look_at_the_host(looks: list[str]) -> None:
    assert wait.wait_idle("one", None) == 0

    assert looks == ["look"]
