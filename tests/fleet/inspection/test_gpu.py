"""What processes use of GPUs is summed up over all; where nothing is told, nothing is spent."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pytest

from kerneltui.fleet.inspection.gpu import GpuLook, GpuUse

G = 1 << 30


class FakeNvml:
    """The calls of NVML that are made, as nvidia-ml-py has them."""

    class NVMLError(Exception):
        """Raised for what a driver does not tell."""

    def __init__(
        self,
        memory: Sequence[Mapping[int, int | None]] = (),
        shares: Sequence[Mapping[int, int]] = (),
        *,
        has_driver: bool = True,
    ) -> None:
        """Each of a GPU: `memory` in bytes and `shares` in percent, by pid."""
        self.memory, self.shares, self.has_driver = memory, shares, has_driver
        self.begun = 0

    def nvmlInit(self) -> None:  # noqa: N802 - its name
        self.begun += 1
        if not self.has_driver:
            raise self.NVMLError

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.memory)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetComputeRunningProcesses(  # noqa: N802
        self, device: int
    ) -> list[SimpleNamespace]:
        used = self.memory[device].items()
        return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in used]

    def nvmlDeviceGetGraphicsRunningProcesses(self, _device: int) -> None:  # noqa: N802
        raise self.NVMLError

    def nvmlDeviceGetProcessUtilization(  # noqa: N802
        self, device: int, _since: int
    ) -> list[SimpleNamespace]:
        if not self.shares:
            raise self.NVMLError
        return [
            SimpleNamespace(pid=pid, timeStamp=at, smUtil=used)
            for pid, share in self.shares[device].items()
            for at, used in ((2, share), (1, 0))
        ]


@pytest.mark.parametrize(
    ("nvml", "uses"),
    [
        (FakeNvml([{7: G}], [{7: 87}]), {7: GpuUse(G, 0.87)}),
        (FakeNvml([{7: G, 8: G}, {7: 2 * G}]), {7: GpuUse(3 * G), 8: GpuUse(G)}),
        (FakeNvml([{7: G}, {7: G}], [{7: 50}, {7: 75}]), {7: GpuUse(2 * G, 1.25)}),
        (FakeNvml([{7: None}]), {7: GpuUse(None)}),
        (FakeNvml([{}]), {}),
    ],
)
def test_uses_are_of_all_gpus(
    nvml: FakeNvml, uses: dict[int, GpuUse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)

    assert GpuLook().look() == uses


def test_without_a_driver_it_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml, gpu = FakeNvml([{7: G}], has_driver=False), GpuLook()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)

    assert (gpu.look(), gpu.look(), nvml.begun) == ({}, {}, 1)


def test_without_the_extra_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert GpuLook().look() == {}
