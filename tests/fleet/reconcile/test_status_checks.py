"""What a kernel is asked in the background serves those who ask it something later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kerneltui.fleet.console.console import Console
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.reconcile.status_checks import StatusChecks
from kerneltui.fleet.registry.described import described
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import Observed, TrackedKernel
from kerneltui.protocol.status import BusyElsewhere
from tests.fake_kernel import FakeKernel
from tests.fleet.stage import Kernel
from tests.support import eventually


@pytest.fixture
def kernel(fake: FakeKernel) -> Iterator[Kernel]:
    with Kernel(fake.info) as kernel:
        kernel.spawn()
        kernel.manager.life.advance(BusyElsewhere())
        yield kernel


def test_what_a_busy_kernel_says_of_itself_on_control_need_not_be_asked_again(
    kernel: Kernel, fake: FakeKernel
) -> None:
    log, registry = (
        MessageLog(),
        KernelRegistry(lambda each, before: described(each, Observed(), 0.0, before)),
    )
    registry.admit(TrackedKernel(kernel.manager.kernel_id, "one", "", kernel.manager))
    console = Console(lambda _: kernel.manager, lambda *_: None, lambda *_: None, lambda _: log)
    checks = StatusChecks(registry, console, lambda _: log)

    def is_told() -> bool:
        checks.look({})
        return bool(log.kernel_info)

    eventually(is_told)
    checks.close()

    assert log.kernel_info["status"] == "ok"
    assert fake.types().count("kernel_info_request") == 1
