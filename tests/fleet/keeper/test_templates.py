"""Kernels that a keeper forks from templates; a package in ipykernel's place loads at once."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from kerneltui.fleet.keeper import spawn
from kerneltui.fleet.keeper.exchange import send
from kerneltui.fleet.keeper.order import LaunchOrder, told
from kerneltui.fleet.keeper.templates import MOST
from kerneltui.kernels.processes.conditions import own_conditions
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.templates.parentage import is_forked
from tests.fleet.keeper.asker import PATIENCE, Asker, ended
from tests.fleet.recorders import RunningRecorder
from tests.kernels.templates.fake_ipykernel import INTERPRETER, MODULE, FakeIpykernel
from tests.support import Background, as_before_linux_6_15, eventually, waits_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

STAYS = "time.sleep(1000)"
WARM = 2.0  # seconds, in which a template without imports is ready


class Forking(Asker):
    """Asks for kernels that run code in place of ipykernel."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fake = FakeIpykernel(folder / "fake")

    def run(self, code: str, *options: str) -> KernelProcess:
        return self.start(INTERPRETER, *options, "-m", MODULE, code, env=self.fake.env)


@pytest.fixture
def asker(keeper: RunningRecorder, short_path: Path) -> Forking:  # noqa: ARG001 - it must run
    return Forking(short_path)


def parent_of(process: KernelProcess) -> psutil.Process:
    found = psutil.Process(process.identity.pid).parent()
    assert found is not None
    return found


def test_the_first_kernel_waits_for_its_template_and_is_forked(
    asker: Forking, keeper: RunningRecorder
) -> None:
    process = asker.run(STAYS)
    with ended(process):
        template = parent_of(process)

        assert is_forked(process.identity)
        assert template.ppid() == keeper.process.pid
        assert psutil.Process(process.identity.pid).cmdline()[-1] == STAYS


def test_kernels_alike_share_a_template(asker: Forking) -> None:
    one, other, unlike = asker.run(STAYS), asker.run(STAYS), asker.run(STAYS, "-X", "utf8")
    with ended(one, other, unlike):
        assert parent_of(one) == parent_of(other)
        assert parent_of(unlike) != parent_of(one)


@pytest.mark.parametrize(
    ("code", "returncode"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGSEGV)", -11)]
)
def test_how_a_fork_has_ended_is_known(
    asker: Forking, monkeypatch: pytest.MonkeyPatch, code: str, returncode: int
) -> None:
    as_before_linux_6_15(monkeypatch)
    process = asker.run(code)

    assert process.wait(PATIENCE)
    assert process.returncode == returncode


def test_a_fork_has_our_conditions(asker: Forking) -> None:
    umask = os.umask(0o027)
    try:
        process = asker.run("print(oct(os.umask(0)), os.getcwd(), os.getsid(0) == os.getpid())")
    finally:
        os.umask(umask)

    assert process.wait(PATIENCE)
    assert asker.said() == f"0o27 {asker.folder} True\n"


