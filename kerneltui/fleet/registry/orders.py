"""Orders: what is about to be done with a kernel, for everybody to see before it is done."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from kerneltui.errors import ActionRefused
from kerneltui.fleet.diagnosis.death import Sent
from kerneltui.fleet.manifests.manifest import RESTARTING, Manifest
from kerneltui.fleet.manifests.store import CannotNote, ManifestStore
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.management.manager import KernelManager

SENT = {
    "killing": (Verb.KILL, signal.SIGKILL),
    "stopping": (Verb.SHUTDOWN, None),
    RESTARTING: (Verb.RESTART, None),
}
"""By the word of an order, what was asked for, and the signal that a process is sent for it."""

_STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def command_of(verb: Verb) -> str:
    """Return by what command a verb is asked for; one that has none, by that of the next to it."""
    return f"kerneltui {Verb.RESTART if verb is Verb.RESTART_NOW else verb}"


class Orders:
    """In any thread. Manifests carry them to other dashboards."""

    def __init__(
        self, registry: KernelRegistry, store: ManifestStore, given_by: Callable[[Verb], str]
    ) -> None:
        """`given_by`: returns by what key or command this process is asked for a verb."""
        self._registry = registry
        self._manifests = store
        self.given_by = given_by

    @contextlib.contextmanager
    def give(
        self,
        kernel: TrackedKernel,
        word: str,
        *,
        is_urgent: bool = False,
        asked_for: Verb | None = None,
    ) -> Iterator[None]:
        """Show the order while it is carried out, and let nobody else give one.

        In the manifest it stays with a process that it has ended: others may notice that later.
        `is_urgent`: carried out though another process gives the kernel an order. `asked_for`:
        the verb, where it is not the usual one. Raises ActionRefused if another dashboard has
        given the kernel another process.
        """
        kernel = self._registry.now(kernel) or kernel
        verb, signum = SENT[word]
        sent = self._sent(kernel, asked_for or verb, signum)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._noted(kernel, word, sent))
            except ActionRefused:
                if not is_urgent or kernel.manifest is None or not kernel.is_alive:
                    raise
            mine = (word, time.monotonic())
            self._show(kernel, lambda now: replace(now, pending=mine))
            try:
                yield
            finally:  # unless a stronger order has taken over
                self._show(
                    kernel, lambda now: replace(now, pending=None) if now.pending is mine else now
                )

    def _show(
        self, kernel: TrackedKernel, change: Callable[[TrackedKernel], TrackedKernel]
    ) -> None:
        self._registry.update(kernel, change)
        self._registry.publish()

    @contextlib.contextmanager
    def _noted(self, kernel: TrackedKernel, word: str, sent: Sent | None) -> Iterator[None]:
        """Have an order in the manifest, and the space to note what came of it."""
        manifest = kernel.manifest
        if manifest is None:
            yield
            return
        changes: dict[str, Any] = {"order": word, "sent": sent}
        if word == RESTARTING and kernel.manager is not None:
            changes["argv"] = tuple(kernel.manager.next_command())
        with self._manifests.hold(manifest):
            try:
                self.amend(kernel, **changes)
                self._manifests.reserve(manifest)
            except CannotNote:
                if word == RESTARTING:  # nothing need be known after an end
                    raise
            try:
                yield
            finally:
                now = self._registry.now(kernel)
                if now is not None and (now.identity is None or now.identity.is_alive()):
                    with contextlib.suppress(ActionRefused):
                        self.amend(kernel, order="")

    def note_sent(self, kernel: TrackedKernel, verb: Verb, signum: int | None) -> None:
        """Take note of what a process is about to be sent, for when it ends or stops of it.

        `verb`: by which that was asked for; `signum`: None for the order to end.
        """
        changes: dict[str, Any] = {"sent": self._sent(kernel, verb, signum)}
        if signum in _STOPS:
            changes["stopped_at"] = time.time()
        elif signum == signal.SIGCONT:
            changes["stopped_at"] = None
        with contextlib.suppress(ActionRefused):  # who sees the end may be this process
            self.amend(kernel, **changes)

    def _sent(self, kernel: TrackedKernel, verb: Verb, signum: int | None) -> Sent | None:
        """Keep what a process is about to be sent; None if there is none any more."""
        if not kernel.is_alive:
            return kernel.sent
        sent = Sent(signum, self.given_by(verb), time.time())
        self._registry.update(kernel, lambda now: replace(now, sent=sent))
        return sent

    def amend(self, kernel: TrackedKernel, **changes: Any) -> None:
        """Change what a kernel's manifest says. Raises ActionRefused if that cannot be."""
        self._rewrite(kernel, partial(self._manifests.amend, **changes))

    def rename(self, kernel: TrackedKernel, name: str) -> None:
        """Give a kernel of ours a name that no other has. Raises ActionRefused."""
        others = (each for each in self._registry.all() if each.kernel_id != kernel.kernel_id)
        taken = frozenset(each.name for each in others)
        self._rewrite(kernel, partial(self._manifests.rename, name=name, taken=taken))
        self._registry.update(kernel, lambda now: replace(now, name=name))

    def complete(self, kernel: TrackedKernel, manager: KernelManager) -> None:
        """Note which process serves a kernel of ours, for who comes after us."""
        process = manager.process
        assert process is not None, "what was launched here is seen"
        mode = manager.kernel_spec.interrupt_mode
        self._rewrite(
            kernel,
            lambda manifest: self._manifests.complete(
                manifest, process.identity, process.launched, mode
            ),
        )

    def is_ordered(self, kernel: TrackedKernel) -> bool:
        """Tell whether some dashboard had a kernel of ours end, or has dismissed it."""
        if kernel.manifest is None:
            return False
        return self._manifests.is_ordered(kernel.manifest, kernel.identity)

    def _rewrite(self, kernel: TrackedKernel, change: Callable[[Manifest], Manifest]) -> None:
        """Change a kernel's manifest; one that was dismissed meanwhile stays removed."""
        now = self._registry.now(kernel)
        if now is None or now.manifest is None:
            return
        changed = change(now.manifest)
        self._registry.update(kernel, lambda now: replace(now, manifest=changed))
