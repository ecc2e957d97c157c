"""Serving: the agent's loop. It speaks for one engine, until the other side has gone."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator

from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.engines.ssh.answers import Answers
from kerneltui.fleet.engines.ssh.codec import Unusable, encode
from kerneltui.fleet.engines.ssh.lines import CHUNK, PROTOCOL, Greeting, LineBuffer, unpack
from kerneltui.fleet.engines.ssh.outgoing import Outgoing
from kerneltui.fleet.engines.ssh.publisher import Publisher

SILENCE = 60.0  # seconds without a line after which the other side counts as gone
LAST_WORDS = 1.0  # seconds for the last replies to be written


def serve(engine: Engine, incoming: int, outgoing: int, version: str, end: int) -> None:
    """Answer the requests that come, and tell what changes, until the other side has gone.

    `engine`: is open. `incoming`, `outgoing`: descriptors. `version`: of kerneltui here. `end`: a
    descriptor; once it can be read, nothing more is answered.
    """
    writer = Outgoing(outgoing)
    writer.start()
    greeting = Greeting(PROTOCOL, version, os.uname().nodename, time.monotonic())
    writer.put({"greeting": encode(greeting)})
    publisher = Publisher(engine, writer)
    answers = Answers(engine, writer, publisher, locked=engine.locked)
    publisher.start()
    try:
        for line in _lines(incoming, end):
            answers.take(unpack(line))
    except Unusable:
        pass  # it is not a kerneltui that speaks
    finally:
        publisher.stop()
        writer.stop(LAST_WORDS)


def _lines(fd: int, end: int) -> Iterator[bytes]:
    """Yield the lines that come, until the end. Raises Unusable."""
    lines = LineBuffer()
    poller = select.poll()
    for each in (fd, end):
        poller.register(each, select.POLLIN)
    while ready := poller.poll(SILENCE * 1000):
        data = b"" if end in dict(ready) else os.read(fd, CHUNK)
        if not data:
            return
        yield from lines.feed(data)
