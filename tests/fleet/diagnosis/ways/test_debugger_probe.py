"""Where the code of a kernel stands, asked of a debugger that a front end has switched on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kerneltui.fleet.diagnosis.ways import debugger_probe
from kerneltui.fleet.diagnosis.ways.choice import CannotLook
from kerneltui.fleet.diagnosis.ways.debugger_probe import look_by_debugger
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.management.manager import KernelManager
from tests.support import eventually

pytestmark = pytest.mark.slow

WITHIN = 60  # seconds, for what a kernel does on a loaded machine
SLEEP = "import time\ndef nap():\n    print('naps', flush=True)\n    time.sleep(1000)\nnap()"
INITIALIZE = {
    "clientID": "a front end",
    "adapterID": "",
    "pathFormat": "path",
    "linesStartAt1": True,
    "columnsStartAt1": True,
}


class FrontEnd:
    """A client that runs code in a kernel, and may debug it."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self._client: BlockingKernelClient = manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=WITHIN)
        self._asked = 0

    def switch_debugger_on(self) -> None:
        """Do what JupyterLab does when its bug icon is clicked."""
        self.debug("initialize", INITIALIZE)
        self.debug("attach", {})

    def debug(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the body of what the debugger answers."""
        self._asked += 1
        content = {
            "type": "request",
            "seq": self._asked,
            "command": command,
            "arguments": arguments,
        }
        with self.manager.control_request("debug_request", content) as request:
            reply = request.reply(WITHIN)
        assert reply is not None
        assert reply["content"]["success"], reply["content"]
        body: dict[str, Any] = reply["content"].get("body", {})
        return body

    def nap(self) -> None:
        """Have a cell sleep, and return once it does."""
        self._client.execute(SLEEP)
        eventually(lambda: self._client.get_iopub_msg(WITHIN)["content"].get("text") == "naps\n")

    def is_paused(self) -> bool:
        return bool(self.debug("debugInfo", {})["stoppedThreads"])

    def close(self) -> None:
        self._client.stop_channels()


@pytest.fixture
def front_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[FrontEnd]:
    for name in ("PATIENCE", "STACK_PATIENCE"):
        monkeypatch.setattr(debugger_probe, name, WITHIN)
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    front_end = FrontEnd(manager)
    yield front_end
    front_end.close()
    manager.shutdown_kernel(now=True)


def test_the_debugger_tells_where_a_sleeping_cell_stands(front_end: FrontEnd) -> None:
    front_end.switch_debugger_on()
    front_end.nap()

    main = look_by_debugger(front_end.manager).threads[0]

    assert main.main
    assert [(each.function, each.line) for each in main.frames] == [("nap", 4), ("<module>", 5)]


def test_of_other_threads_the_debugger_tells_their_names_only(front_end: FrontEnd) -> None:
    front_end.switch_debugger_on()
    front_end.nap()

    others = look_by_debugger(front_end.manager).threads[1:]

    assert "IPythonHistorySavingThread" in [each.name for each in others]
    assert not any(each.frames for each in others)


def test_code_goes_on_while_the_debugger_is_asked(front_end: FrontEnd) -> None:
    front_end.switch_debugger_on()
    front_end.nap()

    look_by_debugger(front_end.manager)

    assert not front_end.is_paused()


def test_a_debugger_that_nobody_has_switched_on_stays_off(front_end: FrontEnd) -> None:
    front_end.nap()

    with pytest.raises(CannotLook, match="no front end has switched its debugger on"):
        look_by_debugger(front_end.manager)

    assert not front_end.debug("debugInfo", {})["isStarted"]
