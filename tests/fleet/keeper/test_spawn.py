"""Processes that a keeper starts: it is their parent, and they are as if we had started them."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from kerneltui.fleet.keeper import client, spawn
from kerneltui.fleet.keeper.address import listen
from kerneltui.fleet.keeper.client import PROTOCOLS, null_device
from kerneltui.fleet.keeper.exchange import Inbox, send
from kerneltui.fleet.keeper.lock import is_recorded
from kerneltui.fleet.keeper.order import LaunchOrder, told
from kerneltui.fleet.keeper.spawn import KeptSpawn
from kerneltui.fleet.manifests.manifest import read_manifest
from kerneltui.kernels.processes.conditions import own_conditions, own_place
from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.process import ChildProcess
from kerneltui.kernels.processes.stat import all_pids
from tests.fleet.keeper.asker import PATIENCE, Asker, ended
from tests.fleet.recorders import RunningRecorder, SpokenKernel
from tests.support import Background, as_before_linux_6_15, eventually


@pytest.fixture
def asker(keeper: RunningRecorder, short_path: Path) -> Asker:  # noqa: ARG001 - it must run
    return Asker(short_path)


@pytest.fixture
def lone(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asker:
    """One that has no keeper, and can start none."""
    monkeypatch.setattr(spawn, "ensure_keeper", lambda _folder: None)
    monkeypatch.setattr(client, "APPEARANCE", 0.0)
    return Asker(short_path)


def test_its_parent_is_the_keeper(asker: Asker, keeper: RunningRecorder) -> None:
    process = asker.start("sleep", "100")
    with ended(process):
        assert psutil.Process(process.identity.pid).ppid() == keeper.process.pid
        assert os.getpgid(process.identity.pid) == process.identity.pid


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -SEGV $$", -11)])
def test_how_it_has_ended_is_known(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, script: str, code: int
) -> None:
    as_before_linux_6_15(monkeypatch)
    process = asker.shell(script)

    assert process.wait(PATIENCE)
    assert process.returncode == code


def test_it_gets_environment_folder_and_streams(asker: Asker) -> None:
    told = asker.told_by("env | grep -v -e PWD -e _= ; pwd; readlink /proc/$$/fd/0")

    assert told.split("\n")[:-1] == [
        f"PATH={os.environ['PATH']}",
        str(asker.folder.resolve()),
        "/dev/null",
    ]


def test_it_gets_our_umask_and_limits_and_priority(asker: Asker) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    umask = os.umask(0o027)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        told = asker.told_by("umask; ulimit -S -c")
    finally:
        os.umask(umask)
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))

    assert told.split() == ["0027", "0"]


def test_its_signals_are_the_default_ones(asker: Asker) -> None:
    told = asker.told_by("grep -E '^Sig(Blk|Ign)' /proc/self/status")

    assert set(told.split()[1::2]) == {"0" * 16}


def test_what_it_leaves_behind_falls_to_the_keeper_and_is_reaped(
    asker: Asker, keeper: RunningRecorder
) -> None:
    told = asker.told_by("setsid sleep 1000 & echo $!")
    left = psutil.Process(int(told))
    eventually(lambda: left.ppid() == keeper.process.pid)

    left.kill()

    eventually(lambda: not left.is_running())


@pytest.mark.parametrize("argv", [("/nonexistent",), ("/",)])
def test_what_cannot_be_started_raises_as_without_a_keeper(
    asker: Asker, argv: tuple[str, ...]
) -> None:
    with pytest.raises(OSError, match="cannot run /"):
        asker.start(*argv)

    assert asker.warnings == []  # the keeper is not to blame


# -- the keeper's end --------------------------------------------------------------------------


def test_what_it_has_started_outlives_a_keeper_that_is_killed(
    asker: Asker, keeper: RunningRecorder
) -> None:
    process = asker.start("sleep", "100")
    with ended(process):
        keeper.end(signal.SIGKILL)

        assert not process.exited


def test_a_keeper_that_has_ended_is_followed_by_another(
    asker: Asker, keeper: RunningRecorder, short_path: Path
) -> None:
    keeper.end(signal.SIGKILL)

    process = asker.start("sleep", "100")

    with ended(process):
        parent = psutil.Process(process.identity.pid).parent()
        assert parent is not None
        assert str(short_path) in parent.cmdline()
    parent.terminate()
    eventually(lambda: not is_recorded(short_path))


def test_without_a_keeper_it_is_our_child_and_that_is_told_once(lone: Asker) -> None:
    for _ in range(2):
        process = lone.shell("exit 3")
        assert isinstance(process, ChildProcess)
        assert process.wait(PATIENCE)

    assert len(lone.warnings) == 1
    assert lone.warnings[0].startswith("kernels are started without their keeper: ")


def test_a_keeper_that_hangs_is_not_waited_for(
    asker: Asker, keeper: RunningRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    keeper.process.send_signal(signal.SIGSTOP)

    process = asker.shell("exit 3")

    assert isinstance(process, ChildProcess)
    assert process.wait(PATIENCE)
    keeper.process.send_signal(signal.SIGCONT)


def test_an_order_that_a_hanging_keeper_finds_too_late_is_not_carried_out(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "LAUNCH_PATIENCE", -1.0)

    process = asker.shell("exit 3")

    assert isinstance(process, ChildProcess)
    assert process.wait(PATIENCE)
    assert "the order came too late" in asker.warnings[0]


def fake_keeper(folder: Path, carry_out: Callable[[list[int]], None]) -> Background:
    """Greet who comes, take one order, and end without an answer."""
    listener = listen(folder)

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.close()  # `is_there` has come
            connection = listener.accept()[0]
            listener.close()  # first, as a keeper does
            with connection:
                send(connection, {"protocol": PROTOCOLS[0], "place": own_place()})
                inbox = Inbox()
                while inbox.next() is None:
                    inbox.read(connection)
                streams = inbox.take_fds()
                carry_out(streams)
                for fd in streams:
                    os.close(fd)

    return Background(serve)


@pytest.mark.parametrize("looks", ["at once", "slowly"])
def test_what_a_keeper_started_that_ended_before_it_told_is_found(
    lone: Asker, looks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def carry_out(streams: list[int]) -> None:
        argv = ["sleep", "100"]
        started.append(subprocess.Popen(argv, stdout=streams[1], start_new_session=True))

    def is_old() -> bool:
        identity = identify(started[0].pid)
        return identity is not None and (identity.age() or 0.0) > 10 * spawn.TICK

    def slowly() -> Iterator[int]:
        eventually(is_old)
        yield from all_pids()

    if looks == "slowly":
        monkeypatch.setattr(spawn, "all_pids", slowly)
    fake = fake_keeper(lone.folder, carry_out)

    process = lone.start("sleep", "100")

    fake.result()
    assert process.identity.pid == started[0].pid
    started[0].kill()
    started[0].wait()


def test_what_ends_with_its_keeper_is_not_taken_for_the_kernel(
    lone: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    looks = itertools.count(1)

    def carry_out(streams: list[int]) -> None:
        argv = ["sleep", "100"]
        started.append(subprocess.Popen(argv, stdout=streams[1], start_new_session=True))

    def at_the_second_look_it_has_ended() -> Iterator[int]:
        if next(looks) == 2:
            started[0].kill()
            started[0].wait()
        yield from all_pids()

    monkeypatch.setattr(spawn, "all_pids", at_the_second_look_it_has_ended)
    fake = fake_keeper(lone.folder, carry_out)

    process = lone.start("sleep", "100")

    fake.result()
    with ended(process):
        assert process.identity.pid != started[0].pid


def test_an_order_that_a_keeper_took_to_its_end_is_given_to_the_next(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, begun = Asker(short_path), list[RunningRecorder]()
    monkeypatch.setattr(
        spawn, "ensure_keeper", lambda _folder: begun.append(RunningRecorder(short_path))
    )
    fake = fake_keeper(short_path, lambda _streams: None)

    process = asker.start("sleep", "100")

    fake.result()
    with begun[0] as keeper, ended(process):
        assert psutil.Process(process.identity.pid).ppid() == keeper.process.pid
    assert asker.warnings == []


def test_what_a_keeper_that_ended_has_not_started_is_started_here(lone: Asker) -> None:
    fake = fake_keeper(lone.folder, lambda _streams: None)

    process = lone.shell("exit 3")

    fake.result()
    assert isinstance(process, ChildProcess)
    assert process.wait(PATIENCE)


# -- whom it serves ----------------------------------------------------------------------------


def test_who_listens_as_another_user_is_not_asked(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    assert not asker.kept.client.is_there()


def test_a_keeper_that_is_held_elsewhere_is_not_asked(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "own_place", lambda: ("mnt:[1]",))

    process = asker.shell("exit 3")

    assert isinstance(process, ChildProcess)
    assert process.wait(PATIENCE)
    assert "other limits" in asker.warnings[0]


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\2[]",
        b"\0\0\0\2{}",
        b"\0\0\0\7{1:2}{}",
        b'\0\0\0\x0f{"ask":"start"}',
        b'\0\0\0\x0d{"ask":"end"}',
        b'\0\0\0\x0e{"ask":[1,2]} ',
    ],
)
def test_who_speaks_another_language_disturbs_nobody(asker: Asker, said: bytes) -> None:
    connection = asker.kept.client.stay()
    assert connection is not None
    with connection:
        connection.sendall(said)

        assert asker.told_by("echo served") == "served\n"


IMPOSSIBLE: dict[str, dict[str, object]] = {
    "program": {"argv": ()},
    "folder": {"cwd": "\0"},
    "limit": {"limits": [["RLIMIT_X", 1, 1]]},
    "umask": {"umask": 10**20},
    "processors": {"cpus": [-1]},
}


@pytest.mark.parametrize("may_fork", [True, False])
@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_an_impossible_order_does_not_end_the_keeper(
    asker: Asker, keeper: RunningRecorder, what: str, *, may_fork: bool
) -> None:
    order = told(an_order("/bin/true", may_fork=may_fork))
    for values in (order, order["conditions"]):
        values.update({name: each for name, each in IMPOSSIBLE[what].items() if name in values})

    ask(asker, order, streams=3)

    assert asker.told_by("echo served") == "served\n"
    assert keeper.is_running


@pytest.mark.parametrize("may_fork", [True, False])
def test_an_order_without_its_descriptors_does_not_end_the_keeper(
    asker: Asker, keeper: RunningRecorder, *, may_fork: bool
) -> None:
    order = an_order(sys.executable, "-m", "ipykernel_launcher", may_fork=may_fork)

    ask(asker, told(order), streams=1)

    assert asker.told_by("echo served") == "served\n"
    assert keeper.is_running


def test_a_keeper_with_no_room_for_newcomers_does_not_spin(
    asker: Asker, keeper: RunningRecorder
) -> None:
    process = psutil.Process(keeper.process.pid)
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (process.num_fds(), limits[1]))
    connection = asker.kept.client.stay()  # the system takes it in, the keeper cannot
    assert connection is not None
    with connection:
        begun, used = time.monotonic(), sum(process.cpu_times()[:2])
        while time.monotonic() - begun < 1.0:
            threading.Event().wait(0.05)
        used = sum(process.cpu_times()[:2]) - used

        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)

        assert used < 0.3
        assert asker.told_by("echo served") == "served\n"


def an_order(*argv: str, may_fork: bool) -> LaunchOrder:
    deadline = time.monotonic() + PATIENCE
    return LaunchOrder(argv, dict(os.environ), "/", own_conditions(), deadline, may_fork)


def ask(asker: Asker, order: Mapping[str, object], streams: int) -> None:
    """Send an order, and wait until the keeper has answered or hung up."""
    connection, null = asker.kept.client.stay(), null_device()
    assert connection is not None
    with connection:
        send(connection, {"ask": "start", **order}, [null] * streams)
        os.close(null)
        inbox = Inbox()
        for _ in ("greeting", "answer"):
            while inbox.next() is None and inbox.read(connection):
                pass


def test_who_sends_half_a_message_is_not_waited_for(asker: Asker) -> None:
    connection = asker.kept.client.stay()
    assert connection is not None
    with connection:
        connection.sendall(b"\0\0\0\x0f{")

        assert asker.told_by("echo served") == "served\n"


def test_as_long_as_somebody_is_connected_the_keeper_stays(short_path: Path) -> None:
    asker = Asker(short_path)
    with SpokenKernel(short_path) as kernel:
        kernel.announce(kernel.identity)
        with RunningRecorder(short_path, linger=0.0) as keeper:
            eventually(asker.kept.client.is_there)
            kernel.voice.wait_for_listener()
            guest = asker.kept.client.stay()
            assert guest is not None
            with guest:
                kernel.die()
                eventually(lambda: read_manifest(kernel.manifest.path).death)

                assert asker.told_by("echo served") == "served\n"

            assert keeper.wait() == 0


def test_a_keeper_of_another_version_leaves_if_it_has_nothing_to_do(
    asker: Asker, keeper: RunningRecorder
) -> None:
    assert not asker.kept.client.replace_older("")  # which is its own

    assert asker.kept.client.replace_older("another")

    assert keeper.wait() == 0


def test_a_keeper_of_another_version_stays_for_others(asker: Asker) -> None:
    guest = asker.kept.client.stay()
    assert guest is not None
    with guest:
        assert not asker.kept.client.replace_older("another")

        assert asker.told_by("echo served") == "served\n"


def test_a_keeper_of_another_version_stays_for_its_kernels(short_path: Path) -> None:
    with SpokenKernel(short_path) as kernel, RunningRecorder(short_path):
        kernel.announce(kernel.identity)
        kernel.voice.wait_for_listener()

        assert not KeptSpawn(short_path, print).client.replace_older("another")


def test_no_secret_is_on_a_command_line(asker: Asker, keeper: RunningRecorder) -> None:
    process = asker.start("sleep", "100", env={"PATH": os.environ["PATH"], "TOKEN": "s3cr3t"})
    with ended(process):
        family = [psutil.Process(keeper.process.pid), psutil.Process(process.identity.pid)]

        assert not any("s3cr3t" in " ".join(each.cmdline()) for each in family)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a keeper starts kernels on Linux")
