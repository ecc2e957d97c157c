"""ForkOrder: which kernel a template is to fork, and how that is passed on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import field

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.stack_signal import hooked_signals, without_hook
from kerneltui.kernels.templates.recognition import (
    TemplateKey,
    arguments_of,
    imports_from_cwd,
)


@frozen
class ForkOrder:
    """What a spawned kernel would be started with."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    """The whole environment. The hook of the stack signals is done without, but shown."""
    cwd: str | None
    """None for the folder of this process."""
    umask: int
    deadline: float
    """The time.monotonic() after which it must not be forked any more."""


def order_file(order: ForkOrder, key: TemplateKey) -> int:
    """Return the descriptor of a file in memory that holds an order; the caller closes it.

    An environment may have megabytes, more than a socket takes at once.
    """
    plain = without_hook(order.env)
    content = {
        "argv": list(order.argv),
        "arguments": arguments_of(order.argv, key),
        "env": plain,
        "hook": {name: each for name, each in order.env.items() if plain.get(name) != each},
        "imports_from_cwd": imports_from_cwd(key),
        "umask": order.umask,
        "stack_signals": hooked_signals(order.env),
    }
    fd = os.memfd_create("kerneltui-order")
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(json.dumps(content).encode())
    except BaseException:
        os.close(fd)
        raise
    return fd
