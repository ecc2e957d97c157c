"""Deaths and the ends of long runs are told, and nothing else is."""

from __future__ import annotations

import pytest

from kerneltui.fleet.diagnosis.death import Death, Sent
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.protocol.status import KernelState
from kerneltui.tui.main.alerts import WIDTH, Alerts, sequence
from tests.tui.fakes import snapshot

BUSY = snapshot("k1", KernelState.BUSY, name="train")
IDLE = snapshot("k1", KernelState.IDLE, name="train")
DIED = snapshot("k1", KernelState.DEAD, name="train", death=Death(at=100.0, signum=9))
NOT_YET_KNOWN = snapshot("k1", KernelState.DEAD, name="train")
BY_US = Death(at=100.0, signum=9, sent=Sent(9, "X", at=99.0))
ORDERED = snapshot("k1", KernelState.DEAD, name="train", death=BY_US)

Look = tuple[float, KernelSnapshot]


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([(0, BUSY), (30, IDLE)], ["train is idle after 30s"]),
        ([(0, BUSY), (20, BUSY), (40, IDLE)], ["train is idle after 40s"]),
        ([(0, BUSY), (29, IDLE)], []),
        ([(0, BUSY), (10, IDLE), (20, BUSY), (45, IDLE)], []),
        ([(0, IDLE), (99, IDLE)], []),
        ([(0, IDLE), (1, DIED)], ["train died: SIGKILL from outside"]),
        ([(0, BUSY), (99, DIED)], ["train died: SIGKILL from outside"]),
        ([(0, IDLE), (1, DIED), (2, DIED)], ["train died: SIGKILL from outside"]),
        ([(0, IDLE), (1, NOT_YET_KNOWN), (2, DIED)], ["train died: SIGKILL from outside"]),
        ([(0, DIED)], []),
        ([(0, IDLE), (1, ORDERED)], []),
    ],
)
def test_what_is_told(looks: list[Look], told: list[str]) -> None:
    alerts = Alerts(long_run=30)

    assert [said for now, kernel in looks for said in alerts.look([kernel], now)] == told


@pytest.mark.parametrize(
    ("way", "written"),
    [
        ("off", ""),
        ("bell", "\a"),
        ("osc9", "\x1b]9;train died\a"),
        ("osc777", "\x1b]777;notify;kerneltui;train died\a"),
    ],
)
def test_how_a_terminal_is_told(way: str, written: str) -> None:
    assert sequence(way, "train died", {}) == written  # type: ignore[arg-type]


@pytest.mark.parametrize("way", ["osc9", "osc777"])
def test_a_name_cannot_end_the_sequence_or_begin_another_field(way: str) -> None:
    written = sequence(way, "a\x07b\x1b\\c\x9cd;e\n" + "x" * 500, {})  # type: ignore[arg-type]

    body = written.removesuffix("\a").removeprefix("\x1b]")
    assert not any(char in body for char in "\x07\x1b\x9c\n")
    assert body.count(";") == {"osc9": 1, "osc777": 3}[way]
    assert len(body) < WIDTH + 30


@pytest.mark.parametrize(
    ("environment", "written"),
    [
        ({"TMUX": "/tmp/tmux-0/default,1,0"}, "\x1bPtmux;\x1b\x1b]9;train died\a\x1b\\"),
        ({"STY": "1.pts"}, "\x1bP\x1b]9;train died\a\x1b\\"),
    ],
    ids=["tmux", "screen"],
)
def test_a_multiplexer_is_told_to_pass_it_on(environment: dict[str, str], written: str) -> None:
    assert sequence("osc9", "train died", environment) == written
