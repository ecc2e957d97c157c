"""`kerneltui clean`: shows the files that ended kernels have left; with --yes removes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerneltui.fleet.control.stale_files import (
    is_over,
    is_used,
    left_by_others,
    left_by_ours,
    may_be_of_one_to_come,
)
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.discovery.processes import Processes
from kerneltui.fleet.manifests.lock import ManifestLock
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.reconcile.host_scan import (
    HostScan,
    asking_manager,
    of_this_host,
    read_manifests,
)
from kerneltui.paths import runtime_folder
from kerneltui.protocol.text import clean_line

PATH_WIDTH = 500  # characters
SERVER_TIME = 2.0  # seconds for a Jupyter server to say which files are of its kernels


def clean(*, for_real: bool) -> int:
    """Show the files of ended kernels, or remove them; files of living kernels stay.

    A file that may be from another host, or of a kernel about to start, is shown and stays.
    """
    manifests = read_manifests(runtime_folder())
    with contextlib.closing(HostScan()) as scan:
        scan.look_and_ask_servers(manifests, SERVER_TIME)
        others = scan.ask_where(asking_manager)
    count = 0
    for path, why in _removable(of_this_host(manifests), others):
        if for_real:
            path.unlink(missing_ok=True)
        _tell("removed" if for_real else "would remove", path, why)
        count += 1
    for found, why in _left(others):
        _tell("left", found.connection_file, why)
    if not count:
        print("there is nothing to clean")
    elif not for_real:
        print("nothing was removed: kerneltui clean --yes does it")
    return 0


def _removable(ours: Iterable[Manifest], others: Iterable[Found]) -> Iterator[tuple[Path, str]]:
    """Yield the files to remove, each with the reason; each kernel is checked just before."""
    for manifest in ours:
        if not is_over(manifest):
            continue
        with _alone(manifest) as is_alone:
            if is_alone and is_over(manifest):  # still so, and it cannot be started meanwhile
                for path in left_by_ours(manifest):
                    yield path, f"of {manifest.name}, which is dead"
    processes = Processes()
    for found in others:
        if found.liveness is not Liveness.STALE or may_be_of_one_to_come(found):
            continue
        if not is_used(found.connection_file, processes):  # its owner may have started it again
            for path in left_by_others(found):
                yield path, found.why


@contextlib.contextmanager
def _alone(manifest: Manifest) -> Iterator[bool]:
    """Keep other processes from giving the kernel orders; False if one is giving an order now."""
    try:
        lock = ManifestLock.take(manifest.path)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _left(others: Iterable[Found]) -> Iterator[tuple[Found, str]]:
    """Yield the files that stay, though no kernel on this host uses them, with the reason."""
    for found in others:
        if found.liveness is Liveness.OTHER_HOST:
            yield found, f"maybe on another host: {found.why}"
        elif found.liveness is Liveness.STALE and may_be_of_one_to_come(found):
            yield found, "just written: its kernel may be about to start"


def _tell(what: str, path: Path, why: str) -> None:
    print(f"{what} {clean_line(str(path), limit=PATH_WIDTH)}  ({clean_line(why)})")
