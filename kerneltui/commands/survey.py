"""Survey: what one look at this host finds of the kernels that something else has started."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from kerneltui.errors import KernelError
from kerneltui.fleet.discovery.found import Found, Known, server_folders
from kerneltui.fleet.discovery.scanner import Discovery
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.manifest import Manifest, find_manifests, read_manifest, resolved
from kerneltui.fleet.servers.jupyter_server import find_servers
from kerneltui.fleet.servers.poller import ask_servers
from kerneltui.kernels.connection.folders import connection_folders
from kerneltui.paths import runtime_folder

SERVER_TIME = 0.2  # seconds for a Jupyter server to list its kernels


def manifests() -> list[Manifest]:
    """Return what can be read of kerneltui's kernels, those of other hosts too, oldest first.

    Each has the process that serves it now: what a dashboard had noted of it may be out of date.
    """
    found = []
    for path in find_manifests(runtime_folder()):
        try:
            found.append(_as_it_is(read_manifest(path)))
        except KernelError:
            continue  # the dashboard tells of it; here it would stand in every list
    return sorted(found, key=lambda manifest: manifest.started_at)


def _as_it_is(manifest: Manifest) -> Manifest:
    is_known = manifest.identity is not None and manifest.identity.is_alive()
    if is_known or not manifest.is_here or is_locked(manifest.path):
        return manifest
    from kerneltui.fleet.reconcile.heirs import (
        Heirs,  # which a list of living kernels need not load
    )

    heir = Heirs().find(manifest)
    return manifest if heir is None else replace(manifest, identity=heir)


def of_this_host(known: Iterable[Manifest]) -> list[Manifest]:
    return [each for each in known if each.is_here and not each.is_unfinished]


class Survey:
    """Made by looking. Servers are asked for their kernels; no kernel is asked anything."""

    def __init__(self, known: Iterable[Manifest], server_time: float = SERVER_TIME) -> None:
        """`known`: the manifests; the kernels that they are of on this host are left out.

        `server_time`: seconds for servers to list theirs.
        """
        known = tuple(known)
        self._discovery = Discovery()
        self.known = Known(
            ours={resolved(each) for each in of_this_host(known)},
            elsewhere={resolved(each): each.whereabouts for each in known if not each.is_here},
        )
        self.found: tuple[Found, ...] = self._discovery.look(self.known)
        servers = tuple(find_servers({*connection_folders(), *server_folders(self.found)}))
        self.listing = ask_servers(servers, server_time)
        if servers:
            self._look_again(
                replace(
                    self.known,
                    servers={server.pid for server in servers},
                    served=self.listing.owners,
                    listing=self.listing.told,
                )
            )

    def ask_where(self, may_answer: Callable[[Found], bool] = lambda _found: True) -> None:
        """Ask those kernels where they run whose process nothing here proves."""
        suspects = [each for each in self.found if each.is_unproven and may_answer(each)]
        if not suspects:  # as a rule; what asks is slow to load
            return
        from kerneltui.fleet.discovery.attach import attached_manager
        from kerneltui.fleet.discovery.whereabouts import Suspect, Whereabouts
        from kerneltui.kernels.specs.spec_manager import KernelSpecManager

        specs, whereabouts = KernelSpecManager(), Whereabouts()
        whereabouts.look(Suspect(each, attached_manager(each, specs)) for each in suspects)
        whereabouts.close()
        if whereabouts.answered:
            self._look_again(replace(self.known, answered=whereabouts.answered))

    def _look_again(self, known: Known) -> None:
        self.known = known
        self.found = self._discovery.look(self.known)
