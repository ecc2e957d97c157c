"""Kernels that are small Python programs: they ignore signals, fork, die, or end politely."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from tests.support import eventually

ROOT = Path(__file__).parents[1]
# Listens as a kernel does, has a heartbeat and answers no request; it prints interrupts.
_SERVE = f"""
sys.path.insert(0, {str(ROOT)!r})
from tests.kernel_process import kernel_at
signal.signal(signal.SIGINT, lambda *_: say('interrupted'))
kernel = kernel_at(sys.argv[1])
kernel.holding.update([*kernel.replies, 'execute_request'])
kernel.__enter__()
"""
_FORK = """
twin = os.fork()
if not twin:
    pause()
say(f'twin {twin}')
"""
_WAIT = """
while True:
    pause()
"""

# Each runs as `python -c SCRIPT CONNECTION_FILE` and prints "ready" when its handlers are set.
_HEAD = """
import json, os, signal, sys, time
say = lambda text: os.write(1, text.encode() + b'\\n')
def pause():  # signal.pause() misses what comes just before it, or in another thread
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    os.read(reader, 1)
    signal.set_wakeup_fd(before)
    os.close(reader)
    os.close(writer)
"""
SCRIPTS = {
    "waits": "say('ready'); pause()",
    "stubborn": """
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)
say('ready')
while True:
    pause()
""",
    "reports": """
def report(signum, frame):
    say(signal.Signals(signum).name)
for each in (signal.SIGINT, signal.SIGUSR1):
    signal.signal(each, report)
say('ready')
while True:
    pause()
""",
    "forks": """
if os.fork() == 0:
    say('ready')
    pause()
pause()
""",
    "escapes": """
if os.fork() == 0:
    os.setsid()
    say('ready')
    pause()
pause()
""",
    "escapes stubbornly": """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    say('ready')
while True:
    pause()
""",
    "tells": "say(f'{sys.argv[2]} {os.environ[\"WORD\"]} {os.getcwd()}'); pause()",
    "tells its owner": "say(str(os.environ.get('JPY_PARENT_PID'))); pause()",
    "dies": "sys.stderr.write('MemoryError: no room\\n'); sys.exit(3)",
    "dies once": """
try:
    os.mkdir(sys.argv[1] + '.once')
except FileExistsError:
    os.rmdir(sys.argv[1] + '.once')
    say('ready')
    pause()
sys.exit(3)
""",
    "finds its ports taken": """
sys.stderr.write('zmq.error.ZMQError: Address already in use\\n'); sys.exit(1)
""",
    "finds its ports taken once": """
try:
    os.mkdir(sys.argv[1] + '.once')
except FileExistsError:
    os.rmdir(sys.argv[1] + '.once')
    say('ready')
    pause()
sys.stderr.write('zmq.error.ZMQError: Address already in use\\n'); sys.exit(1)
""",
    "serves": _SERVE + "say('ready')" + _WAIT,
    "has a twin": _SERVE + _FORK + "say('ready')" + _WAIT,
    "wraps": f"""
import subprocess
code = {_HEAD + _SERVE + "say(f'kernel {os.getpid()}'); say('ready')" + _WAIT!r}
sys.exit(subprocess.call([sys.executable, '-s', '-c', code, *sys.argv[1:]]))
""",
    "wraps one with a twin": f"""
import subprocess
code = {_HEAD + _SERVE + _FORK + "say(f'kernel {os.getpid()}'); say('ready')" + _WAIT!r}
sys.exit(subprocess.call([sys.executable, '-s', '-c', code, *sys.argv[1:]]))
""",
    "polite": _SERVE
    + """
say('ready')
while not kernel.requests:
    time.sleep(0.01)
say(kernel.requests[0]['msg_type'])
say(json.dumps(kernel.requests[0]['content']))
os._exit(0)
""",
}


class Children:
    """Makes managers of such kernels in `folder`, and ends these kernels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._witness = folder / "said"
        self._file = self._witness.open("ab")
        self._managers: list[KernelManager] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for manager in self._managers:
            manager.shutdown_kernel(now=True)
        self._file.close()

    def specs(self, script: str, **fields: Any) -> KernelSpecManager:
        """Return a kernelspec manager that knows only this script, as "child"."""
        spec = self.folder / "kernels" / "child"
        spec.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-s", "-c", _HEAD + SCRIPTS[script], "{connection_file}"]
        content = {"argv": argv, "display_name": "Child", "language": "none", **fields}
        (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
        return KernelSpecManager(kernel_dirs=[str(spec.parent)], ensure_native_kernel=False)

    def manager(
        self,
        script: str,
        *,
        spec: Mapping[str, Any] | None = None,
        kind: type[KernelManager] = KernelManager,
        **arguments: Any,
    ) -> KernelManager:
        """Return a manager whose kernel is not started. `spec`: fields to add to its kernelspec."""
        specs = self.specs(script, **(spec or {}))
        manager = kind(kernel_name="child", kernel_spec_manager=specs, **arguments)
        self._managers.append(manager)
        return manager

    def start(self, script: str, **arguments: Any) -> KernelManager:
        """Start a kernel and wait until it prints "ready"; return its manager."""
        manager = self.manager(script, **arguments)
        self.launch(manager)
        self.hear("ready")
        return manager

    def launch(self, manager: KernelManager, **arguments: Any) -> None:
        """Start a kernel whose stdout the test can read."""
        manager.start_kernel(stdout=self._file, **arguments)

    def said(self) -> list[str]:
        """Return the lines that the kernels of this test wrote to stdout."""
        return self._witness.read_text(encoding="utf-8").splitlines()

    def hear(self, word: str, *, count: int = 1) -> None:
        """Wait until kernels have printed `word` so many times."""
        eventually(lambda: self.said().count(word) >= count)
