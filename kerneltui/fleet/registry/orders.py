"""Orders: notes each order to a kernel in its manifest before it is carried out."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from kerneltui.errors import ActionRefused, KernelError, KernelTimeout
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
"""By the word of an order: the verb, and the signal that the process gets for it."""

_STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def command_of(verb: Verb) -> str:
    """Return the command for a verb; for a forced restart, which has none, that of a restart."""
    return f"kerneltui {Verb.RESTART if verb is Verb.RESTART_NOW else verb}"


class Orders:
    """For any thread. Other dashboards read the orders from the manifests."""

    def __init__(
        self, registry: KernelRegistry, store: ManifestStore, given_by: Callable[[Verb], str]
    ) -> None:
        """`given_by`: returns the key or command by which a user asks this process for a verb."""
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
        """Show the order while it is carried out, and let no other process give one.

        If it ends the kernel's process, it stays in the manifest: other dashboards may notice the
        end later. `is_urgent`: carry it out even if another process gives the kernel an order.
        `asked_for`: the verb, if it is not the usual one. Raises ActionRefused if another dashboard
        has given the kernel another process.
        """
        kernel = self._registry.now(kernel) or kernel
        verb, signum = SENT[word]
        # The cause of a later end, so it is shown only once the order is held.
        sent = self._sent(kernel, asked_for or verb, signum)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._noted(kernel, word, sent))
            except ActionRefused:
                if not is_urgent or kernel.manifest is None or not kernel.is_alive:
                    raise
            mine = (word, time.monotonic())
            self._show(kernel, lambda now: replace(now, pending=mine, sent=sent))
            try:
                yield
            except KernelTimeout:  # it may still end
                raise
            except KernelError:
                self._take_back(kernel, sent)
                raise
            finally:  # unless a stronger order has taken over
                self._show(
                    kernel, lambda now: replace(now, pending=None) if now.pending is mine else now
                )

    def _take_back(self, kernel: TrackedKernel, sent: Sent | None) -> None:
        """Forget what was to be sent by an order that was refused, if the process lives on."""
        now = self._registry.now(kernel)
        is_same = now is not None and now.is_alive and now.identity == kernel.identity
        if now is None or not is_same or now.sent is not sent:
            return
        self._registry.update(kernel, lambda now: replace(now, sent=kernel.sent))
        with contextlib.suppress(ActionRefused):
            self.amend(kernel, sent=kernel.sent)

    def _show(
        self, kernel: TrackedKernel, change: Callable[[TrackedKernel], TrackedKernel]
    ) -> None:
        self._registry.update(kernel, change)
        self._registry.publish()

    @contextlib.contextmanager
    def _noted(self, kernel: TrackedKernel, word: str, sent: Sent | None) -> Iterator[None]:
        """Note an order in the manifest, and reserve disk space to note its result."""
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
                if word == RESTARTING:  # after an end nothing needs to be known
                    raise
            try:
                yield
            finally:
                now = self._registry.now(kernel)
                if now is not None and (now.identity is None or now.identity.is_alive()):
                    with contextlib.suppress(ActionRefused):
                        self.amend(kernel, order="")

    def note_sent(self, kernel: TrackedKernel, verb: Verb, signum: int | None) -> None:
        """Note what a process is about to be sent, in case it ends or stops because of it.

        `verb`: what the user asked for; `signum`: None for a shutdown request.
        """
        sent = self._sent(kernel, verb, signum)
        self._registry.update(kernel, lambda now: replace(now, sent=sent))
        changes: dict[str, Any] = {"sent": sent}
        if signum in _STOPS:
            changes["stopped_at"] = time.time()
        elif signum == signal.SIGCONT:
            changes["stopped_at"] = None
        with contextlib.suppress(ActionRefused):  # not vital: this process may see the end itself
            self.amend(kernel, **changes)

    def _sent(self, kernel: TrackedKernel, verb: Verb, signum: int | None) -> Sent | None:
        """Return what a process is about to be sent, or the last one if it has ended."""
        if not kernel.is_alive:
            return kernel.sent
        return Sent(signum, self.given_by(verb), time.time())

    def amend(self, kernel: TrackedKernel, **changes: Any) -> None:
        """Change what a kernel's manifest says. Raises ActionRefused if it cannot be changed."""
        self._rewrite(kernel, partial(self._manifests.amend, **changes))

    def rename(self, kernel: TrackedKernel, name: str) -> None:
        """Give a kernel of ours a name that no other has. Raises ActionRefused."""
        others = (each for each in self._registry.all() if each.kernel_id != kernel.kernel_id)
        taken = frozenset(each.name for each in others)
        self._rewrite(kernel, partial(self._manifests.rename, name=name, taken=taken))
        self._registry.update(kernel, lambda now: replace(now, name=name))

    def complete(self, kernel: TrackedKernel, manager: KernelManager) -> None:
        """Note which process serves a kernel of ours, for later dashboards."""
        process = manager.process
        assert process is not None, "a process launched here is visible"
        mode = manager.kernel_spec.interrupt_mode
        self._rewrite(
            kernel,
            lambda manifest: self._manifests.complete(
                manifest, process.identity, process.launched, mode
            ),
        )

    def is_ordered(self, kernel: TrackedKernel) -> bool:
        """Tell whether any dashboard has ended or dismissed a kernel of ours."""
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
