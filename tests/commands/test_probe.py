"""What kernels do is asked of all at once, and of none a second time before it has answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.commands.probe import Askable, Probe
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.status import KernelState
from tests.fake_kernel import FakeKernel, file_in
from tests.support import PATIENCE


@pytest.fixture
def kernel(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as kernel:
        yield kernel


def look(probe: Probe, infos: dict[str, ConnectionInfo], within: float) -> dict[str, KernelState]:
    probe.ask({kernel_id: Askable(info, None) for kernel_id, info in infos.items()})
    return probe.hear(within)


def asked(kernel: FakeKernel) -> int:
    return kernel.types().count("kernel_info_request")


def test_one_that_answers_on_the_shell_is_idle(kernel: FakeKernel) -> None:
    with Probe() as probe:
        assert look(probe, {"k": kernel.info}, PATIENCE) == {"k": KernelState.IDLE}
        assert look(probe, {"k": kernel.info}, PATIENCE) == {"k": KernelState.IDLE}

    assert asked(kernel) == 4


def test_one_that_answers_on_nothing_is_left_out_and_not_asked_again(kernel: FakeKernel) -> None:
    kernel.hold("kernel_info_request")
    with Probe() as probe:
        assert look(probe, {"k": kernel.info}, 0.1) == {}
        kernel.wait_for("kernel_info_request", count=2)
        assert look(probe, {"k": kernel.info}, 0.1) == {}
        kernel.release()

        assert look(probe, {"k": kernel.info}, PATIENCE) == {"k": KernelState.IDLE}

    assert asked(kernel) == 2


def test_a_forged_answer_is_none(kernel: FakeKernel) -> None:
    kernel.session = kernel.session.__class__(b"another key")

    with Probe() as probe:
        assert look(probe, {"k": kernel.info}, 0.1) == {}


def test_where_nobody_is_nobody_answers(short_path: Path) -> None:
    ports = {channel: number for number, channel in enumerate(Channel, start=1)}
    gone = ConnectionInfo("ipc", str(short_path / "k"), ports, b"key")

    with Probe() as probe:
        assert look(probe, {"k": gone}, 0.05) == {}


def test_another_process_at_the_same_place_is_asked_anew(kernel: FakeKernel) -> None:
    kernel.hold("kernel_info_request")
    with Probe() as probe:
        for pid in (4121, 4122):
            probe.ask({"k": Askable(kernel.info, ProcessIdentity(pid, 1, "boot"))})
            assert probe.hear(0.05) == {}
        kernel.wait_for("kernel_info_request", count=4)


def test_what_cannot_be_asked_disturbs_no_other(kernel: FakeKernel) -> None:
    odd = ConnectionInfo("tcp", "no host", kernel.info.ports, b"key")

    with Probe() as probe:
        assert look(probe, {"odd": odd, "k": kernel.info}, PATIENCE) == {"k": KernelState.IDLE}
