"""Opens the remote engines that the user has named for one command, and closes them at its end.

Nothing is loaded for them if the user has named none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerneltui.commands.engine_words import EngineWords
from kerneltui.commands.opened_engines import OpenedEngines

if TYPE_CHECKING:
    from kerneltui.commands.remote_kernel import RemoteKernel


@contextlib.contextmanager
def opened(words: EngineWords) -> Iterator[OpenedEngines]:
    """Give the engines of the words, which connect meanwhile. Raises KernelError."""
    if not any(words):
        yield OpenedEngines()
        return
    from kerneltui.commands.opened_engine import close_engines, open_engines

    engines = open_engines(words.servers, words.hosts)
    try:
        yield OpenedEngines(engines)
    finally:
        close_engines(engines)


@contextlib.contextmanager
def remote_kernel(word: str, words: EngineWords) -> Iterator[RemoteKernel | None]:
    """Give the kernel of a remote engine that a word means; None if this host is to be searched.

    Raises NoSuchKernel as `find` does.
    """
    if not any(words):
        yield None
        return
    from kerneltui.commands.remote_kernel import found

    with opened(words) as engines:
        yield found(word, engines)
