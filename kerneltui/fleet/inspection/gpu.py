"""GpuLook: what processes use of NVIDIA GPUs, by NVML; nothing without a GPU or the extra.

Source: the NVML API reference, "Device Queries" (nvmlDeviceGetProcessUtilization).
"""

from __future__ import annotations

import importlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from kerneltui.frozen import frozen

_MODULE = "pynvml"  # of nvidia-ml-py
_RECENT = 2.0  # seconds: older samples of the use do not count


@frozen
class GpuUse:
    """What one process uses of all GPUs together."""

    memory: int | None
    """Bytes; None if the driver does not tell."""
    use: float | None = None
    """The recent share of a GPU's time, from 0 to 1, above 1 on several GPUs; None as above."""


class GpuLook:
    """Blocking. If the first look finds no GPU, later ones cost nothing."""

    def __init__(self, module: str = _MODULE) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._nvml: Any = None
        self._devices: list[Any] | None = None
        """None before the first look."""

    def look(self) -> Mapping[int, GpuUse]:
        """Return the use of GPUs by pid."""
        with self._lock:
            if self._devices is None:
                self._devices = self._open()
            return self._uses(self._devices) if self._devices else {}

    def _open(self) -> list[Any]:
        try:
            self._nvml = importlib.import_module(self._module)
        except ImportError:
            return []
        try:
            self._nvml.nvmlInit()
            count = self._nvml.nvmlDeviceGetCount()
            return [self._nvml.nvmlDeviceGetHandleByIndex(number) for number in range(count)]
        except self._nvml.NVMLError:  # no driver, or no GPU
            return []

    def _uses(self, devices: Iterable[Any]) -> Mapping[int, GpuUse]:
        memory: defaultdict[int, list[int | None]] = defaultdict(list)
        shares: defaultdict[int, float] = defaultdict(float)
        for device in devices:
            for pid, size in self._memory_on(device).items():
                memory[pid].append(size)
            for pid, share in self._shares_on(device).items():
                shares[pid] += share
        return {pid: GpuUse(_sum(memory[pid]), shares.get(pid)) for pid in {*memory, *shares}}

    def _memory_on(self, device: Any) -> dict[int, int | None]:
        """Return the use of one GPU's memory by pid; a process may both compute and draw."""
        found: dict[int, int | None] = {}
        for ask in (
            self._nvml.nvmlDeviceGetComputeRunningProcesses,
            self._nvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            with suppress(self._nvml.NVMLError):  # not every GPU tells
                found |= {each.pid: each.usedGpuMemory for each in ask(device)}
        return found

    def _shares_on(self, device: Any) -> dict[int, float]:
        """Return the latest share that each process had of one GPU's time."""
        since = int((time.time() - _RECENT) * 1e6)
        try:
            samples = self._nvml.nvmlDeviceGetProcessUtilization(device, since)
        except self._nvml.NVMLError:  # no recent samples, or this GPU does not tell
            return {}
        in_order = sorted(samples, key=lambda each: each.timeStamp)
        return {each.pid: each.smUtil / 100 for each in in_order}


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None
