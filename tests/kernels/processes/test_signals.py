"""A signal is meant by its number or by its name, and by nothing else."""

from __future__ import annotations

from signal import Signals

import pytest

from kerneltui.kernels.processes.signals import parse_signal


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("15", Signals.SIGTERM),
        ("09", Signals.SIGKILL),
        ("term", Signals.SIGTERM),
        (" SIGTERM ", Signals.SIGTERM),
        ("sigusr1", Signals.SIGUSR1),
        ("usr", None),
        ("0", None),
        ("", None),
        ("-9", None),
        ("999", None),
        ("9" * 5_000, None),
    ],
)
def test_a_signal_is_meant_by_its_number_or_its_name(text: str, meant: Signals | None) -> None:
    assert parse_signal(text) == meant
