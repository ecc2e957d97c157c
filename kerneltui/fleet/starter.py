"""KernelStarter: starts kernels that outlive this process, each with a unique name."""

from __future__ import annotations

import time
from collections.abc import Collection

from kerneltui.fleet.keeper.start import KeeperStarter
from kerneltui.fleet.manifests.adoption import todays_environment
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.manifests.names import checked_name, refuse_taken
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.fleet.registry.tracker import Tracker
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.specs.spec_manager import format_argv
from kerneltui.paths import runtime_folder


class KernelStarter:
    """Writes a kernel's manifest before the launch, so that the next dashboard finds it."""

    def __init__(
        self,
        registry: KernelRegistry,
        tracker: Tracker,
        store: ManifestStore,
        kernels: MultiKernelManager,
        recorder: KeeperStarter,
    ) -> None:
        self._registry = registry
        self._tracker = tracker
        self._manifests = store
        self._kernels = kernels
        self._recorder = recorder

    def start(self, kernel_name: str, *, cwd: str, name: str, autorestart: bool) -> str:
        """Start a kernel and return its id. Raises KernelError.

        `name`: "" to have one made from the kernelspec's name.
        """
        name = checked_name(name) if name else ""
        kernel_id = self._kernels.new_kernel_id()
        environment = todays_environment(kernel_id)
        connection_file = str(runtime_folder() / f"kernel-{kernel_id}.json")
        spec = self._kernels.kernel_spec_manager.get_kernel_spec(kernel_name)

        def describe(taken: Collection[str]) -> Manifest:
            names = {*taken, *(kernel.name for kernel in self._registry.all())}
            return Manifest(
                kernel_id=kernel_id,
                name=_unique(name, kernel_name, names),
                kernel_name=kernel_name,
                connection_file=connection_file,
                cwd=cwd,
                environment=tuple(sorted(environment)),
                started_at=time.time(),
                autorestart=autorestart,
                argv=tuple(format_argv(spec, connection_file=connection_file)),
                interrupt_mode=spec.interrupt_mode,
            )

        with self._manifests.begin(describe) as manifest:
            self._registry.admit(TrackedKernel(kernel_id, manifest.name, cwd, manifest=manifest))
            self._recorder.ensure()  # before its first output
            self._launch(manifest, environment)
        self._registry.publish()
        self._tracker.wait_until_heard(kernel_id)
        return kernel_id

    def _launch(self, manifest: Manifest, environment: dict[str, str]) -> None:
        kernel_id = manifest.kernel_id
        try:
            self._kernels.start_kernel(
                manifest.kernel_name,
                kernel_id=kernel_id,
                cwd=manifest.cwd or None,
                env=environment,
                independent=True,
            )
        except BaseException:
            self._tracker.forget(kernel_id)
            raise
        if kernel_id not in self._kernels:  # all kernels were shut down meanwhile
            self._tracker.forget(kernel_id)


def _unique(wanted: str, kernel_name: str, taken: Collection[str]) -> str:
    """Return the wanted name, or a free one if it is "". Raises ActionRefused if it is taken."""
    refuse_taken(wanted, taken)
    numbers = (f"{kernel_name}-{number}" for number in range(1, len(taken) + 2))
    return wanted or next(name for name in numbers if name not in taken)
