"""What is paged is private, and a pager that cannot run is told."""

from __future__ import annotations

import errno
import os
import shlex
import stat
import sys
from pathlib import Path

import pytest

from kerneltui.tui.terminal import pager as pager_module
from kerneltui.tui.terminal.pager import page


def test_the_pager_gets_a_private_file_that_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("PAGER", f'sh -c \'cp -p "$0" {seen}; echo "$0" > {seen}.name\'')

    assert page("two\nlines\n") == ""

    assert seen.read_text() == "two\nlines\n"
    assert stat.S_IMODE(seen.stat().st_mode) == 0o600
    assert not Path((tmp_path / "seen.name").read_text().strip()).exists()


STOPS = """
import os, pathlib, signal, sys
pager = os.getpid()
if not os.fork():
    while ") T " not in pathlib.Path(f"/proc/{pager}/stat").read_text():
        pass
    os.kill(pager, signal.SIGCONT)
    os._exit(0)
os.kill(pager, signal.SIGSTOP)
pathlib.Path(sys.argv[1]).touch()
"""


def test_a_pager_that_is_stopped_is_waited_for_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, gone_on = tmp_path / "stops.py", tmp_path / "gone on"
    program.write_text(STOPS)
    monkeypatch.setenv("PAGER", shlex.join([sys.executable, str(program), str(gone_on)]))

    assert page("text") == ""

    assert gone_on.exists()


@pytest.mark.parametrize(
    ("pager", "problem"),
    [
        ("no-such-pager -x", "cannot run no-such-pager: No such file or directory"),
        ("'open", "cannot read $PAGER: No closing quotation"),
    ],
)
def test_a_pager_that_cannot_run_is_told(
    pager: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager)

    assert page("text").startswith(problem)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_what: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pager_module, "write_new", full)
    monkeypatch.setenv("PAGER", "less")

    assert page("text") == "cannot write a file for less: No space left on device"
