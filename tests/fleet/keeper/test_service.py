"""The socket of a keeper."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from kerneltui.fleet.keeper.address import socket_path
from kerneltui.fleet.keeper.client import KeeperClient
from kerneltui.fleet.keeper.ends import Ends
from kerneltui.fleet.keeper.service import Service
from kerneltui.fleet.manifests.store import ManifestStore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a keeper starts kernels on Linux")


def a_service(folder: Path) -> Service:
    return Service(
        folder, Ends(ManifestStore(folder, print)), "", lambda: None, lambda _has_others: False
    )


def test_a_keeper_that_ends_leaves_the_socket_of_the_next_one(short_path: Path) -> None:
    first = a_service(short_path)
    with closing(a_service(short_path)):
        first.close()

        assert KeeperClient(short_path).is_there()


def test_a_keeper_that_ends_removes_its_socket(short_path: Path) -> None:
    a_service(short_path).close()

    assert not socket_path(short_path).exists()
