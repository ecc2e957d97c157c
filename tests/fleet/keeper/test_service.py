"""The socket of a keeper."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kerneltui.fleet.keeper.address import socket_path
from kerneltui.fleet.keeper.client import KeeperClient
from kerneltui.fleet.keeper.ends import Ends
from kerneltui.fleet.keeper.order import LaunchOrder
from kerneltui.fleet.keeper.service import STREAMS, Guest, Service
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.kernels.processes.conditions import own_conditions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a keeper starts kernels on Linux")


def a_service(folder: Path, before_start: Callable[[], object] = lambda: None) -> Service:
    ends = Ends(ManifestStore(folder, print))
    return Service(folder, ends, "", before_start, lambda _has_others: False)


def test_a_keeper_that_ends_leaves_the_socket_of_the_next_one(short_path: Path) -> None:
    first = a_service(short_path)
    with closing(a_service(short_path)):
        first.close()

        assert KeeperClient(short_path).is_there()


def test_a_keeper_that_ends_removes_its_socket(short_path: Path) -> None:
    a_service(short_path).close()

    assert not socket_path(short_path).exists()


def test_the_streams_of_an_order_are_closed_if_nothing_can_be_prepared_for_it(
    short_path: Path,
) -> None:
    def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    order = LaunchOrder(("true",), {}, "/", own_conditions(), time.monotonic() + 60.0)
    streams = [os.open(os.devnull, os.O_RDWR) for _ in range(STREAMS)]
    here, there = socket.socketpair()
    with (
        closing(a_service(short_path, fail)) as service,
        closing(Guest(here)) as guest,
        there,
        pytest.raises(OSError, match="Too many open files"),
    ):
        service._start(guest, order, streams)

    for stream in streams:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(stream)
