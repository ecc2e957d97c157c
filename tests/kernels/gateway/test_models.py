"""Models are read from what servers really send; fields of another shape count as missing."""

from __future__ import annotations

import pytest

from kerneltui.kernels.gateway.models import (
    KernelModel,
    SessionModel,
    SpecModel,
    kernel_model,
    session_models,
    spec_models,
)

TOLD = {
    "id": "b6fd657f-cd00",
    "name": "python3",
    "last_activity": "1970-01-01T00:01:40.5Z",
    "execution_state": "busy",
    "connections": 2,
}
KERNEL = KernelModel("b6fd657f-cd00", "python3", "busy", 2, 100.5, "")


def test_a_kernel_is_read() -> None:
    assert kernel_model(TOLD) == KERNEL


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("name", 5, ""),
        ("execution_state", "on fire", ""),
        ("execution_state", ["busy"], ""),
        ("connections", "2", 0),
        ("connections", True, 0),
        ("connections", -1, 0),
        ("connections", 10**30, 0),
        ("last_activity", "yesterday", None),
        ("last_activity", "0001-01-01T00:00:00", None),
        ("last_activity", 5, None),
        ("reason", "r" * 5000, "r" * 4000),
    ],
)
def test_a_field_of_another_shape_counts_as_missing(
    field: str, value: object, read: object
) -> None:
    name = "state" if field == "execution_state" else field

    assert getattr(kernel_model({**TOLD, field: value}), name) == read


@pytest.mark.parametrize("kernel_id", [None, 5, "", ".", "..", "a/b", "a?b", "é", "a" * 201, "a\n"])
def test_what_could_not_be_asked_for_is_left_out(kernel_id: object) -> None:
    assert kernel_model({**TOLD, "id": kernel_id}) is None


def test_a_session_is_read_with_its_kernel() -> None:
    told = {"id": "s", "path": "a/b.ipynb", "name": "b.ipynb", "type": "notebook", "kernel": TOLD}

    assert session_models([told, {"id": "t"}]) == (
        SessionModel("s", "a/b.ipynb", "b.ipynb", "notebook", KERNEL),
        SessionModel("t", "", "", "", None),
    )


def test_kernelspecs_are_read_by_name() -> None:
    told = {
        "default": "python3",
        "kernelspecs": {
            "python3": {"name": "python3", "spec": {"display_name": "P", "language": "python"}},
            "ir": {"spec": None},
        },
    }

    python, r = SpecModel("python3", "P", "python"), SpecModel("ir", "ir", "")
    assert spec_models(told) == (r, python)
