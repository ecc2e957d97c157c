"""Small kernels that are processes, for fleets, and one kernel as a front end sees it."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests import lock as manifest_lock
from kerneltui.fleet.manifests.store import Dismissed
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.threads import periodic
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.management import manager as manager_module
from kerneltui.protocol.status import KernelState
from tests.fleet.stage import shown
from tests.fleet.unkept import without_keeper
from tests.support import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
WITHIN = 60  # seconds, for what a process takes to start or end on a busy machine
SPECS: dict[str, dict[str, Any]] = {
    "tiny": {
        "argv": [sys.executable, "-m", "tests.kernel_process", "{connection_file}"],
        "display_name": "Tiny\x1b[31m",
        "language": "none",
        "env": {"PYTHONPATH": str(ROOT)},
        "metadata": {"supported_transports": ["ipc"]},
    },
    "broken": {
        "argv": [
            "sh",
            "-c",
            "echo first >&2; echo no such module >&2; exit 3",
            "{connection_file}",
        ],
        "display_name": "Broken",
        "language": "none",
    },
    "mute": {
        "argv": ["sleep", "1000"],
        "display_name": "Mute",
        "language": "none",
    },
    "nowhere": {
        "argv": ["/nonexistent/kernel", "{connection_file}"],
        "display_name": "Nowhere",
        "language": "none",
    },
}


def install_and_make_haste(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Install SPECS below `folder`, and shorten the waits."""
    for name, spec in SPECS.items():
        (folder / "kernels" / name).mkdir(parents=True)
        (folder / "kernels" / name / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    patch.setenv("JUPYTER_PATH", str(folder))
    patch.setattr(manager_module, "SHUTDOWN_WAIT_TIME", 1.0)
    without_keeper(patch)
    patch.setattr(periodic, "INTERVAL", 0.15)


def dismiss_all(fleet: Fleet) -> None:
    fleet.locked = False
    thread = fleet._reconciler.thread
    if not thread.has_ended:
        thread.take_turn(WITHIN)  # until it is adopted, a kernel's files are not ours to remove
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_lock, "PATIENCE", PATIENCE)  # another fleet may be giving an order
        _dismiss(fleet)


def _dismiss(fleet: Fleet) -> None:
    store = fleet._tracker._manifests
    for kernel in fleet.registry.all():
        if not kernel.is_ours or kernel.manager is None:
            continue
        with contextlib.ExitStack() as held:
            if kernel.manifest is not None:
                with contextlib.suppress(Dismissed):
                    # Until the end: a thread of the fleet that notes something about a living
                    # kernel would write a missing manifest again.
                    held.enter_context(store.hold(kernel.manifest))
                store.remove(kernel.manifest)  # so that no other fleet takes this for a death
            kernel.manager.shutdown_kernel(now=True)
        fleet._tracker.forget(kernel.kernel_id)


class Watched:
    """One kernel of a fleet as a front end sees it."""

    def __init__(self, fleet: Fleet, kernel_name: str) -> None:
        self.fleet = fleet
        self.kernel_id = fleet.start(kernel_name, cwd="/")

    @property
    def now(self) -> KernelSnapshot:
        (found,) = (each for each in self.fleet.snapshots if each.kernel_id == self.kernel_id)
        return found

    def wait_for(self, state: KernelState) -> KernelSnapshot:
        eventually(lambda: self._is_settled(state), WITHIN)
        return self.now

    def _is_settled(self, state: KernelState) -> bool:
        """Tell whether the kernel is in a state; if dead, its cause must be known too."""
        now = self.now
        return now.state is state and (state is not KernelState.DEAD or now.death is not None)

    def run(self, code: str) -> None:
        self.fleet.console.execute(self.kernel_id, code)

    def shown(self) -> list[tuple[Role, str]]:
        transcript = self.fleet.transcript(self.kernel_id)
        assert transcript is not None
        return shown(transcript.view())

    @property
    def is_listed(self) -> bool:
        return self.kernel_id in [each.kernel_id for each in self.fleet.snapshots]
