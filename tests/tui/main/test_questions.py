"""A question names the very process, and tells what would be lost with it."""

from __future__ import annotations

import dataclasses

import pytest

from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.main.questions import describe
from tests.tui.fakes import NOW, snapshot

IDLE = snapshot(usage=None, condition=Condition(Word.IDLE))
BUSY = dataclasses.replace(
    snapshot(state=KernelState.BUSY),
    usage=Usage(1.0, 3 << 30, 3),
    condition=Condition(Word.BUSY, NOW - 720),
    code="model.fit(x)",
    notebook="train.ipynb",
)


@pytest.mark.parametrize(
    ("kernel", "lines"),
    [
        (IDLE, ["name-k1  k1  pid 4002", "  idle"]),
        (
            BUSY,
            [
                "name-k1  k1  pid 4002",
                "  busy 12m, 3.00G, 2 children, train.ipynb, runs model.fit(x)",
            ],
        ),
    ],
)
def test_what_would_be_lost_is_told(kernel: KernelSnapshot, lines: list[str]) -> None:
    assert list(describe(kernel, NOW)) == lines
