import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from kerneltui.kernels.processes.pending import PATIENCE, is_pending, wait_until_taken
from tests.support import eventually

BLOCKING = "import signal, time; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]); input()"


def test_a_signal_that_is_blocked_is_pending() -> None:
    with subprocess.Popen([sys.executable, "-c", BLOCKING], stdin=subprocess.PIPE) as process:
        # Only once it blocks the signal: before that, it would end.
        eventually(lambda: _blocks(process.pid))
        os.kill(process.pid, signal.SIGINT)
        begun = time.monotonic()

        wait_until_taken(process.pid, signal.SIGINT)

        assert time.monotonic() - begun >= PATIENCE
        assert is_pending(process.pid, signal.SIGINT)
        assert not is_pending(process.pid, signal.SIGTERM)
        process.kill()


def test_nothing_is_pending_where_no_process_is() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    assert not is_pending(process.pid, signal.SIGINT)


def _blocks(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return "SigBlk:\t0000000000000002" in status
