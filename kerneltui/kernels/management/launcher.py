"""Launcher: start a kernel from its kernelspec and arguments, and watch its process."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

import zmq

from kerneltui.errors import LaunchError
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.connection_file import ConnectionFileMixin
from kerneltui.kernels.connection.encryption import wants_curve
from kerneltui.kernels.management.launch import kernel_environment, refuse_unlaunchable
from kerneltui.kernels.management.launch_plan import LaunchPlan
from kerneltui.kernels.management.spawn import Spawn, SpawnOrder
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.nofile import describe_shortage
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.specs.spec_manager import KernelSpec, format_argv
from kerneltui.path_checks import is_folder
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import Wanted


@frozen
class LaunchOrder:
    """What one launch is to start."""

    spec: KernelSpec
    arguments: Mapping[str, Any]
    kernel_id: str
    encryption: str
    """The policy, see the module `encryption`."""
    stack_signal: int | None = None
    """The signal at which Python is to write its stacks to the log; None for none."""


@frozen
class PreparedLaunch:
    """Everything that a launch needs."""

    argv: list[str]
    env: dict[str, str] = field(repr=False)
    plan: LaunchPlan = field(repr=False)
    log: LogFile | None
    """For a stdout or stderr that is not given; None if both are."""

    def as_order(self, streams: Mapping[str, Any]) -> SpawnOrder:
        """Return what is to be started. `streams`: as for Popen, the log included."""
        rest = dict(self.plan.popen_kwargs)
        return SpawnOrder(self.argv, self.env, rest.pop("cwd", None), streams, rest)

    def as_popen(self) -> tuple[list[str], dict[str, Any]]:
        """Return argv and the arguments of Popen, without those for the log."""
        return self.argv, {"env": self.env, **self.plan.streams, **self.plan.popen_kwargs}


class Launcher:
    """Launches one kernel again and again, and remembers how it did so last."""

    def __init__(
        self,
        connection: ConnectionFileMixin,
        own_command: Callable[[Sequence[str]], list[str] | None],
        spawn: Spawn,
    ) -> None:
        """`own_command`: called with extra arguments, returns the argv of a subclass, or None."""
        self._connection = connection
        self._own_command = own_command
        self._spawn = spawn
        self.arguments: Mapping[str, Any] | None = None
        """The arguments of the last launch; None if it was not launched here."""
        self.log_file: LogFile | None = None

    def adopt(self, arguments: Mapping[str, Any], kernel_id: str) -> LogFile:
        """Go on with a kernel that was launched elsewhere; return its log."""
        self.arguments = arguments
        connection = self._connection
        key = connection.session.key
        self.log_file = LogFile.beside(connection.connection_file, kernel_id, key)
        return self.log_file

    def update_env(self, env: Mapping[str, str]) -> None:
        """Merge `env` into the environment of the next launch."""
        arguments = self.arguments or {}
        before = arguments.get("env")
        self.arguments = {**arguments, "env": {**(os.environ if before is None else before), **env}}

    def with_overrides(self, overriding: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments of the last launch; those in `overriding` replace them."""
        return {**(self.arguments or {}), **overriding}

    def command(
        self,
        spec: KernelSpec,
        extra_arguments: Sequence[str],
        arguments: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Return the argv of a launch, from `spec` unless a subclass has its own."""
        own = self._own_command(extra_arguments)
        return self.filled_in(spec, extra_arguments, arguments) if own is None else own

    def filled_in(
        self,
        spec: KernelSpec,
        extra_arguments: Sequence[str] | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Return the argv of a kernelspec, filled in. `arguments`: None for the last launch's."""
        return format_argv(
            spec,
            connection_file=self._connection.connection_file,
            extra_arguments=extra_arguments or (),
            launch_args=self.arguments if arguments is None else arguments,
        )

    def next_command(self, spec: KernelSpec) -> list[str]:
        """Return the argv that a launch with the same arguments would run."""
        return self.command(spec, LaunchPlan.of(self.arguments or {}).extra_arguments)

    def refuse(self, order: LaunchOrder) -> None:
        """Raise what `launch` would raise, if it is known before the old process is ended."""
        spec, plan = order.spec, LaunchPlan.of(order.arguments)
        wants_curve(order.encryption, self._connection.transport, spec)
        argv = self.command(spec, plan.extra_arguments, order.arguments)
        refuse_unlaunchable(argv, env=_environment(plan, order), **plan.popen_kwargs)
        self._connection.restore_connection_file(kernel_name=spec.name)
        file = self._connection.connection_file
        if plan.wants_log and is_folder(Path(file).parent):  # else the launch makes the folder
            os.close(LogFile.beside(file, order.kernel_id).open())

    def launch(self, order: LaunchOrder, life: Lifecycle) -> None:
        """Launch the kernel and have `life` follow its process. Raises LaunchError."""
        ready = self.prepare(order)
        try:
            with ready.plan.open_streams(ready.log) as streams:
                process = self._spawn(ready.as_order(streams))
        except LaunchError:
            raise
        except (OSError, RuntimeError) as error:
            life.order(Wanted.DOWN)
            raise _ended_at_once(life, error) from None
        _follow(process, ready.log, life)

    def prepare(self, order: LaunchOrder) -> PreparedLaunch:
        """Write the connection file, and remember the arguments for a restart."""
        spec, arguments = order.spec, order.arguments
        if arguments.get("cwd"):  # for a restart, too: our working directory may change
            arguments = {**arguments, "cwd": os.path.abspath(arguments["cwd"])}  # noqa: PTH100 - bytes too
        self.arguments = arguments
        plan, connection = LaunchPlan.of(arguments), self._connection
        if not connection.connection_file:
            connection.connection_file = str(runtime_folder() / f"kernel-{order.kernel_id}.json")
        curve = wants_curve(order.encryption, connection.transport, spec)
        if curve and not connection.curve_secretkey:
            connection.set_curve_keys(*zmq.curve_keypair())
        connection.write_connection_file(kernel_name=spec.name)
        argv = self.command(spec, plan.extra_arguments)
        env = _environment(plan, order)
        if plan.wants_log:
            file, key = connection.connection_file, connection.session.key
            self.log_file = LogFile.beside(file, order.kernel_id, key)
        return PreparedLaunch(argv, env, plan, self.log_file if plan.wants_log else None)

    def clean_up(self) -> None:
        """Remove the log of a kernel that is gone."""
        if self.log_file is not None:
            self.log_file.remove()


def _environment(plan: LaunchPlan, order: LaunchOrder) -> dict[str, str]:
    return kernel_environment(
        os.environ if plan.env is None else plan.env,
        order.spec,
        independent=plan.independent,
        stack_signal=order.stack_signal if plan.wants_log else None,
    )


def _follow(process: KernelProcess, log: LogFile | None, life: Lifecycle) -> None:
    """Watch the launched process; kill it if it cannot be watched. Raises LaunchError."""
    try:
        life.begin(process, log)
    except (OSError, RuntimeError) as error:
        life.order(Wanted.DOWN)
        with contextlib.suppress(ProcessLookupError):  # gone by itself
            process.send_signal(signal.SIGKILL)
        process.wait()
        serving = life.process  # another process, if the launched one wraps it
        if serving is not None and serving.launched == process.launched:
            life.record_exit(serving)
        raise _ended_at_once(life, error) from None


def _ended_at_once(life: Lifecycle, error: OSError | RuntimeError) -> LaunchError:
    why = describe_shortage(error) or str(error)
    return LaunchError(f"{life.describe()} was ended at once: {why}", ())
