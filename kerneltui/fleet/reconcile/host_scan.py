"""HostScan: finds this user's kernels on this host, for the dashboard and the commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.fleet.discovery.found import Found, KernelLocation, Known, server_folders
from kerneltui.fleet.discovery.scanner import Discovery
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.manifest import Manifest, find_manifests, read_manifest, resolved
from kerneltui.fleet.servers.jupyter_server import JupyterServer, find_servers
from kerneltui.fleet.servers.poller import Listing, ask_servers
from kerneltui.kernels.connection.folders import connection_folders

if TYPE_CHECKING:
    from kerneltui.fleet.discovery.whereabouts import Whereabouts
    from kerneltui.kernels.management.manager import KernelManager

SERVER_TIME = 1.0  # seconds for all Jupyter servers to list their kernels to a command

ManagerOf = Callable[[Found], "KernelManager | None"]
"""Returns the manager with which to ask a kernel; None if it may not be asked."""


class HostScan:
    """Finds kernels that other programs have started. Used by one thread."""

    def __init__(self) -> None:
        self._discovery = Discovery()
        self._whereabouts: Whereabouts | None = None
        self._heard: tuple[Path, ...] = ()
        self._kept_basis: tuple[object, ...] = ()
        self._kept = Known()
        """What the manifests tell; made again only if they change, as resolving links is slow."""
        self.known = Known()
        """The input of the last look."""
        self.found: tuple[Found, ...] = ()
        """The result of the last look."""
        self.listing = Listing()
        """What servers had told before the last look."""

    def look(
        self,
        manifests: Iterable[Manifest],
        servers: Iterable[JupyterServer] = (),
        listing: Listing | None = None,
        heard: Iterable[Path] = (),
    ) -> tuple[Found, ...]:
        """Return the kernels that are not kerneltui's; the same tuple until something changes.

        `manifests`: those of all hosts. `listing`: what the servers have told. `heard`: the
        connection files whose kernels have proven to have their keys. No kernel is asked anything.
        """
        manifests, self.listing = tuple(manifests), listing or Listing()
        self._heard = tuple(heard)
        basis = manifests, [each.is_here for each in manifests]
        if basis != self._kept_basis:
            self._kept_basis, self._kept = basis, _kept(manifests)
        self.known = replace(
            self._kept,
            servers={server.pid for server in servers},
            served=self.listing.owners,
            listing=self.listing.told,
            answered=self._answered,
        )
        self.found = self._discovery.look(self.known)
        return self.found

    def look_and_ask_servers(
        self, manifests: Iterable[Manifest], within: float
    ) -> tuple[Found, ...]:
        """Look, and ask the servers for their kernels, which may take `within` seconds.

        For commands, which look once; a dashboard has a thread that asks servers.
        """
        manifests = tuple(manifests)
        self.look(manifests)
        servers = tuple(find_servers({*connection_folders(), *server_folders(self.found)}))
        if servers:
            self.look(manifests, servers, ask_servers(servers, within))
        return self.found

    def ask_where(self, manager_of: ManagerOf) -> tuple[Found, ...]:
        """Ask the found kernels where they run, if nothing on this host proves their process.

        Returns what is found with their replies. Each kernel is asked once.
        """
        suspects = [each for each in self.found if each.is_unproven]
        if self._whereabouts is None:
            if not suspects:  # the usual case; that module is slow to load
                return self.found
            from kerneltui.fleet.discovery.whereabouts import Whereabouts

            self._whereabouts = Whereabouts()
        self._whereabouts.look((each, manager_of(each)) for each in suspects)
        if self._answered != self.known.answered:  # a reply of an earlier process is dropped
            self.known = replace(self.known, answered=self._answered)
            self.found = self._discovery.look(self.known)
        return self.found

    @property
    def _answered(self) -> dict[Path, KernelLocation | None]:
        """The kernels that have proven to have their file's key; see `Known.answered`."""
        told = self._whereabouts.answered if self._whereabouts is not None else {}
        return {**dict.fromkeys(self._heard), **told}

    def close(self) -> None:
        if self._whereabouts is not None:
            self._whereabouts.close()


def _kept(manifests: Iterable[Manifest]) -> Known:
    """Return what the manifests tell."""
    return Known(
        ours={resolved(each) for each in of_this_host(manifests)},
        elsewhere={resolved(each): each.whereabouts for each in manifests if not each.is_here},
    )


def asking_manager(found: Found) -> KernelManager:
    """Return a manager with which to ask a kernel, for a caller that has none."""
    from kerneltui.fleet.discovery.attach import attached_manager  # slow to load
    from kerneltui.kernels.specs.spec_manager import KernelSpecManager

    return attached_manager(found, KernelSpecManager())


def of_this_host(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return the manifests of kernels that were launched on this host."""
    return [each for each in manifests if each.is_here and not each.is_unfinished]


def read_manifests(folder: Path) -> list[Manifest]:
    """Return the readable manifests of kerneltui's kernels, of other hosts too, oldest first.

    Each names the process that serves the kernel now: the noted one may be out of date. Nothing is
    written.
    """
    found = []
    for path in find_manifests(folder):
        try:
            found.append(_as_it_is(read_manifest(path)))
        except KernelError:
            continue  # the dashboard warns of it; a command would do so each time
    return sorted(found, key=lambda manifest: manifest.started_at)


def _as_it_is(manifest: Manifest) -> Manifest:
    is_known = manifest.identity is not None and manifest.identity.is_alive()
    if is_known or not manifest.is_here or is_locked(manifest.path):
        return manifest
    from kerneltui.fleet.reconcile.heirs import (
        Heirs,  # not loaded for a list of living kernels
    )

    heir = Heirs().find(manifest)
    return manifest if heir is None else replace(manifest, identity=heir)
