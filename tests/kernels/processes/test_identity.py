"""A process is known by more than its pid."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from kerneltui.kernels.processes import identity
from kerneltui.kernels.processes.identity import ProcessIdentity, host_key, identify
from kerneltui.kernels.processes.stat import read_by_psutil

UNUSED_PID = 2**22 + 1  # over the highest pid that Linux gives; macOS gives up to 99,999


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def me() -> ProcessIdentity:
    found = identify(os.getpid())
    assert found is not None
    return found


def test_a_running_process_is_alive() -> None:
    assert me().is_alive()


def test_the_same_process_has_the_same_identity_each_time() -> None:
    assert identify(os.getpid()) == identify(os.getpid())


def test_nobody_has_an_unused_pid() -> None:
    assert identify(UNUSED_PID) is None


def test_a_zombie_can_be_identified_and_is_not_alive(child: subprocess.Popen[bytes]) -> None:
    before = identify(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    after = identify(child.pid)

    assert after == before
    assert after is not None
    assert not after.is_alive()


def test_a_process_that_was_reaped_is_not_alive(child: subprocess.Popen[bytes]) -> None:
    found = identify(child.pid)
    child.kill()
    child.wait()

    assert found is not None
    assert not found.is_alive()


@pytest.mark.parametrize(
    "change", [{"start_ticks": 1}, {"boot_id": "another"}, {"pid_namespace": "pid:[1]"}]
)
def test_a_later_process_with_the_same_pid_is_another(change: dict[str, object]) -> None:
    assert not replace(me(), **change).is_alive()  # type: ignore[arg-type]  # fields by name


def test_a_name_with_parentheses_and_spaces_confuses_nobody(tmp_path: os.PathLike[str]) -> None:
    odd = os.path.join(tmp_path, "a) Z 1 (b")  # noqa: PTH118 - a name, not a path of ours
    os.symlink(sys.executable, odd)  # noqa: PTH211
    with subprocess.Popen([odd, "-c", "input()"], stdin=subprocess.PIPE) as process:
        found = identify(process.pid)
        alive = found is not None and found.is_alive()
        process.kill()

    assert alive


def test_without_proc_psutil_serves(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "read_stat", read_by_psutil)

    found = identify(child.pid)

    assert found is not None
    assert found.is_alive()
    assert identify(UNUSED_PID) is None


def test_an_age_is_that_of_the_process(child: subprocess.Popen[bytes]) -> None:
    found = identify(child.pid)
    assert found is not None

    age, mine = found.age(), me().age()

    assert age is not None
    assert mine is not None
    assert 0 <= age < mine
    theirs, later = time.time() - psutil.Process().create_time(), me().age()
    assert later is not None
    assert mine - 0.1 <= theirs <= later + 1.1  # psutil knows the boot to a second


def test_what_is_gone_has_no_age(child: subprocess.Popen[bytes]) -> None:
    found = identify(child.pid)
    assert found is not None

    child.kill()
    child.wait()

    assert found.age() is None


@pytest.mark.parametrize(
    ("namespace", "key"),
    [("", "host"), (identity._FIRST_NAMESPACE, "host"), ("pid:[4026532179]", "host-4026532179")],
)
def test_a_container_with_its_hosts_name_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, namespace: str, key: str
) -> None:
    monkeypatch.setattr(identity, "pid_namespace", lambda: namespace)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename="host"))

    assert host_key() == key
