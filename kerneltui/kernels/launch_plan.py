"""LaunchPlan: how a kernel was asked to be started, to be remembered for its restart."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from kerneltui.frozen import frozen
from kerneltui.kernels.logfile import LogFile


@frozen
class LaunchPlan:
    """The arguments of `start_kernel`, sorted by who needs them."""

    extra_arguments: tuple[str, ...]
    env: dict[str, str] | None
    """None for ours."""
    independent: bool
    streams: dict[str, Any]
    """stdin, stdout and stderr, as of Popen."""
    popen_kwargs: dict[str, Any]

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> LaunchPlan:
        rest = dict(arguments)
        return cls(
            extra_arguments=tuple(rest.pop("extra_arguments", None) or ()),
            env=rest.pop("env", None),
            independent=bool(rest.pop("independent", False)),
            streams={name: rest.pop(name, None) for name in ("stdin", "stdout", "stderr")},
            popen_kwargs=rest,
        )

    @property
    def wants_log(self) -> bool:
        """Some output has no place to go yet, and our terminal is none."""
        return self.streams["stdout"] is None or self.streams["stderr"] is None

    @contextlib.contextmanager
    def open_streams(self, log: LogFile | None) -> Iterator[dict[str, Any]]:
        """Yield Popen's streams: those given, else the log."""
        if log is None:
            yield self.streams
            return
        fd = log.open()
        try:
            missing = {name: fd for name in ("stdout", "stderr") if self.streams[name] is None}
            yield {**self.streams, **missing}
        finally:
            os.close(fd)
