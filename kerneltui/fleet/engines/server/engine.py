"""ServerEngine: the kernels of a Jupyter server, or of a gateway, that is reached by its URL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Container, Sequence
from typing import TYPE_CHECKING, Unpack

from kerneltui.errors import NoSuchKernel
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.server.connections import Connections, ServerConsole
from kerneltui.fleet.engines.server.events import EventStream, KernelEvent
from kerneltui.fleet.engines.server.login import ServerLogin
from kerneltui.fleet.engines.server.news import ServerNews
from kerneltui.fleet.engines.server.poller import ServerPoller
from kerneltui.fleet.engines.server.rows import ServerRows
from kerneltui.fleet.engines.server.verbs import ServerVerbs
from kerneltui.fleet.inspection.kernel_info import Facts, KernelInfo, versions
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.engine_names import with_engine, without_engine
from kerneltui.fleet.model.retention import USUAL, Limits
from kerneltui.fleet.registry.notices import Notice, NoticeBoard
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.protocol.text import clean_line
from kerneltui.words import clock

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.stack import Frame, Stack
    from kerneltui.fleet.diagnosis.variable import Variable
    from kerneltui.fleet.engines.server.listing import RemoteKernel
    from kerneltui.fleet.inspection.host_usage import HostUsage
    from kerneltui.fleet.inspection.process_tree import ProcessFacts
    from kerneltui.fleet.model.capabilities import Verb
    from kerneltui.fleet.model.options import Options
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
    from kerneltui.fleet.monitoring.message_log import MessageLog
    from kerneltui.fleet.transcript.transcript import Transcript
    from kerneltui.kernels.processes.identity import ProcessIdentity

MAX_RESTARTED = 10_000  # kernels whose restarts were told between two looks


class ServerEngine:
    """The kernels of one server, by REST; a kernel's output and console after a connection.

    Verbs and lookups block; what is published returns at once. The kernels live on when it is
    closed.
    """

    kind_of_engine = "Jupyter server"

    def __init__(
        self,
        name: str,
        address: ServerAddress,
        *,
        renew: Callable[[], str] | None = None,
        limits: Limits = USUAL,
    ) -> None:
        """`name`: a short word without a colon. `renew`: returns a token, as for `ServerSession`.

        Nothing is sent before `open`.
        """
        self.name = name
        self.detailed = ""
        """The kernel to look at more closely: for a server's, there is nothing more to see."""
        self._login = login = ServerLogin(address, renew)
        self._poller = poller = ServerPoller(
            name, lambda: login.api, self._note_look, self._publish, about=str(address)
        )
        self._connections = Connections(name, login, self._publish, limits)
        self._verbs = ServerVerbs(name, login, poller, self._connections, self._publish)
        self._rows = ServerRows(name, poller, lambda: self._verbs.orders, self._connections.heard)
        self._events = EventStream(login, self._is_connected, self._note_events)
        self._restarted: deque[str] = deque(maxlen=MAX_RESTARTED)
        """The server's ids of the kernels that it has restarted since the last look."""
        self._board = NoticeBoard()
        self._news = ServerNews(self._board)
        self._state = poller.state

    def open(self) -> None:
        """Begin to ask the server, in threads of its own."""
        self._poller.start()
        self._events.start()

    def close(self) -> None:
        """Ask nothing any more; the server and its kernels go on."""
        self._events.stop()
        self._login.close()  # so that the poller waits for nothing
        self._poller.stop()
        self._connections.close()

    def log_in(self, address: ServerAddress) -> None:
        """Ask the server again, by the secrets of this address; `state` tells the outcome.

        What was heard stays, and open connections go on. Blocking.
        """
        self._login.use(address)
        self._poller.ask_again()

    # -- published values ----

    @property
    def state(self) -> EngineState:
        """CONNECTED only once the rows tell what the server told."""
        return self._state

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """The kernels in the server's order. The same tuple until something changes."""
        return self._rows.snapshots

    @property
    def host(self) -> HostUsage | None:
        """None: a server does not tell."""
        return None

    @property
    def console(self) -> ServerConsole:
        return self._connections.console

    def transcript(self, kernel_id: str) -> Transcript | None:
        """Return what a kernel has said since we are connected to it; None before."""
        return self._connections.monitor.transcript(kernel_id)

    def message_log(self, kernel_id: str) -> MessageLog | None:
        return self._connections.monitor.message_log(kernel_id)

    def take_notices(self) -> tuple[Notice, ...]:
        return self._board.take()

    def note_told(self, notice: Notice) -> None:
        """Do nothing: what a server's kernels do is told once."""

    def mark(self, kernel_id: str) -> None:
        """Draw a line below what a kernel has said so far."""
        self._connections.monitor.note(kernel_id, f"──────── {clock()} ────────")

    @property
    def locked(self) -> bool:
        """While true, every verb is refused, no code is run and no input request is answered."""
        return self.console.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self.console.locked = locked

    # -- lookups ----

    def info(self, kernel_id: str) -> KernelInfo:
        """Return what its server tells of a kernel. Raises NoSuchKernel."""
        kernel, log = self._kernel(kernel_id), self.message_log(kernel_id)
        return KernelInfo(
            spec=self._spec_facts(kernel),
            argv=(),
            cwd="",
            environment=None,
            connection_file="",
            endpoints=(("server", clean_line(self._login.address.url)),),
            versions=versions(log.kernel_info) if log else (),
        )

    def _spec_facts(self, kernel: RemoteKernel) -> Facts:
        specs = self._poller.specs
        spec = next((each for each in specs if each.name == kernel.model.name), None)
        facts = {
            "name": kernel.model.name,
            "display name": spec.display_name if spec else "",
            "language": spec.language if spec else "",
            "id": kernel.model.id,
        }
        return tuple((name, clean_line(value)) for name, value in facts.items() if value)

    def processes(
        self,
        kernel_id: str,  # noqa: ARG002 -- every engine has it
        opened: Container[ProcessIdentity] = (),  # noqa: ARG002
    ) -> tuple[ProcessFacts, ...]:
        """Return (): a server does not tell."""
        return ()

    def log(self, kernel_id: str) -> Transcript | None:  # noqa: ARG002
        """Return None: what a kernel writes outside of its messages is in its server's log."""
        return None

    def stack(self, kernel_id: str) -> Stack:
        """Look up where a kernel's threads stand. Blocking, for some seconds at most.

        Its server takes that for its work: it may call a busy kernel idle until it really is.
        Raises NotConnected, and CannotLook if no way works.
        """
        subject = self._connections.subject(kernel_id)
        return self._connections.diagnosis.stack(subject)

    def variables(self, kernel_id: str) -> tuple[Variable, ...]:
        """Look up a kernel's variables, the largest first. Blocking; raises as `stack` does."""
        subject = self._connections.subject(kernel_id)
        return self._connections.diagnosis.variables(subject)

    def frame_names(
        self, kernel_id: str, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]:
        """Look up the names of the frame `depth` calls above a thread's innermost one."""
        subject = self._connections.subject(kernel_id)
        return self._connections.diagnosis.frame_names(subject, thread, depth, frame)

    def kernel_specs(self) -> tuple[SpecChoice, ...]:
        """Return the kernelspecs that the server told last."""
        return tuple(
            SpecChoice(
                with_engine(each.name, self.name),
                clean_line(each.display_name),
                clean_line(each.language),
            )
            for each in self._poller.specs
        )

    def warm(self, kernel_name: str) -> None:
        """Do nothing: how its server starts a kernel is not in our hands."""

    def before(self, verb: Verb, target: Target) -> tuple[str, ...]:  # noqa: ARG002
        """Return (): a server tells nothing that a user should know before a verb."""
        return ()

    # -- verbs: they raise KernelError, and return a sentence worth showing, or "" ----

    def start(self, kernel_name: str, *, cwd: str, name: str = "") -> str:
        """Start a kernel of the server; return its id.

        `cwd`: relative to the server's folder. `name`: the path of a notebook to bind it to.
        """
        started = self._verbs.start(kernel_name, cwd=cwd, name=name)
        return with_engine(started, self.name)

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:  # noqa: ARG002
        """Carry out a verb on the target kernel; no verb of a server takes options.

        Raises ActionRefused if it is not allowed, or if the kernel is gone.
        """
        return self._verbs.do(verb, target)

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str:  # noqa: ARG002
        """Do nothing: a server's kernels are not ours."""
        return ""

    # -- what is published ----

    def _kernel(self, kernel_id: str) -> RemoteKernel:
        kernel = self._poller.kernels.get(without_engine(kernel_id, self.name))
        if kernel is None:
            raise NoSuchKernel(f"no kernel with id {clean_line(kernel_id)!r}", kernel_id)
        return kernel

    def _is_connected(self) -> bool:
        return self.state.link is Link.CONNECTED

    def _note_events(self, events: Sequence[KernelEvent]) -> None:
        restarted = (each.kernel_id for each in events if each.action == "restart")
        self._restarted.extend(restarted)
        self._poller.hurry()

    def _note_look(self) -> None:
        """Take over what a look has shown, and tell the user if the connection has changed."""
        while self._restarted:
            self._connections.note_restart(with_engine(self._restarted.popleft(), self.name))
        state = self._poller.state
        if state.link is Link.CONNECTED:
            self._connections.hear_server(self._poller.kernels)
        self._news.note(state, self._poller.why_unlisted, self._poller.kernels)
        self._publish()

    def _publish(self) -> None:
        state = self._poller.state
        self._rows.publish()
        self._state = state
