"""The files of this host are read for its own processes only."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import cast

import pytest

from kerneltui.fleet.console.console import Console
from kerneltui.fleet.diagnosis.stack import Frame, Stack, StackThread, Way
from kerneltui.fleet.diagnosis.ways import diagnosis
from kerneltui.fleet.diagnosis.ways.diagnosis import Diagnosis
from kerneltui.fleet.diagnosis.ways.subject import Subject
from kerneltui.kernels.processes.identity import ProcessIdentity, identify

FIRST_LINE = '"""The files of this host are read for its own processes only."""'
HERE = identify(os.getpid())


@pytest.mark.parametrize(("identity", "source"), [(HERE, FIRST_LINE), (None, "")])
def test_a_file_of_this_host_is_not_taken_for_that_of_another(
    identity: ProcessIdentity | None, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(Way.SUBSHELL, (StackThread("MainThread", True, (Frame(__file__, 1, "f"),)),))
    monkeypatch.setattr(diagnosis, "first_that_works", lambda _ways: stack)
    console = cast(Console, SimpleNamespace(queued={}, beside={}))

    found = Diagnosis(console, lambda _id: None, lambda _subject: ()).stack(
        Subject("k1", None, identity)
    )

    assert found.threads[0].frames[0].source == source
