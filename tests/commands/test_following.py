"""`logs --process -f` and `wait` follow a kernel's process, and do not look at the host for it."""

from __future__ import annotations

import io
import os
import signal
import sys
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


def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what will be printed from now on.

    pytest's own way to read it loses what another thread prints meanwhile.
    """
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    return out


def has_said(out: io.StringIO, word: str) -> bool:
    """Tell whether a whole line was printed."""
    return word in out.getvalue().splitlines()


def test_a_log_is_followed_with_one_look_at_the_host(
    looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = printed(monkeypatch)
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))

    for word in ("first", "second"):
        write(f"{word}\n")
        eventually(partial(has_said, out, word))
    assert looks == ["look"]

    verbs.act(Verb.SHUTDOWN, ["one"])

    assert following.result() == 0


def test_a_log_is_followed_beyond_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    out = printed(monkeypatch)
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))

    verbs.act(Verb.RESTART, ["one"])
    write("again\n")

    eventually(partial(has_said, out, "again"))
    assert not following.over
    verbs.act(Verb.KILL, ["one"])
    assert following.result() == 0


def test_a_log_is_followed_while_an_automatic_restart_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kerneltui.commands.following.RESTART_TIME", 60.0)
    write_manifest(replace(manifest(), autorestart=True))
    process, dashboard = manifest().identity, Lease(runtime_folder())
    assert process is not None
    dashboard.take()
    out = printed(monkeypatch)
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))
    write("alive\n")
    eventually(partial(has_said, out, "alive"))

    os.killpg(process.pid, signal.SIGKILL)
    eventually(lambda: not process.is_alive())
    for word in ("dead", "again"):  # the first might be read by the last look
        write(f"{word}\n")
        eventually(partial(has_said, out, word))

    dashboard.release()
    assert following.result() == 0


def test_what_was_printed_of_a_log_is_not_printed_again_when_it_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = printed(monkeypatch)
    following = Background(lambda: logs("one", Wanted(follow=True), process=True))
    write("".join(f"{each:9}\n" for each in range(LOG_LIMIT // 10)) + "old\n")
    eventually(partial(has_said, out, "old"))
    before = len(out.getvalue())

    LogFile(manifest().log).trim()
    write("new\n")
    eventually(partial(has_said, out, "new"))
    assert out.getvalue()[before:] == "new\n"

    verbs.act(Verb.SHUTDOWN, ["one"])
    assert following.result() == 0


def test_a_kernel_is_waited_for_with_one_look_at_the_host(looks: list[str]) -> None:
    assert wait.wait_idle("one", None) == 0

    assert looks == ["look"]
