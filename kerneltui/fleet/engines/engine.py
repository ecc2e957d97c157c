"""Engine: the interface of whatever knows kernels and carries out verbs on them.

`kerneltui.fleet.fleet.Fleet`, the engine of this host, says what each method does. The ids and
kernelspecs of another engine begin with its name and a colon, so that they are unique.
"""

from __future__ import annotations

from collections.abc import Collection, Container
from typing import TYPE_CHECKING, Protocol, Unpack

if TYPE_CHECKING:
    from kerneltui.fleet.console.kernel_console import KernelConsole
    from kerneltui.fleet.diagnosis.stack import Frame, Stack
    from kerneltui.fleet.diagnosis.variable import Variable
    from kerneltui.fleet.inspection.host_usage import HostUsage
    from kerneltui.fleet.inspection.kernel_info import KernelInfo
    from kerneltui.fleet.inspection.process_tree import ProcessFacts
    from kerneltui.fleet.inspection.spec_choice import SpecChoice
    from kerneltui.fleet.model.capabilities import Verb
    from kerneltui.fleet.model.options import Options
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
    from kerneltui.fleet.monitoring.message_log import MessageSource
    from kerneltui.fleet.registry.notices import Notice
    from kerneltui.fleet.transcript.entries import TranscriptSource
    from kerneltui.kernels.processes.identity import ProcessIdentity


class Engine(Protocol):
    """The kernels of this host, of a Jupyter server, or of another host."""

    locked: bool
    detailed: str

    def open(self) -> None: ...

    def close(self) -> None: ...

    # -- published values: return at once ----

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]: ...

    @property
    def host(self) -> HostUsage | None: ...

    @property
    def console(self) -> KernelConsole: ...

    def transcript(self, kernel_id: str) -> TranscriptSource | None: ...

    def message_log(self, kernel_id: str) -> MessageSource | None: ...

    def take_notices(self) -> tuple[Notice, ...]: ...

    def note_told(self, notice: Notice) -> None: ...

    def mark(self, kernel_id: str) -> None: ...

    # -- lookups: block ----

    def info(self, kernel_id: str) -> KernelInfo: ...

    def processes(
        self, kernel_id: str, opened: Container[ProcessIdentity] = ()
    ) -> tuple[ProcessFacts, ...]: ...

    def log(self, kernel_id: str) -> TranscriptSource | None: ...

    def stack(self, kernel_id: str) -> Stack: ...

    def variables(self, kernel_id: str) -> tuple[Variable, ...]: ...

    def frame_names(
        self, kernel_id: str, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]: ...

    def kernel_specs(self) -> tuple[SpecChoice, ...]: ...

    def warm(self, kernel_name: str) -> None: ...

    def before(self, verb: Verb, target: Target) -> tuple[str, ...]: ...

    # -- verbs: block ----

    def start(self, kernel_name: str, *, cwd: str, name: str = "") -> str: ...

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str: ...

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str: ...
