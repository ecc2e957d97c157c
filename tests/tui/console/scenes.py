"""Scenes of the console's tests: the kernels that are there, and the line for code."""

from __future__ import annotations

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.tui.console.code_editor import CodeEditor
from tests.tui.fakes import FakeFleet, Stage, snapshot


def editor(stage: Stage) -> CodeEditor:
    return stage.app.screen.query_one(CodeEditor)


def bash_kernel() -> FakeFleet:
    return FakeFleet(snapshot(kernel_name="bash"))


def two_kernels() -> FakeFleet:
    return FakeFleet(snapshot("k1"), snapshot("k2"))


def asking(*, password: bool = False) -> FakeFleet:
    fleet = FakeFleet(snapshot())
    fleet.console.prompts = {"k1": Prompt("k1", "name? [/]", password, "parent")}
    return fleet
