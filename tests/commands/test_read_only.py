"""Commands that only look send no kernel a request if that is forbidden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.cli import main
from kerneltui.protocol.wire import Session
from tests.fake_kernel import KEY
from tests.fleet.recorders import RunningRecorder, SpokenKernel, left_kernel
from tests.fleet.unkept import without_keeper

LOOKS = {"ps": ["ps"], "stack": ["stack", "train"]}


@pytest.fixture
def kernel(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpokenKernel]:
    without_keeper(monkeypatch)
    with left_kernel(short_path, monkeypatch) as kernel:
        yield kernel


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_no_kernel_is_asked_by_a_command_that_is_read_only(
    kernel: SpokenKernel, look: list[str]
) -> None:
    assert main(["--read-only", *look]) == 0

    assert kernel.voice.types() == []


def test_no_kernel_is_asked_where_the_file_says_read_only(
    kernel: SpokenKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "kerneltui").mkdir()
    (tmp_path / "kerneltui" / "kerneltui.toml").write_text("read_only = true\n")

    assert main(["ps"]) == 0

    assert kernel.voice.types() == []


def test_a_kernel_that_may_not_be_asked_is_listed_with_its_recorded_state(
    kernel: SpokenKernel, short_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunningRecorder(short_path):
        kernel.voice.wait_for_listener()
        kernel.voice.status("busy", Session(KEY).new_message("execute_request", {}))
        kernel.wait_recorded("busy")

        assert main(["--read-only", "ps", "state:busy", "--quiet"]) == 0

    assert capsys.readouterr().out.split() == [kernel.manifest.kernel_id]
