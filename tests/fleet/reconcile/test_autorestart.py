"""The thread that looks after automatic restarts waits for no process that takes long to end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kerneltui.fleet.reconcile.autorestart import _await_decision


def test_a_process_whose_end_is_not_told_yet_is_not_awaited() -> None:
    recorded: list[Any] = []
    process = SimpleNamespace(exited=True, wait=lambda timeout: timeout != 0)
    life = SimpleNamespace(record_exit=recorded.append)
    manager: Any = SimpleNamespace(process=process, life=life)

    _await_decision(manager)

    assert recorded == []
