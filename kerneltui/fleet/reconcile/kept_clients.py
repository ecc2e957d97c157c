"""KeptClients: who has code in our kernels is in the manifests, and the next dashboard goes on.

A kernel asks the very client that has sent the code. So whoever comes after a dashboard takes the
client's identity, and hears what its code asks.
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

MOST = 20  # clients of others that a manifest tells of; of older ones nothing runs any more


class _Open(NamedTuple):
    """What is not over between a kernel and this process."""

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
        """`find_prompt`: returns what a cell of a kernel asks, as its stack tells."""
        self._registry = registry
        self._orders = orders
        self._manifests = store
        self._console = console
        self._monitor = monitor
        self._find_prompt = find_prompt
        self._dashboard = identify(os.getpid())
        self._noted: dict[str, _Open] = {}
        """By kernel id what this process has noted."""
        self._unheard: dict[str, str] = {}
        """By kernel id the request that was taken over: it may have asked when nobody listened."""

    def look(self) -> None:
        """Note which code of ours runs, and go on with that of a dashboard that has ended."""
        self.note()
        if self._console.locked:
            return
        for manifest in self._manifests.manifests:
            for kept in manifest.clients:
                with contextlib.suppress(KernelError):  # somebody else is at it, or it is gone
                    self._take_over(manifest, kept)
        for kernel_id, request in list(self._unheard.items()):
            self._offer_unheard(kernel_id, request)

    def note(self) -> None:
        """Note which code of ours runs and what it asks, and what does not any more."""
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
        """Go on as a client whose code is not over, where nobody else does."""
        kernel = self._registry.get(manifest.kernel_id)
        if kernel is None or kernel.manager is None or kernel.identity != manifest.identity:
            return
        if kernel.kernel_id in self._noted.keys() | self._console.clients.keys():
            return  # one client at a time, and the next once that has done
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
            others = tuple(each for each in now if each != kept)
            taken = _Open(client, prompt)
            self._orders.amend(kernel, clients=(*others, *self._kept(taken)))
        self._noted[kernel.kernel_id] = taken
        code = self._monitor.facts(kernel.kernel_id).code
        self._console.resume(kernel.kernel_id, client, code, prompt)
        if prompt is None:
            self._unheard[kernel.kernel_id] = requests[0]

    def _offer_unheard(self, kernel_id: str, request: str) -> None:
        """Show what a cell has asked before we have listened, once its stack tells that."""
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
        """Return what a manifest says of this process."""
        if now.client is None:
            return ()
        assert self._dashboard is not None, "it is this very process"
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
