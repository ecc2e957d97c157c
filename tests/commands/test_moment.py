"""What one look at all kernels shows."""

from __future__ import annotations

import os

import pytest

from kerneltui.commands import process_look
from kerneltui.commands.moment import Moments
from kerneltui.commands.probe import Askable, Probe
from kerneltui.commands.process_look import ProcessLook
from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.inspection.process_sample import ProcessSample
from kerneltui.kernels.processes.identity import identify
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.status import KernelState


@pytest.mark.parametrize("is_starved", [True, False])
def test_a_busy_kernel_without_cpu_is_looked_at_again_if_it_would_run(
    monkeypatch: pytest.MonkeyPatch, is_starved: bool
) -> None:
    """This process, which runs, is the kernel; its CPU time is not told to have grown."""
    own = identify(os.getpid())
    assert own is not None
    monkeypatch.setattr(process_look, "WINDOW", 0.001)
    quiet = ProcessSample(ProcessState.SLEEPING, 1.0)
    monkeypatch.setattr(process_look, "look_at", lambda _pid: quiet)
    if not is_starved:
        monkeypatch.setattr("kerneltui.commands.moment.has_runnable_thread", lambda _pid: False)
    processes = ProcessLook([own])
    processes.look_again()
    with Probe() as probe:
        probe.states = {"k1": KernelState.BUSY}
        moments = Moments(processes, probe=probe)

        doubtful = moments.doubtful({"k1": Askable(ConnectionInfo("tcp", "127.0.0.1", {}), own)})

    assert doubtful == ({own} if is_starved else set())
