"""Conditions that are given to another process."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import pytest

from kerneltui.kernels.processes.conditions import give, own_conditions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="they are given on Linux only")


@pytest.mark.parametrize("limit", [("RLIMIT_X", 1, 1), ("RLIMIT_CORE", 2, 1)])
def test_impossible_limits_are_an_error_of_the_system(limit: tuple[str, int, int]) -> None:
    own = own_conditions()

    with pytest.raises(OSError, match="impossible"):
        give(os.getpid(), replace(own, limits=(limit,)), own)


def test_each_limit_has_one_name() -> None:
    names = {name for name, _, _ in own_conditions().limits}

    assert "RLIMIT_NOFILE" in names
    assert "RLIMIT_OFILE" not in names
