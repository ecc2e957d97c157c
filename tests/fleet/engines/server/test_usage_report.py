"""What a kernel tells of its process is one clean line, or nothing."""

from __future__ import annotations

import pytest

from kerneltui.fleet.engines.server.usage_report import described_usage


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            {"pid": 12, "hostname": "gpu1", "kernel_memory": 123_400_000},
            "process 12 on gpu1, 123 MB of memory",
        ),
        ({"kernel_memory": 2_000_000_000}, "2,000 MB of memory"),
        ({"pid": 12, "hostname": "g\x1b[2Jpu"}, "process 12 on gpu"),
        ({"pid": "12", "hostname": "gpu1"}, ""),
        ({"pid": -1, "hostname": "gpu1", "kernel_memory": True}, ""),
        ({}, ""),
    ],
)
def test_what_is_told_is_described(told: dict[str, object], text: str) -> None:
    assert described_usage(told) == text
