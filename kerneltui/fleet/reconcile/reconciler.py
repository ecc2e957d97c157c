"""Reconciler: keeps the registry up to date by repeated looks at this host."""

from __future__ import annotations

from collections.abc import Callable

from kerneltui.fleet.inspection.usage import UsageSampler
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.reconcile.autorestart import AutoRestarter
from kerneltui.fleet.reconcile.external import ExternalKernels
from kerneltui.fleet.reconcile.kept_clients import KeptClients
from kerneltui.fleet.reconcile.own import OwnKernels
from kerneltui.fleet.reconcile.status_checks import StatusChecks
from kerneltui.fleet.reconcile.stops import Stops
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracker import Tracker
from kerneltui.fleet.servers.poller import ServerWatch
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.guarded_thread import Work
from kerneltui.paths import runtime_folder
from kerneltui.protocol.connection import Transport

ORDERS_END = 15.0  # seconds for orders under way: more than any order may take to end a kernel


class Reconciler:
    """Owns the discovery thread and all that runs in it."""

    def __init__(
        self,
        registry: KernelRegistry,
        tracker: Tracker,
        store: ManifestStore,
        kernels: MultiKernelManager,
        usage: UsageSampler,
        transport: Transport,
        warn: Callable[[str], None],
        *besides: Work,
    ) -> None:
        """`besides`: more functions to call in each turn."""
        specs, orders = kernels.kernel_spec_manager, tracker.orders
        self.checks = StatusChecks(registry, tracker.console, tracker.monitor.message_log)
        self.external = ExternalKernels(registry, tracker, store, specs, warn)
        self.autorestarter = AutoRestarter(
            runtime_folder(), registry, orders, warn, lambda: tracker.console.locked
        )
        self._own = OwnKernels(registry, tracker, store, kernels, transport, warn)
        self._clients = KeptClients(
            registry, orders, store, tracker.console, tracker.monitor, self.checks.prompt
        )
        self._stops = Stops(registry, orders)
        self._servers = ServerWatch(registry.publish)
        self._manifests = store
        self._tracker = tracker
        self._usage = usage
        self.thread = PeriodicThread(
            "discovery",
            "looking at this host's kernels",
            self._ask,
            self._own.look,
            self._own.follow_servers,
            self._clients.look,
            self._note_stops,
            self.autorestarter.look,
            self._follow_others,
            tracker.look_after_files,
            tracker.deaths.look,
            *besides,
            registry.publish,
        )

    def start(self) -> None:
        """Adopt our kernels; those from other programs follow a moment later."""
        self._own.look()
        self._servers.start()
        self.thread.start()

    def look_now(self, timeout: float) -> None:
        """Have the thread look at once, with what servers tell; wait so long at most for each."""
        self._servers.take_turn(timeout)
        self.thread.take_turn(timeout)

    def look_once(self) -> None:
        """Look once, for one command; no kernel is restarted, or asked what it does."""
        self._tracker.record_exits()
        self._own.look()
        self._tracker.record_exits()  # of kernels that were dead when they were adopted
        self.external.look_once()

    def close(self) -> None:
        """Stop looking, and note in the manifests what the next dashboard needs.

        Orders to our kernels that are under way in other threads are finished first, and their
        results are noted; each order has a time limit.
        """
        self.thread.stop()
        self._manifests.wait_for_orders(ORDERS_END)
        self._servers.stop()
        self.external.close()
        self.checks.close()
        self.autorestarter.close()
        self._clients.note()
        self._tracker.deaths.look()
        self._own.follow_servers()  # the next dashboard finds the processes in the manifests
        self._manifests.mark_seen()

    # -- runs in the discovery thread ----

    def _ask(self) -> None:
        self.checks.look(self._usage.usage)

    def _note_stops(self) -> None:
        self._stops.look(self._usage.usage)

    def _follow_others(self) -> None:
        self.external.look(self._servers)
