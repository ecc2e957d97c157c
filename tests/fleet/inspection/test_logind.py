"""Whether kernels are ended at logind, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.fleet.inspection import logind
from kerneltui.fleet.inspection.logind import ADVICE, is_kept, kills_at_logout, logout_warning

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n"


@pytest.mark.parametrize(
    ("texts", "kills"),
    [
        ([], False),
        (["[Login]\n#KillUserProcesses=yes\n"], False),
        (["[Login]\nKillUserProcesses=yes\n"], True),
        (["[Login]\n KillUserProcesses = True\n"], True),
        (["KillUserProcesses=yes\n", "KillUserProcesses=no\n"], False),
        (["KillUserProcesses=no\n", "KillUserProcesses=1\n"], True),
        (["KillUserProcesses=\n"], False),
    ],
)
def test_the_last_word_of_the_configuration_counts(texts: list[str], kills: bool) -> None:
    assert kills_at_logout(texts) is kills


@pytest.mark.parametrize(
    ("cgroup", "lingers", "kept"),
    [(SESSION, True, False), (MANAGER, False, False), (MANAGER, True, True), ("", True, False)],
)
def test_only_a_lingering_manager_keeps_processes(
    tmp_path: Path, cgroup: str, lingers: bool, kept: bool
) -> None:
    linger = tmp_path / "ana"
    if lingers:
        linger.touch()

    assert is_kept(cgroup, linger) is kept


@pytest.mark.parametrize(("setting", "warning"), [("yes", ADVICE), ("no", "")])
def test_a_drop_in_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, warning: str
) -> None:
    folder = tmp_path / "logind.conf.d"
    folder.mkdir()
    (folder / "50-kill.conf").write_text(f"[Login]\nKillUserProcesses={setting}\n")
    for place in ("ETC", "RUN", "LIB", "LINGER"):
        monkeypatch.setattr(logind, place, tmp_path)

    assert logout_warning() == warning
