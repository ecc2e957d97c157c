"""Strangers: a row in the roster for each kernel of this user that something else has started."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import zmq

from kerneltui.errors import KernelError
from kerneltui.fleet.attachment import attach_process, attached_manager, handle_of
from kerneltui.fleet.census import Census, Suspect
from kerneltui.fleet.discovery import Discovery
from kerneltui.fleet.found import Found, Known, Whereabouts, server_folders
from kerneltui.fleet.handles import Handle
from kerneltui.fleet.kind import LEFT
from kerneltui.fleet.ledger import Ledger
from kerneltui.fleet.naming import PATH_WIDTH, name_of
from kerneltui.fleet.origin import Origin
from kerneltui.fleet.row import Row
from kerneltui.fleet.server_watch import ServerWatch
from kerneltui.fleet.server_word import true_of_now
from kerneltui.fleet.servers import ServedKernel
from kerneltui.kernels.manager import KernelManager
from kerneltui.kernels.spec import KernelSpecManager
from kerneltui.protocol.status import Exited, Vouched
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from kerneltui.fleet.roster import Roster

STATES = {"busy": True, "idle": False}
"""The words of a server that say whether a kernel runs something."""


class Strangers:
    """Used by the discovery thread."""

    def __init__(self, roster: Roster, ledger: Ledger, specs: KernelSpecManager) -> None:
        self._roster = roster
        self._ledger = ledger
        self._specs = specs
        self._discovery = Discovery()
        self._census = Census()
        self._known = Known()
        self._found: tuple[Found, ...] = ()
        self._failed: set[Path] = set()
        """The files whose kernels could not be followed at the last look."""

    def handle(self, row: Row, found: Found) -> Handle:
        """Return what carries out verbs on a kernel of a row. In any thread."""
        return handle_of(found, row.name, row.manager, self._specs, self._known)

    def look(self, servers: ServerWatch) -> None:
        """Look at this host, and take over what there is and what servers tell."""
        listing = servers.listing
        rows = tuple(self._roster.rows.values())
        self._census.look(
            Suspect(each.found, each.manager) for each in rows if each.found and each.manager
        )
        self._known = Known(
            ours=self._ledger.connection_files,
            elsewhere=self._ledger.elsewhere,
            servers={server.pid for server in servers.servers},
            served=listing.owners,
            listing=listing.told,
            answered=self._answered(rows),
        )
        found = self._discovery.look(self._known)
        if found is not self._found and self._follow(found):
            self._found = found  # else what has failed is tried again
        servers.folders = server_folders(found)
        for kernel_id, row in tuple(self._roster.rows.items()):
            if row.found is not None:
                self._heed_server(row, listing.of(kernel_id))
        servers.miss(
            frozenset(each.kernel_id for each in found if each.origin is Origin.SERVER)
            - listing.kernels.keys()
        )

    def close(self) -> None:
        self._census.close()

    def _answered(self, rows: Iterable[Row]) -> Mapping[Path, Whereabouts | None]:
        """Return what has proven to have its file's key, by whatever it has said."""
        heard = (
            row.found.connection_file
            for row in rows
            if row.found and row.found.is_unproven and row.manager and row.manager.status.heard
        )
        return {**dict.fromkeys(heard), **self._census.answered}

    def _follow(self, found: tuple[Found, ...]) -> bool:
        """Have a row for each; tell whether that could be."""
        there = {each.kernel_id for each in found}
        for kernel_id, row in tuple(self._roster.rows.items()):
            if row.found is not None and kernel_id not in there:
                self._roster.drop(kernel_id)
        failed = set()
        for each in found:
            try:
                self._take_in(each)
            except (OSError, zmq.ZMQError, KernelError) as error:
                self._roster.drop(each.kernel_id)
                failed.add(each.connection_file)
                if each.connection_file not in self._failed:
                    file = clean_line(str(each.connection_file), PATH_WIDTH)
                    self._roster.warn(f"cannot follow the kernel of {file}: {error}")
        self._failed = failed
        return not failed

    def _take_in(self, found: Found) -> None:
        known = self._roster.rows.get(found.kernel_id)
        if known is None:
            self._admit(found)
        elif known.found is not None:
            self._update(known, found)

    def _is_ours(self, found: Found) -> bool:
        return self._ledger.is_kept(found.connection_file, found.kernel_id)

    def _admit(self, found: Found) -> None:
        # It was there when the look began: one of ours may have come and been dismissed since.
        if (found.connection_file.exists() or found.is_file_gone) and not self._is_ours(found):
            self._make_row(found, instead_of=None)

    def _make_row(self, found: Found, instead_of: Row | None) -> None:
        row = Row(name_of(found, None), found.cwd, found=found, identity=found.identity)
        manager = attached_manager(found, self._specs) if found.standing not in LEFT else None
        is_new = self._roster.admit(found.kernel_id, row, manager, instead_of)
        if manager is not None and is_new:
            attach_process(manager, found.identity)

    def _update(self, row: Row, found: Found) -> None:
        before = row.found
        assert before is not None, "a kernel of ours is not found"
        if found.standing in LEFT and found.origin is Origin.UNKNOWN:
            found = replace(found, origin=before.origin)  # no process tells any more who it was
        if found == before:
            return
        if self._is_ours(found):
            self._roster.drop(found.kernel_id)
        elif found.standing in LEFT:
            row.found = found
            if row.manager is not None and not row.manager.status.exited and not found.identity:
                row.manager.life.advance(Exited(None))
        elif row.manager is None or found.info != before.info:  # it is another kernel
            self._make_row(found, instead_of=row)
        else:
            self._follow_process(row, row.manager, before, found)

    def _follow_process(
        self, row: Row, manager: KernelManager, before: Found, found: Found
    ) -> None:
        row.found = found
        if row.identity != found.identity or before.standing in LEFT:
            row.cwd = found.cwd
            attach_process(manager, found.identity)
        elif found.may_be_asked and not before.may_be_asked:  # it is no server's after all
            self._roster.greet(found.kernel_id)

    def _heed_server(self, row: Row, served: ServedKernel | None) -> None:
        """Take over what a server tells, as long as the kernel itself has told nothing."""
        assert row.found is not None
        if served is not None:
            served = true_of_now(served, row.found, time.time())
        if served is not None and served != row.served:
            active_at = served.last_activity
            row.served_active_at = active_at and time.monotonic() - (time.time() - active_at)
        row.served = served
        if row.found.identity is not None or served is not None:  # else it keeps its name
            row.name = name_of(row.found, served)
        is_busy = STATES.get(served.state) if served else None
        if row.manager is not None and is_busy is not None:
            row.manager.life.advance(Vouched(busy=is_busy), row.manager.spawns)
