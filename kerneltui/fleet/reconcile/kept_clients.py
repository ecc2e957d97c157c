"""KeptClients: notes in manifests which client runs code, so that the next dashboard continues it.

A kernel sends a prompt only to the client that has sent the code. So the next dashboard takes over
the identity of that client, and gets the prompts of its code.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from itertools import dropwhile
from typing import NamedTuple

from kerneltui.errors import KernelError
from kerneltui.fleet.console.console import Console
from kerneltui.fleet.console.prompt import Prompt, RunningClient
from kerneltui.fleet.diagnosis.condition import Asker, OpenPrompt
from kerneltui.fleet.manifests.kept_client import KeptClient, KeptPrompt
from kerneltui.fleet.manifests.manifest import Manifest, read_manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.monitoring.monitor import KernelMonitor
from kerneltui.fleet.registry.orders import Orders
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.kernels.processes.identity import identify

MOST = 20  # other dashboards' clients that a manifest keeps; code of older ones has long finished


class _Open(NamedTuple):
    """The unfinished code of this process in a kernel, and its open prompt."""

    client: RunningClient | None = None
    prompt: Prompt | None = None


NOTHING = _Open()


class KeptClients:
    """Used by one thread at a time."""

    def __init__(
        self,
        registry: KernelRegistry,
        orders: Orders,
        store: ManifestStore,
        console: Console,
        monitor: KernelMonitor,
        find_prompt: Callable[[TrackedKernel], OpenPrompt | None],
    ) -> None:
        """`find_prompt`: returns the open prompt of a kernel's cell, as its stack shows it."""
        self._registry = registry
        self._orders = orders
        self._manifests = store
        self._console = console
        self._monitor = monitor
        self._find_prompt = find_prompt
        self._dashboard = identify(os.getpid())
        self._noted: dict[str, _Open] = {}
        """What this process has noted, by kernel id."""
        self._unheard: dict[str, str] = {}
        """Requests that were taken over, by kernel id: a prompt may have come before that."""

    def look(self) -> None:
        """Note which code of ours runs, and take over the code of an ended dashboard."""
        self.note()
        if self._console.locked:
            return
        for manifest in self._manifests.manifests:
            for kept in manifest.clients:
                with contextlib.suppress(KernelError):  # another dashboard does that, or it is gone
                    self._take_over(manifest, kept)
        for kernel_id, request in list(self._unheard.items()):
            self._offer_unheard(kernel_id, request)

    def note(self) -> None:
        """Note which code of ours runs and its open prompt, and which has finished."""
        clients, prompts = self._console.clients, self._console.prompts
        for kernel_id in self._noted.keys() | clients.keys():
            kernel = self._registry.get(kernel_id)
            now = _Open(clients.get(kernel_id), prompts.get(kernel_id))
            if kernel is None or kernel.manifest is None:
                self._noted.pop(kernel_id, None)
            elif now != self._noted.get(kernel_id):
                with contextlib.suppress(KernelError):
                    self._note(kernel, kernel.manifest, now)

    def _note(self, kernel: TrackedKernel, manifest: Manifest, now: _Open) -> None:
        before = self._noted.get(kernel.kernel_id, NOTHING)
        ours = {each.client.session for each in (before, now) if each.client is not None}
        with self._manifests.hold(manifest):
            kept = read_manifest(manifest.path).clients
            others = tuple(each for each in kept if each.session not in ours)
            self._orders.amend(kernel, clients=(*others[-MOST:], *self._kept(now)))
        if now.client is None:
            self._noted.pop(kernel.kernel_id, None)
        else:
            self._noted[kernel.kernel_id] = now

    def _take_over(self, manifest: Manifest, kept: KeptClient) -> None:
        """Continue as a client with unfinished code, if no living process does."""
        kernel = self._registry.get(manifest.kernel_id)
        if kernel is None or kernel.manager is None or kernel.identity != manifest.identity:
            return
        if kernel.kernel_id in self._noted.keys() | self._console.clients.keys():
            return  # one client at a time; the next one when this has finished
        unfinished = kernel.manager.status.unfinished
        requests = tuple(dropwhile(lambda each: each not in unfinished, kept.requests))
        if not requests or not kept.dashboard.is_here or kept.dashboard.is_alive():
            return
        client = RunningClient(kept.session, requests)
        prompt = _prompt(kernel.kernel_id, kept.prompt) if kept.prompt is not None else None
        if prompt is not None and prompt.parent_id not in unfinished:
            prompt = None
        with self._manifests.hold(manifest):
            now = read_manifest(manifest.path).clients
            if kept not in now:  # another dashboard was faster
                return
            code = self._monitor.facts(kernel.kernel_id).code
            # Before the note: it is refused if the dashboard was locked meanwhile.
            self._console.resume(kernel.kernel_id, client, code, prompt)
            others = tuple(each for each in now if each != kept)
            taken = _Open(client, prompt)
            self._orders.amend(kernel, clients=(*others, *self._kept(taken)))
        self._noted[kernel.kernel_id] = taken
        if prompt is None:
            self._unheard[kernel.kernel_id] = requests[0]

    def _offer_unheard(self, kernel_id: str, request: str) -> None:
        """Show a prompt that came before we listened, once the stack shows it."""
        kernel = self._registry.get(kernel_id)
        runs = kernel.manager.status.unfinished if kernel and kernel.manager else ()
        if kernel is None or request not in runs or kernel_id in self._console.prompts:
            del self._unheard[kernel_id]
            return
        found, client = self._find_prompt(kernel), self._console.clients.get(kernel_id)
        if found is not None and found.asker is Asker.GONE and client is not None:
            kept = KeptPrompt(found.text, found.password, request, time.time())
            self._console.offer(_prompt(kernel_id, kept))
            del self._unheard[kernel_id]

    def _kept(self, now: _Open) -> tuple[KeptClient, ...]:
        """Return this process's entry for a manifest."""
        if now.client is None:
            return ()
        assert self._dashboard is not None, "this process is alive"
        return (
            KeptClient(
                session=now.client.session,
                requests=now.client.requests,
                dashboard=self._dashboard,
                prompt=_kept_prompt(now.prompt) if now.prompt is not None else None,
            ),
        )


def _kept_prompt(prompt: Prompt) -> KeptPrompt:
    return KeptPrompt(
        text=prompt.text,
        password=prompt.password,
        parent_id=prompt.parent_id,
        asked_at=time.time() - (time.monotonic() - prompt.asked_at),
    )


def _prompt(kernel_id: str, kept: KeptPrompt) -> Prompt:
    return Prompt(
        kernel_id=kernel_id,
        text=kept.text,
        password=kept.password,
        parent_id=kept.parent_id,
        asked_at=time.monotonic() - max(0.0, time.time() - kept.asked_at),
    )
