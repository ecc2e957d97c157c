"""ClientBase: a client's channels, and its way of waiting for a kernel that may die meanwhile."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, Unpack, runtime_checkable

import zmq

from kerneltui.arguments import Settings, configured, refuse_unknown, spelled_out
from kerneltui.bounded import Bounded
from kerneltui.errors import (
    ChannelNotOpen,
    ConnectionFileError,
    KernelDied,
    KernelTimeout,
    ProtocolError,
)
from kerneltui.kernels.client.channel_thread import ChannelThread
from kerneltui.kernels.client.channels import ClientChannel, HeartbeatChannel, Source
from kerneltui.kernels.client.control import Tap
from kerneltui.kernels.connection.arguments import ConnectionArguments
from kerneltui.kernels.connection.connection_file import ConnectionFileMixin
from kerneltui.kernels.connection.presence import KernelPresence
from kerneltui.kernels.connection.sockets import Context
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import Message, is_of_start, parent_id

LAST_WORDS = 0.05  # seconds that the last messages of a dead kernel may take to arrive
REMEMBERED = 1_000  # requests of which is known to which process they were sent; the latest


@runtime_checkable
class Lifeline(Protocol):
    """What a client needs of the manager that made it."""

    life: Lifecycle

    def get_connection_info(self) -> dict[str, Any]: ...

    def looks_alive(self) -> bool: ...


AnyChannel = TypeVar("AnyChannel", bound=ClientChannel, covariant=True)
T = TypeVar("T")


class ClientBase(ConnectionFileMixin, Generic[AnyChannel]):
    """Sockets to one kernel, messages in and out; it has no methods for requests.

    A method that waits is a coroutine, and it waits in `_poll` and `_elsewhere` only. In a blocking
    client these two block, so that its coroutines never yield. Open channels belong to the thread
    that called `start_channels`: in another thread, all methods that would use them raise
    WrongThread, except `stop_channels`.
    """

    @configured
    @spelled_out(ConnectionArguments)
    def __init__(
        self,
        *,
        config: Settings | None = None,
        parent: object = None,
        **connection: Unpack[ConnectionArguments],
    ) -> None:
        """`parent`: the manager that knows the process; of other objects only `config` counts."""
        refuse_unknown(type(self).__name__, connection, ClientBase.__init__)
        self.config: Settings = config or {}
        super().__init__(**connection)
        self.parent = parent if isinstance(parent, Lifeline) else None
        self.allow_stdin = True
        """Whether code may ask for input if the request does not say so."""
        self.tap_messages: Tap | None = None
        """Called with each message that this client sends or receives, in its thread."""
        self.hb_channel = HeartbeatChannel(self._where_heartbeat)
        self._channels: dict[Channel, AnyChannel] = {}
        self._thread = ChannelThread(self._close_sockets)
        self.spawns = 0
        """How many processes had served the kernel when it was last connected to."""
        self._sent: Bounded[str, int] = Bounded(REMEMBERED)
        """`spawns` at the time when a request was sent, by its msg_id."""
        self._openings = 0
        self._is_settled = False
        """The caller has said which channels are to be open; before that, the first use opens
        all."""
        self._presence: KernelPresence | None = None
        self._noise: frozenset[str] = frozenset()
        self._ready_reply: Message | None = None
        """The reply by which a process was last found ready."""

    # -- channels ----

    def start_channels(
        self,
        shell: bool = True,
        iopub: bool = True,
        stdin: bool = True,
        hb: bool = True,
        control: bool = True,
    ) -> None:
        """Connect to the kernel. Without `stdin`, code that asks for input gets an error.

        From now on the channels belong to the calling thread, see WrongThread. If one cannot be
        opened, all are closed.
        """
        # Stdin first, shell last: while a kernel does not know a client's stdin socket yet, an
        # input request to it is lost, and a cell's `input()` waits for ever.
        wanted = {
            Channel.STDIN: stdin,
            Channel.IOPUB: iopub,
            Channel.CONTROL: control,
            Channel.SHELL: shell,
        }
        self._thread.claim()
        try:
            self._follow_parent()
            with self._thread:
                chosen = [self._channel(channel) for channel, want in wanted.items() if want]
                self._open(chosen, hb=hb)
        except BaseException:
            self._thread.close()
            raise
        self.allow_stdin = stdin
        self._is_settled = True

    def start_channel(self, channel: ClientChannel) -> None:
        """Open a channel beside those that are open.

        If it was stopped before, the others are opened again, see `_open`. Raises WrongThread.
        """
        self._thread.claim()
        self._is_settled = True
        alive = [each for each in self._channels.values() if each.is_alive()]
        if not alive:
            self._follow_parent()
        anew = not alive or channel.identity == self._identity
        with self._thread:
            self._open([*alive, channel] if anew else [channel], hb=False, anew=anew)

    def stop_channels(self) -> None:
        """Disconnect; no effect if nothing is connected.

        Any thread may call it. If the channels' own thread is using them, they are closed as soon
        as it has finished that.
        """
        self._is_settled = True
        self._thread.close()

    def _start_unasked(self) -> None:
        """Open the channels that the kernel is known to have, as no caller has chosen others."""
        self._follow_parent()
        ports, allow_stdin = self._endpoint.info.ports, self.allow_stdin
        known = {str(channel): bool(ports[channel]) for channel in (Channel.HB, Channel.CONTROL)}
        self.start_channels(**known)
        self.allow_stdin = allow_stdin

    def _close_sockets(self) -> None:
        for channel in tuple(self._channels.values()):
            channel.close()
        self.hb_channel.close()

    @property
    def channels_running(self) -> bool:
        return self.hb_channel.is_alive() or any(
            each.is_alive() for each in self._channels.values()
        )

    @property
    def shell_channel(self) -> AnyChannel:
        return self._channel(Channel.SHELL)

    @property
    def iopub_channel(self) -> AnyChannel:
        return self._channel(Channel.IOPUB)

    @property
    def stdin_channel(self) -> AnyChannel:
        return self._channel(Channel.STDIN)

    @property
    def control_channel(self) -> AnyChannel:
        return self._channel(Channel.CONTROL)

    @property
    def refused(self) -> Counter[type[ProtocolError]]:
        """How many messages were refused on all channels, by the error they raised."""
        return sum((each.session.refused for each in self._channels.values()), Counter())

    def input(self, string: str) -> None:
        """Answer the kernel's input request."""
        self.stdin_channel.send(self.session.new_message("input_reply", {"value": string}))

    def _request(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        *,
        channel: Channel = Channel.SHELL,
        reply: bool,
        timeout: float | None,
        subshell_id: str | None = None,
    ) -> Any:
        message = self.session.new_message(msg_type, dict(content), subshell_id=subshell_id)
        self._channel(channel).send(message)
        return self.get_reply(message["msg_id"], timeout, channel) if reply else message["msg_id"]

    @abstractmethod
    def get_reply(self, msg_id: str, timeout: float | None = None, channel: str = "shell") -> Any:
        """Return the reply to a request, or an awaitable of it."""

    async def _reply_to(
        self, msg_id: str, timeout: float | None = None, channel: str = "shell"
    ) -> Message:
        """Return the reply to a request; replies to other requests are set aside, not lost.

        Raises KernelTimeout or KernelDied.
        """
        source = self._channel(Channel(channel))
        deadline = None if timeout is None else time.monotonic() + timeout
        asked = self.process_asked(msg_id)
        while True:
            if message := source.take_aside(msg_id):
                return message
            while message := source.receive():
                if parent_id(message) == msg_id:
                    return message
                source.set_aside(message)
            await self.until_readable((source,), deadline, asked)

    # -- the channels' way of waiting ----

    async def until_readable(
        self, channels: Sequence[Source], deadline: float | None, asked: int = 0
    ) -> None:
        """Return once a source in `channels` may have a message: then look, or wait again.

        The first source is a channel of this client. `asked`: the number of the process that was
        asked, as `spawns` counts them; no other process will answer. 0 for any process. Raises
        KernelTimeout or KernelDied.
        """
        self.refresh()
        if self.parent is not None and asked and asked != self.spawns:
            raise self.parent.life.last_death()
        process = self.parent.life.process if self.parent is not None else None
        if self.parent is None or process is None:
            await self._until_unmanaged_readable(channels, deadline)
            return
        ready = await self._poll(channels, process, deadline)
        if not ready:
            raise KernelTimeout(self._describe_silence(channels))
        if await self._has_words(channels, process, ready):
            return
        wait = partial(self.parent.life.wait_for_replacement, successor=not asked)
        await self._elsewhere(partial(wait, process, deadline))
        self.refresh()

    async def _until_unmanaged_readable(
        self, channels: Sequence[Source], deadline: float | None
    ) -> None:
        """Wait for a kernel whose process no manager knows."""
        presence = self._presence
        if presence is None:
            raise ChannelNotOpen(channels[0].channel)
        presence.begin_wait()
        until = presence.due if deadline is None else min(deadline, presence.due)
        ready = await self._poll(channels, presence.process, until)
        if ready and await self._has_words(channels, presence.process, ready):
            presence.note_words()
            return
        if deadline is not None and time.monotonic() >= deadline:
            raise KernelTimeout(self._describe_silence(channels))
        if await self._elsewhere(partial(presence.is_gone, has_spoken=self._has_spoken)):
            if not await self._has_last_words(channels):
                raise _death(presence, Channel(channels[0].channel))
            presence.note_words()

    async def _has_words(
        self, channels: Sequence[Source], process: KernelProcess | None, ready: list[Any]
    ) -> bool:
        """Tell whether there is something to read; `ready` may hold the exit of `process` only."""
        if process is None or process.fileno() not in ready or len(ready) > 1:
            return True
        return await self._has_last_words(channels)

    async def _has_last_words(self, channels: Sequence[Source]) -> bool:
        last_words = time.monotonic() + LAST_WORDS
        return self._has_spoken and bool(await self._poll(channels, None, last_words))

    @abstractmethod
    async def _poll(
        self, channels: Sequence[Source], process: KernelProcess | None, deadline: float | None
    ) -> list[Any]:
        """Return the sockets that have something, and the descriptor of a process that exited.

        [] at the deadline.
        """

    @abstractmethod
    async def _elsewhere(self, call: Callable[[], T]) -> T:
        """Return the result of a call that may block and uses no channel."""

    def _poll_here(
        self, channels: Sequence[Source], process: KernelProcess | None, deadline: float | None
    ) -> list[Any]:
        """Poll as `_poll` does, and block."""
        poller = zmq.Poller()
        with self._thread:
            for channel in channels:
                poller.register(channel.opened(), zmq.POLLIN)
            if process is not None:
                poller.register(process.fileno(), zmq.POLLIN)
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = poller.poll(None if left is None else math.ceil(left * 1000))
        return [source for source, _ in ready]

    @property
    def _has_spoken(self) -> bool:
        return any(each.heard for each in self._channels.values())

    def refresh(self) -> None:
        self._thread.require()
        if not self._is_settled:
            self._start_unasked()
        if self.parent is not None and self.parent.life.spawns != self.spawns:
            self._follow_parent()
            with self._thread:
                alive = [each for each in self._channels.values() if each.is_alive()]
                self._open(alive, hb=self.hb_channel.is_alive())

    def refuse_withdrawn(self, channel: Channel) -> None:
        if self._presence is not None and self._presence.is_withdrawn:
            raise _death(self._presence, channel)

    def is_noise(self, message: Message) -> bool:
        if message["msg_type"] == "iopub_welcome" or parent_id(message) in self._noise:
            return True
        return self._ready_reply is not None and is_of_start(message, self._ready_reply)

    def note_sent(self, msg_id: str) -> None:
        self._sent[msg_id] = self.spawns

    def process_asked(self, msg_id: str) -> int:
        """Return the number of the process that a request was sent to, as `spawns` counts them.

        That of the present one if the request is unknown, or of long ago.
        """
        return self._sent.get(msg_id, self.spawns)

    def tap(self, channel: Channel, message: Message) -> None:
        if self.tap_messages is not None:
            self.tap_messages(channel, message)

    def _open(self, channels: Sequence[ClientChannel], *, hb: bool, anew: bool = True) -> None:
        """Connect. `anew`: no other channels will be open."""
        heartbeat = [Channel.HB] if hb else []
        info = self._info_with([*(each.channel for each in channels), *heartbeat])
        if anew:
            self._presence = KernelPresence(info, self.connection_file)
            # Another identity each time: while a kernel still knows a closed socket by the old one,
            # it may not listen to a new socket that takes it.
            self._openings += 1
        for channel in channels:
            channel.open(self.context, info, self._identity)
        if hb:
            self.hb_channel.start()

    @property
    def _identity(self) -> bytes:
        """The identity of shell, stdin and control since they were opened."""
        suffix = f"-{self._openings}".encode() if self._openings > 1 else b""
        return self.session.bsession + suffix

    def _where_heartbeat(self) -> tuple[Context, ConnectionInfo]:
        return self.context, self._info_with([Channel.HB])

    def _follow_parent(self) -> None:
        """Take over the manager's connection info, which a restart may have changed."""
        if self.parent is not None:
            self.spawns = self.parent.life.spawns
            self.load_connection_info(self.parent.get_connection_info())

    def _info_with(self, channels: Sequence[Channel]) -> ConnectionInfo:
        """Return the connection info. Raises ConnectionFileError if a port is not known."""
        info = self.connection_info
        missing = [
            f"{channel}_port"
            for channel in Channel
            if channel in channels and not info.ports[channel]
        ]
        if missing:
            raise ConnectionFileError(
                f"cannot connect: {', '.join(missing)} unset;"
                " start the kernel or load a connection file first"
            )
        return info

    @abstractmethod
    def _new_channel(self, channel: Channel) -> AnyChannel:
        """Return a channel that is not open yet."""

    def _channel(self, channel: Channel) -> AnyChannel:
        found, session = self._channels.get(channel), self.session
        if found is None or (not found.is_alive() and found.session.session != session.session):
            found = self._channels[channel] = self._new_channel(channel)
        if found.session.key != session.key:
            found.session.sign_with(session.key, session.signature_scheme)
        return found

    def _describe_silence(self, channels: Sequence[Source]) -> str:
        names = " or ".join(each.channel for each in channels)
        endpoint = self.connection_info.endpoint(Channel(channels[0].channel))
        life = "" if self.parent is None else " (its process lives)"
        return f"no {names} message in time from {endpoint}{life}"


def _death(presence: KernelPresence, channel: Channel) -> KernelDied:
    return KernelDied(presence.describe_end(channel), None, ())
