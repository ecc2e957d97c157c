"""What a wrapper passes on is read as its kernel's own returncode."""

from __future__ import annotations

import pytest

from kerneltui.kernels.processes.returncode import unwrapped


@pytest.mark.parametrize(
    ("passed_on", "returncode"),
    [(137, -9), (139, -11), (3, 3), (128, 128), (255, 255), (None, None)],
)
def test_a_shell_passes_a_signal_on_as_a_code(
    passed_on: int | None, returncode: int | None
) -> None:
    assert unwrapped(passed_on) == returncode
