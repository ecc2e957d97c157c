"""What can be learnt of a kernel: its command line and its environment, without its secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.inspection.kernel_info import kernel_info, versions
from kerneltui.fleet.model.masking import MASK
from kerneltui.kernels.management.manager import KernelManager
from tests.children import Children

REPLY = {
    "implementation": "ipython",
    "implementation_version": "9.1",
    "language_info": {"name": "python", "version": "3.13"},
    "protocol_version": "5.5",
    "supported_features": ["kernel subshells"],
    "banner": "Hello\nsecond line",
}


@pytest.fixture
def children(short_path: Path) -> Iterator[Children]:
    with Children(short_path) as children:
        yield children


def start(children: Children, **environment: str) -> KernelManager:
    manager = children.manager("waits")
    children.launch(manager, env={**os.environ, **environment}, cwd="/")
    children.hear("ready")
    return manager


def test_a_living_kernel_shows_how_it_was_started(children: Children) -> None:
    manager = start(children, COLOUR="red")

    info = kernel_info(manager, {})

    assert info.argv[-1] == manager.connection_file
    assert info.cwd == "/"
    assert ("COLOUR", "red") in (info.environment or ())


def test_secrets_of_its_environment_are_masked(children: Children) -> None:
    manager = start(children, API_TOKEN="hunter2", DB="db://ana:hunter2@host")

    info = kernel_info(manager, {})

    assert "hunter2" not in repr(info)
    assert {("API_TOKEN", MASK), ("DB", f"db://ana:{MASK}@host")} <= set(info.environment or ())


def test_the_connection_key_is_masked_wherever_it_stands(children: Children) -> None:
    manager = children.manager("waits")
    key = manager.session.key.decode()
    children.launch(manager, env={**os.environ, "COPY": f"<{key}>"})
    children.hear("ready")

    info = kernel_info(manager, {"banner": "hello"})

    assert key not in repr(info)
    assert ("COPY", f"<{MASK}>") in (info.environment or ())


def test_of_a_dead_kernel_the_command_line_is_known_and_no_environment(children: Children) -> None:
    manager = start(children)
    manager.shutdown_kernel(now=True, restart=True)

    info = kernel_info(manager, {})

    assert (info.argv[-1], info.cwd, info.environment) == (manager.connection_file, "", None)


def test_hostile_variables_are_cleaned(children: Children) -> None:
    info = kernel_info(start(children, TITLE="\x1b]0;x\x07\x9b2Jhi"), {})

    shown = dict(info.environment or ())["TITLE"]
    assert shown.isprintable()


def test_endpoints_are_those_of_the_five_channels(children: Children) -> None:
    info = kernel_info(start(children), {})

    assert [name for name, _ in info.endpoints] == ["shell", "stdin", "iopub", "hb", "control"]


def test_versions_are_told_in_words() -> None:
    assert versions(REPLY) == (
        ("implementation", "ipython 9.1"),
        ("language", "python 3.13"),
        ("protocol", "5.5"),
        ("features", "kernel subshells"),
        ("banner", "Hello"),
    )


@pytest.mark.parametrize("value", [None, 3, [], {"name": 3}, "\x1b[2J"])
def test_odd_versions_show_no_control(value: object) -> None:
    shown = versions(dict.fromkeys(REPLY, value))

    assert all(text.isprintable() for _, text in shown)


def test_features_that_are_no_names_are_not_told() -> None:
    assert versions({"supported_features": [["x"], 10**5, "kernel subshells"]}) == (
        ("features", "kernel subshells"),
    )