def test_kernels_outlive_a_template_that_is_killed_and_are_reaped(
    asker: Forking, keeper: RunningRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    process = asker.run(STAYS)
    template = parent_of(process)

    template.kill()

    eventually(lambda: parent_of(process).pid == keeper.process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE)
    assert process.returncode == -signal.SIGTERM


def test_after_a_template_that_was_killed_there_is_another(asker: Forking) -> None:
    first = asker.run(STAYS)
    template = parent_of(first)
    template.kill()
    eventually(lambda: not template.is_running())

    second = asker.run(STAYS)

    with ended(first, second):
        assert is_forked(second.identity)


def test_kernels_outlive_a_keeper_that_is_killed_with_its_templates(
    asker: Forking, keeper: RunningRecorder
) -> None:
    process = asker.run(STAYS)
    template = parent_of(process)

    keeper.end(signal.SIGKILL)

    eventually(lambda: not template.is_running())
    with ended(process):
        assert not process.exited


def test_a_template_that_cannot_import_gives_a_spawned_kernel(asker: Forking) -> None:
    asker.fake.importing("raise ImportError('broken')")

    process = asker.run(STAYS)

    with ended(process):
        assert not is_forked(process.identity)


def test_a_template_that_hangs_is_not_waited_for_long(short_path: Path) -> None:
    with RunningRecorder(short_path, warming=0.2):
        asker = Forking(short_path)
        eventually(asker.kept.client.is_there)
        asker.fake.importing("import time; time.sleep(1000)")

        process = asker.run(STAYS)

        with ended(process):
            assert not is_forked(process.identity)


def test_a_template_that_does_not_answer_is_ended_and_its_kernels_run_on(short_path: Path) -> None:
    with RunningRecorder(short_path, warming=WARM, answering=0.0):
        asker = Forking(short_path)
        eventually(asker.kept.client.is_there)
        kernels: list[KernelProcess] = []

        def is_one_forked() -> bool:
            kernels.append(asker.run(STAYS))
            return is_forked(kernels[-1].identity)

        eventually(is_one_forked)
        first = kernels[-1]
        template = parent_of(first)
        template.suspend()

        second = asker.run(STAYS)

        with ended(*kernels, second):
            assert not is_forked(second.identity)
            eventually(lambda: not template.is_running())
            assert not first.exited


def test_an_order_whose_asker_has_gone_is_not_carried_out(asker: Forking) -> None:
    may_import = asker.folder / "may_import"
    asker.fake.importing(waits_for(may_import))
    connection = asker.kept.client.stay()
    assert connection is not None
    with asker.log.open("ab") as log, connection:
        argv = (INTERPRETER, "-m", MODULE, "print('nobody asked')")
        deadline = time.monotonic() + PATIENCE
        order = LaunchOrder(argv, asker.fake.env, "/", own_conditions(), deadline)
        send(connection, {"ask": "start", **told(order)}, [log.fileno()] * 3)
    kernels: list[KernelProcess] = []
    later = Background(lambda: kernels.append(asker.run("print('asked')")))

    may_import.touch()

    later.result()
    assert kernels[0].wait(PATIENCE)
    assert asker.said() == "asked\n"


def test_with_changed_packages_a_kernel_is_spawned_and_the_next_forked_anew(asker: Forking) -> None:
    first = asker.run(STAYS)
    asker.fake.importing("CHANGED = True")

    second = asker.run(STAYS)

    with ended(first, second):
        assert not is_forked(second.identity)
        eventually(lambda: _is_next_forked(asker))


def _is_next_forked(asker: Forking) -> bool:
    process = asker.run(STAYS)
    with ended(process):
        return is_forked(process.identity)


def test_the_template_that_was_unused_for_longest_makes_room_for_another(asker: Forking) -> None:
    used = asker.run(STAYS, "-X", "utf8")
    for number in range(MOST):
        assert asker.run("pass", "-W", f"ignore:{number}").wait(PATIENCE)

    one_more = asker.run(STAYS)

    with ended(used, one_more):
        assert is_forked(used.identity)
        assert is_forked(one_more.identity)
        keeper = parent_of(used).parent()
        assert keeper is not None
        eventually(lambda: len(keeper.children()) == MOST)


def test_an_idle_template_ends(short_path: Path) -> None:
    with RunningRecorder(short_path, idle=0.0):
        asker = Forking(short_path)
        eventually(asker.kept.client.is_there)
        process = asker.run(STAYS)
        template = parent_of(process)
        assert template.is_running()

        process.send_signal(signal.SIGKILL)

        eventually(lambda: not template.is_running())


def test_where_forking_is_switched_off_kernels_are_spawned(
    asker: Forking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asker.kept, "_launcher", "spawn")

    process = asker.run(STAYS)

    with ended(process):
        assert not is_forked(process.identity)


def test_ten_orders_at_once_are_ten_kernels(asker: Forking) -> None:
    processes: list[KernelProcess] = []
    orders = [Background(lambda: processes.append(asker.run(STAYS))) for _ in range(10)]

    for each in orders:
        each.result()

    with ended(*processes):
        assert len({each.identity.pid for each in processes}) == 10
        assert all(is_forked(each.identity) for each in processes)


def test_forks_leave_nothing_in_keeper_and_template(
    asker: Forking, keeper: RunningRecorder
) -> None:
    first = asker.run(STAYS)
    both = psutil.Process(keeper.process.pid), parent_of(first)
    before = _files(both)

    for _ in range(20):
        assert asker.run("pass").wait(PATIENCE)

    # The connection by which the first was ordered may have been open before.
    eventually(lambda: all(now <= then for now, then in zip(_files(both), before, strict=True)))
    with ended(first):
        eventually(lambda: [each.pid for each in both[1].children()] == [first.identity.pid])


def _files(processes: Iterable[psutil.Process]) -> list[int]:
    return [each.num_fds() for each in processes]


def test_an_order_that_comes_too_late_forks_nothing(
    asker: Forking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "LAUNCH_PATIENCE", -1.0)

    process = asker.run("print('once')")

    assert process.wait(PATIENCE)
    assert asker.said() == "once\n"
