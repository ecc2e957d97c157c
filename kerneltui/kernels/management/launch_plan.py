"""LaunchPlan: the arguments with which a kernel is started, remembered for its restart."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, TypedDict

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.log_file import LogFile

_Stream = int | IO[Any] | None


class LaunchArguments(TypedDict, total=False):
    """Keyword arguments of `start_kernel` and `restart_kernel`; others raise TypeError."""

    extra_arguments: Sequence[str] | None
    env: Mapping[str, str] | None
    """None for the environment of this process."""
    cwd: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None
    independent: bool
    """The kernel outlives this process."""
    stdin: _Stream
    stdout: _Stream
    stderr: _Stream
    # The others are Popen's, see its documentation.
    bufsize: int
    executable: str | os.PathLike[str] | None
    preexec_fn: Callable[[], object] | None
    close_fds: bool
    universal_newlines: bool | None
    startupinfo: object
    creationflags: int
    restore_signals: bool
    pass_fds: Collection[int]
    user: str | int | None
    group: str | int | None
    extra_groups: Iterable[str | int] | None
    encoding: str | None
    errors: str | None
    text: bool | None
    umask: int
    pipesize: int


class StartArguments(LaunchArguments, total=False):
    """Arguments that only a start takes; a restart keeps their values."""

    kernel_id: str | None
    transport_encryption: str | None


@frozen
class LaunchPlan:
    """The arguments of `start_kernel`, sorted by what they are used for."""

    extra_arguments: tuple[str, ...]
    env: Mapping[str, str] | None
    """None for the environment of this process."""
    independent: bool
    streams: dict[str, Any]
    """stdin, stdout and stderr, as for Popen."""
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
        """Whether stdout or stderr is not given: that goes to a log, and not to our terminal."""
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
