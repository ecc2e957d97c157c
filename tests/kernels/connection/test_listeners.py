"""Who is connected to a kernel's sockets is read out of the system's tables."""

from __future__ import annotations

import pytest

from kerneltui.kernels.connection.listeners import connected_in

UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000003 00000000 00000000 0001 03 408428 /run/k i-2
0000000000000000: 00000002 00000000 00010000 0001 01 406494 /run/k i-2
0000000000000000: 00000003 00000000 00000000 0001 03 408429 /run/k i-21
0000000000000000: 00000003 00000000 00000000 0001 03 408430
"""
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:C3B7 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1
   1: 0100007F:C3B7 0100007F:9D2C 01 00000000:00000000 00:00000000 00000000  1000        0 2
   2: 0100007F:9D2C 0100007F:C3B7 01 00000000:00000000 00:00000000 00000000  1000        0 3
"""


@pytest.mark.parametrize(
    ("table", "place", "count"), [(UNIX, "/run/k i-2", 1), (TCP, 0xC3B7, 1), (TCP, 80, 0)]
)
def test_who_is_connected_is_counted_and_not_who_listens(
    table: str, place: int | str, count: int
) -> None:
    assert connected_in(table, place) == count
