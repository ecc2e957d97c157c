"""What a function takes as one TypedDict, its signature names."""

from __future__ import annotations

import inspect
from typing import Annotated, TypedDict, Unpack

import pytest

from kerneltui import BlockingKernelClient, KernelManager
from kerneltui.arguments import spelled_out
from kerneltui.kernels.connection.arguments import DEFAULTS


class Size(TypedDict, total=False):
    width: Annotated[int, 80]
    height: Annotated[int | None, None]


@spelled_out(Size)
def resize(name: str, *, force: bool = False, **size: Unpack[Size]) -> object:
    return name, force, size


def test_a_signature_names_each_argument_with_its_default() -> None:
    parameters = inspect.signature(resize).parameters

    assert {name: each.default for name, each in parameters.items() if name != "name"} == {
        "force": False,
        "width": 80,
        "height": None,
    }


@pytest.mark.parametrize("kind", [KernelManager, BlockingKernelClient])
def test_who_looks_up_how_to_reach_a_kernel_finds_all_names(kind: type) -> None:
    parameters = inspect.signature(kind).parameters

    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS
