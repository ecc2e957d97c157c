"""KernelManager: one kernel in a subprocess of this host, from its launch to its end."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Unpack

from kerneltui.arguments import Settings, configured, refuse_unknown, spelled_out
from kerneltui.errors import ActionRefused
from kerneltui.kernels.client.channels import has_heartbeat
from kerneltui.kernels.client.control import ControlRequest, Tap
from kerneltui.kernels.connection.arguments import ConnectionArguments
from kerneltui.kernels.connection.encryption import POLICIES
from kerneltui.kernels.connection.serving import ServerSearch
from kerneltui.kernels.management.client_maker import ClientFactory, ClientMaker
from kerneltui.kernels.management.launch_plan import LaunchArguments, StartArguments
from kerneltui.kernels.management.launcher import Launcher, LaunchOrder
from kerneltui.kernels.management.provisioner import Provisioner
from kerneltui.kernels.management.replacer import Replacer
from kerneltui.kernels.management.restarter import Restarter, RestartVerbs
from kerneltui.kernels.management.shutdown import Stopper
from kerneltui.kernels.management.signaller import Signaller
from kerneltui.kernels.management.spawn import Spawn
from kerneltui.kernels.management.spawn_forked import launcher_named
from kerneltui.kernels.management.spec_owner import SpecOwner
from kerneltui.kernels.management.turn import Turn
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import ChildProcess, KernelProcess
from kerneltui.kernels.processes.wrapped import WrappedProcess
from kerneltui.kernels.specs.spec_manager import NATIVE_KERNEL_NAME, KernelSpecManager
from kerneltui.protocol.status import KernelStatus, Spawned, Wanted

SHUTDOWN_WAIT_TIME = 5.0  # seconds; jupyter_client's


class KernelManager(SpecOwner, ClientMaker, RestartVerbs):
    """Starts, signals, restarts and stops one kernel. Threads may share it.

    Rule: methods that only look take no lock. Verbs that change the process take turns, and
    `now=True` kills before it waits for its turn.

    `launcher`: "template" forks Python kernels from a process that has imported what they need,
    where that is possible; see LAUNCHERS.
    """

    @configured
    @spelled_out(ConnectionArguments)
    def __init__(
        self,
        *,
        kernel_name: str = NATIVE_KERNEL_NAME,
        kernel_id: str | None = None,
        kernel_spec_manager: KernelSpecManager | None = None,
        shutdown_wait_time: float | None = None,
        autorestart: bool = False,
        owns_kernel: bool = True,
        transport_encryption: str = POLICIES[0],
        launcher: str = "spawn",
        client_class: str | ClientFactory | None = None,
        client_factory: ClientFactory | None = None,
        data_dir: str | None = None,
        config: Settings | None = None,
        parent: object = None,
        **connection: Unpack[ConnectionArguments],
    ) -> None:
        refuse_unknown(type(self).__name__, connection, KernelManager.__init__)
        self.config: Settings = config or {}
        self.parent = parent
        specs = kernel_spec_manager or KernelSpecManager(data_dir=data_dir, parent=self)
        SpecOwner.__init__(self, kernel_name, specs)
        ClientMaker.__init__(self, **connection)
        self.kernel_id = kernel_id or str(uuid.uuid4())
        self.shutdown_wait_time = (
            SHUTDOWN_WAIT_TIME if shutdown_wait_time is None else shutdown_wait_time
        )
        self.autorestart = autorestart
        self.owns_kernel = owns_kernel
        self.transport_encryption = transport_encryption
        self.stack_signal: int | None = None
        """The signal at which Python writes its stacks to the kernel's log, from the next launch
        on."""
        if client_class is not None:
            self.client_class = client_class
        if client_factory is not None:
            self.client_factory = client_factory
        self.tap_messages: Tap | None = None
        """Called with each message of the manager's own requests, in the thread that asks."""
        self.may_restart: Callable[[], bool] = lambda: True
        """Called after a death if `autorestart` is on; False forbids the restart."""
        self.around_restart: Callable[[], AbstractContextManager[None]] = nullcontext
        """Gives a context for each automatic restart; if it raises, there is no restart."""
        self._restarter = Restarter(self)
        self.spawn: Spawn = launcher_named(launcher)
        """Starts the process of each launch."""
        self._launcher = Launcher(self, self._own_command, lambda order: self.spawn(order))
        self._search = ServerSearch(self, lambda: self._launcher.arguments is not None)
        self.life = Lifecycle(self.describe, self._restarter.decide, self._search.find_heir)
        """What happens to this kernel; callers may add listeners."""
        self._stopper = Stopper(self.life, self.follow_server)
        self._asked = ExitStack()
        """Shutdown requests whose sockets stay open, so that the requests arrive."""
        self._signaller = Signaller(self.life, self.follow_server)
        self._provisioner = Provisioner(self)
        self._turn = Turn()
        self._replacer = Replacer(self.life, self._turn, self._stop, self._relaunch)

    # -- its state ----

    @property
    def left_behind(self) -> tuple[ProcessIdentity, ...]:
        """Descendants that survived the last polite shutdown."""
        return self._stopper.left_behind

    @property
    def process(self) -> KernelProcess | None:
        """The process that serves this kernel, or that last did; None before the first."""
        return self.life.process

    @property
    def spawns(self) -> int:
        """How many processes have served this kernel."""
        return self.life.spawns

    @property
    def kernel(self) -> subprocess.Popen[bytes] | None:
        """The `subprocess.Popen` of a kernel that was started here; None after its shutdown."""
        process = self.process if self.has_kernel else None
        launched = process.wrapper if isinstance(process, WrappedProcess) else process
        return launched.popen if isinstance(launched, ChildProcess) else None

    @property
    def provisioner(self) -> Provisioner | None:
        """Where users of jupyter_client look for pid and Popen; None before the first start."""
        return None if self.process is None else self._provisioner

    @property
    def has_kernel(self) -> bool:
        return self.life.present

    @property
    def status(self) -> KernelStatus:
        return self.life.status

    @property
    def ready(self) -> Future[None]:
        """Done when the latest start, restart or shutdown has ended, also if it failed."""
        return self._turn.ready

    @property
    def ipykernel(self) -> bool:
        return self.kernel_name in {"python", "python2", "python3"}

    def is_alive(self) -> bool:
        """Tell whether the kernel's process runs; without owning it, ask for a heartbeat."""
        if not self.owns_kernel:
            return has_heartbeat(self.context, self.connection_info)
        process = self.process
        if process is None:  # none yet, or it is not visible from here
            return self.has_kernel and not self.status.exited
        return not process.exited

    def looks_alive(self) -> bool:
        """Do as `is_alive`, but block also in a subclass whose `is_alive` is awaited."""
        return self.is_alive()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.describe()} {self.status.state}>"

    def describe(self) -> str:
        """Return how this kernel is named in messages."""
        spec = f" ({self.kernel_name})" if self.kernel_name else ""
        return f"kernel {self.kernel_id[:8]}{spec}"

    # -- starting ----

    def start_kernel(self, **kw: Unpack[StartArguments]) -> None:
        """Launch the kernel; return when its process exists, not when it is ready.

        `kw`: `extra_arguments`, `env`, `cwd`, `independent` (it outlives this process), `stdin`,
        `stdout`, `stderr` (a log file unless given) and other arguments of Popen; remembered for
        a restart. Raises LaunchError with the reason, NoSuchKernel, InvalidKernelSpec, or
        ActionRefused if it already runs.
        """
        with self._turn.taken():
            self.follow_server()
            if self.looks_alive() or not self.owns_kernel:
                raise ActionRefused(f"cannot start {self.describe()}: it runs already")
            self._take_own(kw)
            if self.process is not None:
                self.life.record_exit(self.process)  # a crash that was not noticed yet
            self._restarter.reset()
            try:
                self._launch(kw)
            except BaseException as error:
                if self.status.wanted is Wanted.RESTART:  # clients wait for this process
                    self.life.order(Wanted.DOWN, f"start failed: {error}")
                self._clean_up()
                raise

    def pre_start_kernel(self, **kw: Unpack[StartArguments]) -> tuple[list[str], dict[str, Any]]:
        """Pick ports and write the connection file; return argv and Popen's arguments for a start.

        `kw`: as for `start_kernel`. A stdout or stderr that is not given would go to a log. Raises
        as `start_kernel` does.
        """
        with self._turn.taken():
            self._take_own(kw)
            return self._launcher.prepare(self._order(kw)).as_popen()

    def _take_own(self, kw: StartArguments) -> None:
        """Take the arguments that are not for the launch."""
        self.kernel_id = kw.pop("kernel_id", None) or self.kernel_id
        encryption = kw.pop("transport_encryption", None)
        self.transport_encryption = encryption or self.transport_encryption

    def turn(self) -> AbstractContextManager[None]:
        """Return a context in which no other thread starts, restarts or stops the kernel."""
        return self._turn.taken()

    def adopt_kernel(
        self, process: KernelProcess, *, age: float | None, **kw: Unpack[LaunchArguments]
    ) -> None:
        """Take over a kernel that another program started; its connection file must be loaded.

        From then on it is ours, with its files. `age`: seconds since its start, None if unknown.
        `kw`: the arguments for a restart, as for `start_kernel`.
        """
        with self._turn.taken():
            self._own_connection_file()
            log = self._launcher.adopt(kw, self.kernel_id)
            self.life.begin(process, log, Spawned(adopted=True), age)

    def attach_kernel(self, process: KernelProcess | None, *, age: float | None) -> None:
        """Follow a kernel that stays another program's; its connection file must be loaded.

        Its files are left alone, and it cannot be restarted from here. `process`: None if it is not
        visible from here. `age`: seconds since its start, None if unknown.
        """
        with self._turn.taken():
            self.life.begin(process, None, Spawned(adopted=True), age)

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """Return the kernelspec's argv, filled in. What a subclass returns here is launched."""
        return self._launcher.filled_in(self.kernel_spec, extra_arguments)

    def _own_command(self, extra_arguments: Sequence[str]) -> list[str] | None:
        if type(self).format_kernel_cmd is KernelManager.format_kernel_cmd:
            return None
        return self.format_kernel_cmd(list(extra_arguments))

    def next_command(self) -> list[str]:
        """Return the argv that a restart would run. Raises NoSuchKernel or InvalidKernelSpec."""
        return self._launcher.next_command(self._next_spec())

    def update_env(self, *, env: dict[str, str]) -> None:
        """Merge `env` into the environment of the next restart."""
        self._launcher.update_env(env)

    def _order(self, arguments: Mapping[str, Any]) -> LaunchOrder:
        spec, encryption = self._next_spec(), self.transport_encryption
        return LaunchOrder(spec, arguments, self.kernel_id, encryption, self.stack_signal)

    def _launch(self, arguments: Mapping[str, Any]) -> None:
        order = self._order(arguments)
        self._note_launch(order.spec)
        self._launcher.launch(order, self.life)

    def _relaunch(self, overriding: Mapping[str, Any], newports: bool) -> None:
        if newports:
            self.cleanup_random_ports()
        self._launch(self._launcher.with_overrides(overriding))

    # -- the process that serves the kernel ----

    def follow_server(self) -> None:
        """Follow the process that serves the kernel, if the launched program only wraps it.

        Pid, signals and exit are then those of that process. No effect before it listens. If the
        present process has ended and that was not recorded yet, it is recorded here.
        """
        self._search.follow(self.life)

    # -- signals ----

    def interrupt_kernel(self, meant: ProcessIdentity | None = None) -> None:
        """Interrupt what runs: SIGINT to the group, or an interrupt_request, as the spec says.

        `meant`: the process to interrupt. Raises ActionRefused if there is nothing to interrupt, or
        if the kernel was restarted and has another process.
        """
        if self.kernel_spec.interrupt_mode.lower() == "message":
            self._signaller.interrupt_by_message(
                lambda: self.control_request("interrupt_request", {}), meant
            )
        else:
            self._signaller.interrupt(meant)

    def signal_kernel(self, signum: int, meant: ProcessIdentity | None = None) -> None:
        """Send a signal to the kernel's process group, its children included.

        `meant`: the process to signal. Raises ActionRefused if no process is left, or if the kernel
        was restarted and has another one.
        """
        self._signaller.signal(signum, meant)

    def control_request(self, msg_type: str, content: dict[str, Any]) -> ControlRequest:
        """Send a request on control. Raises ConnectionFileError if it cannot be sent."""
        return ControlRequest(self.context, self.endpoint, msg_type, content, self.tap_messages)

    # -- stopping ----

    def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """End the kernel: a shutdown request, then SIGTERM, then SIGKILL; with `now` SIGKILL.

        `now` also ends its descendants, even those that left its process group, and takes over from
        a polite shutdown that is under way. `restart` keeps the connection file. No effect if
        nothing runs. Raises KernelTimeout if the process outlives SIGKILL.
        """
        wanted = Wanted.RESTART if restart else Wanted.DOWN
        self._end(wanted, now=now, clean_up=lambda: self._clean_up(restart))

    def request_shutdown(self, restart: bool = False) -> None:
        """Ask the kernel to end; `finish_shutdown` waits for that. Raises ConnectionFileError."""
        self.life.order(Wanted.RESTART if restart else Wanted.DOWN)
        self._asked.enter_context(self._request_shutdown())

    def finish_shutdown(
        self,
        waittime: float | None = None,
        pollinterval: float = 0.1,  # noqa: ARG002 - the field's; nothing is polled here
        restart: bool = False,
    ) -> None:
        """Wait for the end of a kernel that was asked to end, then signal it.

        `waittime`: seconds; after half of it comes SIGTERM, then SIGKILL. None for
        `shutdown_wait_time`. Its files stay, see `cleanup_resources`. Raises KernelTimeout if the
        process outlives SIGKILL.
        """
        if not self.owns_kernel:
            return
        self.follow_server()
        self.life.order(Wanted.RESTART if restart else Wanted.DOWN)
        grace = self.shutdown_wait_time if waittime is None else waittime
        with self._turn.taken(), self._asked:
            self._stopper.stop(False, grace, nullcontext)

    def kill_kernel(self) -> None:
        """End the kernel like a shutdown with `now`, but keep its log and its connection file.

        A shutdown removes them.
        """
        self._end(Wanted.DOWN, now=True, clean_up=self.cleanup_ipc_files)

    def _end(self, wanted: Wanted, *, now: bool, clean_up: Callable[[], None]) -> None:
        if not self.owns_kernel:
            return
        if now:
            self._kill(wanted)
        else:
            self.follow_server()  # before the order: an exit after it is taken for the kernel's
            self.life.order(wanted)
        with self._turn.taken():
            self.life.order(wanted)  # again: the verb before may have started a process
            self._stop(now)
            clean_up()

    def restart_kernel(
        self, now: bool = False, newports: bool = False, **kw: Unpack[LaunchArguments]
    ) -> None:
        """Stop the kernel and start it with the same arguments; `kw` overrides them.

        It keeps its ports and its connection file; with `newports` it gets others. The paths of ipc
        sockets stay. A second restart at the same time waits for the first. Raises ActionRefused if
        the kernel was never started or is being shut down, else what `start_kernel` raises: before
        the kernel is stopped, if that is known in time.
        """
        if self._launcher.arguments is None or not self.spawns:
            raise ActionRefused(f"cannot restart {self.describe()}: it was never started")
        self._replacer.replace(
            lambda: self._prepare_restart(now, kw),
            lambda: self._stopper.kill(self.life.to_replace),
            now=now,
            newports=newports,
            overriding=kw,
        )

    def _prepare_restart(self, now: bool, overriding: Mapping[str, Any]) -> None:
        if self.status.wanted is Wanted.DOWN and not self.status.exited:
            raise ActionRefused(f"cannot restart {self.describe()}: it is terminating")
        self._launcher.refuse(self._order(self._launcher.with_overrides(overriding)))
        if not now:
            self.follow_server()
        self._restarter.reset()
        if now:
            self._kill(Wanted.RESTART)
        else:
            self.life.order(Wanted.RESTART)

    def _kill(self, wanted: Wanted) -> None:
        """Kill at once, as ordered; if that is not permitted, what was ordered before holds."""
        before = self.status
        self.life.order(wanted)
        try:
            self._stopper.kill(self.process)
        except BaseException:
            self.life.order(before.wanted, before.reason)
            raise

    def wants_restart(self) -> bool:
        """Tell whether the kernel is to be started again after it died without an order."""
        return self.autorestart and self.may_restart()

    def restart_after(self, died: KernelProcess, *, newports: bool) -> None:
        """Restart after a death without an order, unless another process serves the kernel now."""
        self._replacer.replace_dead(died, self.around_restart, newports=newports)

    def _stop(self, now: bool) -> None:
        self._stopper.stop(now, self.shutdown_wait_time, self._request_shutdown)

    @contextmanager
    def _request_shutdown(self) -> Iterator[None]:
        """Ask the process to end; the next process at its ports never gets the request."""
        is_restart = self.status.wanted is Wanted.RESTART
        with self.control_request("shutdown_request", {"restart": is_restart}) as request:
            yield
            request.withdraw()

    def cleanup_resources(self, restart: bool = False) -> None:
        """Remove the files of a kernel that is gone, unless it restarts; give its ports back.

        Its zmq context is then closed until the next connection; see `context`.
        """
        self._asked.close()
        if restart:
            return
        self.cleanup_ipc_files()
        self.cleanup_connection_file()
        self.release_ports()
        self._end_context()
        self.life.present = False

    def cleanup_connection_file(self) -> None:
        """Remove the connection file and the log.

        A program that ends its kernel through a client may call only this.
        """
        super().cleanup_connection_file()
        self._launcher.clean_up()

    def _clean_up(self, restart: bool = False) -> None:
        self.cleanup_resources(restart)  # a subclass may do more
