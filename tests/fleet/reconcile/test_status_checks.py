"""What a kernel is asked in the background serves those who ask it something later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kerneltui.fleet.console.console import Console
from kerneltui.fleet.control import controllers
from kerneltui.fleet.control.controllers import ask_whether_it_answers
from kerneltui.fleet.discovery.attach import attach_process
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.reconcile.status_checks import StatusChecks
from kerneltui.fleet.registry.described import described
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import Observed, TrackedKernel
from kerneltui.protocol.status import BusyElsewhere, KernelState
from tests.fake_kernel import FakeKernel
from tests.fleet.stage import Kernel
from tests.support import PATIENCE, eventually


@pytest.fixture
def kernel(fake: FakeKernel) -> Iterator[Kernel]:
    with Kernel(fake.info) as kernel:
        kernel.spawn()
        kernel.manager.life.advance(BusyElsewhere())
        yield kernel


@pytest.fixture
def log() -> MessageLog:
    return MessageLog()


@pytest.fixture
def console(kernel: Kernel, log: MessageLog) -> Console:
    return Console(lambda _: kernel.manager, lambda *_: None, lambda *_: None, lambda _: log)


@pytest.fixture
def checks(kernel: Kernel, console: Console, log: MessageLog) -> Iterator[StatusChecks]:
    registry = KernelRegistry(lambda each, before: described(each, Observed(), 0.0, before))
    registry.admit(TrackedKernel(kernel.manager.kernel_id, "one", "", kernel.manager))
    checks = StatusChecks(registry, console, lambda _: log)
    yield checks
    checks.close()


def test_a_kernel_of_which_nothing_is_known_is_not_asked_while_locked(
    kernel: Kernel,
    console: Console,
    checks: StatusChecks,
    fake: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(controllers, "ANSWER_TIME", PATIENCE)
    kernel.__exit__()
    attach_process(kernel.manager, None)
    assert kernel.manager.status.state is KernelState.UNKNOWN
    console.locked = True

    checks.look({})

    said = ask_whether_it_answers(kernel.manager, "one")
    assert "has answered" in said
    assert fake.types() == ["kernel_info_request"]


def test_what_a_busy_kernel_says_of_itself_on_control_need_not_be_asked_again(
    checks: StatusChecks, log: MessageLog, fake: FakeKernel
) -> None:
    def is_told() -> bool:
        checks.look({})
        return bool(log.kernel_info)

    eventually(is_told)

    assert log.kernel_info["status"] == "ok"
    assert fake.types().count("kernel_info_request") == 1
