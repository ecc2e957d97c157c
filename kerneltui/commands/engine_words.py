"""EngineWords: the remote engines that the user has named on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class EngineWords(NamedTuple):
    """What was given as --server and as --host."""

    servers: Sequence[str] = ()
    hosts: Sequence[str] = ()


NONE = EngineWords()
