"""AgentLink: what came while this process stood still is read before the link is called over."""

from __future__ import annotations

import json
import select
import threading
import time

import pytest

from kerneltui.fleet.engines.ssh import lines
from kerneltui.fleet.engines.ssh import link as link_module
from kerneltui.fleet.engines.ssh.link import LOST, AgentLink
from tests.support import PATIENCE, Background

GREETING = {"protocol": lines.PROTOCOL, "kerneltui": "1.2", "host": "gpu1", "now": 5.0}
SPEAKS_WHEN_TOLD = f"""
echo '{json.dumps({"greeting": GREETING})}'
while read -r line; do [ "$line" = go ] && break; done
echo '{{"now": 6.0}}'
cat >/dev/null
"""


class Clock:
    """The time for a link, which may jump."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def test_what_came_while_we_stood_still_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, greeted, heard = Clock(), threading.Event(), threading.Event()
    monkeypatch.setattr(link_module, "time", clock)
    link = AgentLink(
        ["sh", "-c", SPEAKS_WHEN_TOLD],
        "gpu",
        "1.2",
        greeted=lambda _greeting: greeted.set(),
        hear=lambda _message: heard.set(),
        tick=lambda _heard_at: None,
    )

    def stand_still() -> None:
        link._process.send(b"go\n")
        select.select([link._process.stdout], [], [], PATIENCE)
        clock.ahead = LOST + 1.0

    running = Background(link.run)
    assert greeted.wait(PATIENCE)
    link._mailbox.put(stand_still)
    is_heard = heard.wait(PATIENCE)
    link.close()

    running.result()
    assert is_heard
