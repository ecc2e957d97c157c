"""A kernel for as long as a block lasts, and not a moment longer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kerneltui.errors import KernelDied, NoSuchKernel, ReadyTimeout
from kerneltui.kernels.management.run import run_kernel, start_new_kernel
from tests.children import Children


@pytest.fixture
def child(children: Children, monkeypatch: pytest.MonkeyPatch) -> Children:
    """Have "child" among the kernelspecs that are found by default."""
    monkeypatch.setenv("JUPYTER_PATH", str(children.folder))
    return children


def runtime_files() -> list[str]:
    return [path.name for path in Path(os.environ["JUPYTER_RUNTIME_DIR"]).glob("kernel-*")]


def test_a_kernel_that_dies_before_it_is_ready_leaves_nothing(child: Children) -> None:
    child.specs("dies")
    before = runtime_files()

    with pytest.raises(KernelDied, match="MemoryError: no room"):
        start_new_kernel(kernel_name="child")

    assert runtime_files() == before


def test_a_kernel_that_is_not_ready_in_time_leaves_nothing(child: Children) -> None:
    child.specs("waits")
    before = runtime_files()

    with pytest.raises(ReadyTimeout), run_kernel(kernel_name="child", startup_timeout=0.05):
        pytest.fail("the kernel never answers")

    assert runtime_files() == before


def test_an_unknown_kernelspec_is_refused(child: Children) -> None:
    child.specs("waits")

    with pytest.raises(NoSuchKernel, match=r"'nope' not found; available: .*child"):
        start_new_kernel(kernel_name="nope")
