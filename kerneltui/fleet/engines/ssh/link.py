"""AgentLink: one connection to an agent: an ssh process, requests on their way, and what comes."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.ssh.codec import Fields, Unusable, mapping
from kerneltui.fleet.engines.ssh.command import Diagnosis, Ended, diagnose, diagnose_start
from kerneltui.fleet.engines.ssh.failures import read_error
from kerneltui.fleet.engines.ssh.lines import (
    HEARTBEAT,
    Greeting,
    LineBuffer,
    greeting_in,
    pack,
    unpack,
    version_problem,
)
from kerneltui.fleet.engines.ssh.ssh_process import SshProcess
from kerneltui.fleet.threads.mailbox import Mailbox
from kerneltui.protocol.text import clean_line

GREETING_TIME = 30.0  # seconds from the start of ssh to the greeting
UNHEARD = 10.0  # seconds without a line after which rows are marked
LOST = 25.0  # seconds without a line after which ssh is ended, and started again
MAX_NOISE = 64_000  # bytes before the greeting: what a shell's start-up files print
TICK = 1.0  # seconds between two looks at the clock
FULL = "ssh takes no more"

Reply = Future[Any]


class AgentLink:
    """Run in one thread; `ask`, `tell` and `close` are for any."""

    def __init__(
        self,
        argv: Sequence[str],
        destination: str,
        version: str,
        *,
        greeted: Callable[[Greeting], None],
        hear: Callable[[Fields], None],
        tick: Callable[[float], None],
    ) -> None:
        """`hear`: called with each line of news; it may raise codec.Unusable.

        `tick`: called about once a second with the instant when the agent was heard last. Raises
        OSError if too many files are open.
        """
        self._argv = argv
        self._destination = destination
        self._version = version
        self._greeted = greeted
        self._hear = hear
        self._tick = tick
        self._mailbox = Mailbox()
        self._lock = threading.Lock()
        self._replies: dict[int, Reply] = {}
        self._number = 0
        self._is_closed = False
        self._greeting: Greeting | None = None
        self._noise: list[str] = []
        self._noise_size = 0
        self.heard_at = time.monotonic()
        """When a line came last."""
        self._told_at = 0.0

    # -- in any thread ----

    def ask(self, do: str, **arguments: object) -> Reply:
        """Send a request; return its future result."""
        reply: Reply = Future()
        with self._lock:
            self._number += 1
            number = self._number
            self._replies[number] = reply
        if not self._put({"id": number, "do": do, **arguments}):
            self._settle(number, KernelError("the connection has ended"))
        return reply

    def tell(self, do: str, **arguments: object) -> None:
        """Send what nobody waits for a reply to."""
        self._put({"do": do, **arguments})

    def close(self) -> None:
        """Have `run` end soon."""
        self._mailbox.shut(self._close)

    def discard(self) -> None:
        """Close what was never run."""
        self._mailbox.close()

    def _put(self, message: Mapping[str, object]) -> bool:
        return self._mailbox.put(lambda: self._send(message))

    # -- in the thread that runs it ----

    def run(self) -> Diagnosis:
        """Connect, and hear what comes until the end; return why it has ended."""
        try:
            process = SshProcess(self._argv)
        except OSError as error:
            self._mailbox.close()
            return diagnose_start(error)
        self._process = process
        problem, ended = "", Ended(0)
        try:
            self._loop(process)
        except Unusable as error:
            problem = f"what came is not kerneltui's: {error}"
        except _Over as over:
            problem = str(over)
        finally:
            ended = process.end()
            self._mailbox.shut(lambda: None)
            self._give_up(problem or "the connection has ended")
            self._mailbox.close()
        return self._diagnosis(problem, ended)

    def _diagnosis(self, problem: str, ended: Ended) -> Diagnosis:
        if self._greeting is None:
            if problem:
                return Diagnosis(problem)
            return diagnose(ended, self._destination, self._noise)
        if version := version_problem(self._greeting, self._version):
            return Diagnosis(version, is_final=True)
        said = next(iter(reversed(ended.said)), "")
        return Diagnosis(problem or said or "the connection has ended")

    def _loop(self, process: SshProcess) -> None:
        lines, begun = LineBuffer(), time.monotonic()
        poller = select.poll()
        for pipe in (self._mailbox, process.stdout, process.stderr):
            poller.register(pipe, select.POLLIN)
        while not self._is_closed:
            if process.has_waiting:
                poller.register(process.stdin, select.POLLOUT)
            ready = {fd for fd, _ in poller.poll(TICK * 1000)}
            if process.stdin.fileno() in ready:
                process.flush()
                poller.unregister(process.stdin)
            for order in self._mailbox.take():
                order()
            if process.stderr.fileno() in ready and not process.read_errors():
                poller.unregister(process.stderr)
            is_overdue = self._is_overdue()
            # If this process has stood still, what tells that the agent is there waits unread.
            if (process.stdout.fileno() in ready or is_overdue) and not self._read(process, lines):
                break
            if is_overdue and self._is_overdue():
                raise _Over("nothing was heard")
            self._watch(begun)

    def _read(self, process: SshProcess, lines: LineBuffer) -> bool:
        """Take in what has come; False at the end."""
        data = process.read()
        if data and self._greeting is not None:
            self.heard_at = time.monotonic()
        for line in lines.feed(data or b""):
            self._take(line)
        return data != b""

    def _is_overdue(self) -> bool:
        return self._greeting is not None and time.monotonic() - self.heard_at > LOST

    def _watch(self, begun: float) -> None:
        """Look at the clock: for an agent that does not greet, and for our own heartbeat."""
        now = time.monotonic()
        if self._greeting is None:
            if now - begun > GREETING_TIME:
                raise _Over(f"no greeting within {GREETING_TIME:.0f} s")
            return
        if now - self._told_at >= HEARTBEAT:
            self._send({})
        self._tick(self.heard_at)

    def _take(self, line: bytes) -> None:
        if self._greeting is None:
            self._seek_greeting(line)
            return
        message = unpack(line)
        number = message.get("id")
        if number is None:
            self._hear(message)
        elif "error" in message:
            self._settle(number, read_error(mapping(message["error"])))
        else:
            self._settle(number, message.get("result"))

    def _seek_greeting(self, line: bytes) -> None:
        greeting = greeting_in(line)
        if greeting is None:
            self._noise_size += len(line)
            if self._noise_size > MAX_NOISE:
                raise _Over(f"it printed {clean_line(self._noise[0], 100)!r} and no greeting")
            self._noise.append(line[:1000].decode("utf-8", "replace"))
            return
        self._greeting, self.heard_at = greeting, time.monotonic()
        if problem := version_problem(greeting, self._version):
            raise _Over(problem)
        self._greeted(greeting)

    def _send(self, message: Mapping[str, object]) -> None:
        self._told_at = time.monotonic()
        number = message.get("id")
        if not self._process.send(pack(message)) and isinstance(number, int):
            self._settle(number, KernelError(FULL))

    def _close(self) -> None:
        self._is_closed = True
        self._process.stop()

    def _settle(self, number: object, found: object) -> None:
        with self._lock:
            reply = self._replies.pop(number, None) if type(number) is int else None
        if reply is not None and reply.set_running_or_notify_cancel():
            if isinstance(found, KernelError):
                reply.set_exception(found)
            else:
                reply.set_result(found)

    def _give_up(self, why: str) -> None:
        for number in list(self._replies):
            self._settle(number, KernelError(why))


class _Over(Exception):
    """The connection is of no use any more, and why."""
