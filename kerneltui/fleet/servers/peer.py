"""Verifies which process is at the other end of a connection, before it gets a token.

A pid in a file proves nothing: the OS may have given the pid, and the port, to another process.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import psutil

from kerneltui.kernels.connection.listeners import addresses_listened_at, all_addresses_listened_at


class Address(NamedTuple):
    """The address at which a tcp socket listens."""

    ip: str
    port: int


def why_unproven(connected: socket.socket, pid: int) -> str:
    """Return why a connected socket may lead to another process than `pid`; "" if it cannot.

    The process itself must listen. Its forks may share that socket. A child with a listening
    socket of its own is refused: a server's kernels are its children, too.
    """
    try:
        if psutil.Process(pid).uids().effective != os.geteuid():
            return f"pid {pid} is a process of another user"
    except psutil.Error:
        return f"pid {pid} is gone"
    if connected.family == socket.AF_UNIX:
        return "" if _unix_peer(connected) == pid else f"pid {pid} does not listen there"
    peer = Address(*connected.getpeername()[:2])
    own = (Address(*each) for each in addresses_listened_at(pid))
    everyone = (Address(*each) for each in all_addresses_listened_at())
    return "" if is_only_listener(own, everyone, peer) else f"pid {pid} does not listen there"


def is_only_listener(own: Iterable[Address], everyone: Iterable[Address], peer: Address) -> bool:
    """Tell whether only the process that listens at `own` can accept a connection to `peer`.

    `everyone`: the addresses of all listening sockets, one for each socket, including `own`.
    """
    mine, all_of_them = accepting(own, peer), accepting(everyone, peer)
    return bool(mine) and mine == all_of_them


def accepting(listening: Iterable[Address], peer: Address) -> Counter[Address]:
    """Return the addresses that may accept a connection to `peer`.

    The OS prefers a socket bound to exactly this address to one bound to any address.
    """
    at_port = [Address(_plain(each.ip), each.port) for each in listening if each.port == peer.port]
    exact = [each for each in at_port if each.ip == _plain(peer.ip)]
    return Counter(exact or [each for each in at_port if _is_any(each.ip)])


def _plain(ip: str) -> str:
    """Return an address without its interface name; an IPv4-mapped one as plain IPv4."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_any(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_unspecified


def _unix_peer(connected: socket.socket) -> int:
    """Return the pid of the process that listens at the other end of a unix socket."""
    if sys.platform == "darwin":
        level, local_peerpid = 0, 2  # SOL_LOCAL and LOCAL_PEERPID of <sys/un.h>
        return connected.getsockopt(level, local_peerpid)
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid
