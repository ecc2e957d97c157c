"""Answers: carries out what the other side asks of the agent's engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, cast, get_type_hints

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.diagnosis.stack import Frame
from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.engines.ssh import failures
from kerneltui.fleet.engines.ssh.codec import (
    Fields,
    Unusable,
    decode,
    encode,
    items,
    mapping,
    whole,
)
from kerneltui.fleet.engines.ssh.lines import MAX_LINE
from kerneltui.fleet.engines.ssh.outgoing import Outgoing
from kerneltui.fleet.engines.ssh.publisher import Publisher
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.snapshot import Target
from kerneltui.fleet.registry.notices import Notice
from kerneltui.kernels.processes.guarded_thread import GuardedThread
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.thread_room import start_thread
from kerneltui.protocol import fields
from kerneltui.protocol.text import clean_line
from kerneltui.typed_paths import typed_folder

MAX_AT_ONCE = 64  # requests that are carried out at the same time

Told = Mapping[str, Any]


class Answers:
    """Takes requests in the order in which they came; each lookup and verb has its own thread."""

    def __init__(
        self, engine: Engine, outgoing: Outgoing, publisher: Publisher, *, locked: bool
    ) -> None:
        """`locked`: the configuration here forbids to ask anything of kernels."""
        self._engine = engine
        self._outgoing = outgoing
        self._publisher = publisher
        self._locked = locked
        self._room = threading.BoundedSemaphore(MAX_AT_ONCE)

    def take(self, message: Fields) -> None:
        """Carry out a request, or have it carried out. Raises nothing that the other side can
        cause."""
        number, do = message.get("id"), fields.text(message, "do")
        if do in _AT_ONCE:
            self._attempt(number, partial(_AT_ONCE[do], self, message))
        elif do in _BLOCKING:
            self._begin(number, partial(_BLOCKING[do], self, message))
        elif do:
            unknown = KernelError(f"kerneltui there does not know {clean_line(do, 40)}")
            self._reply(number, failures.told(unknown), is_error=True)

    def _begin(self, number: object, work: Callable[[], object]) -> None:
        if not self._room.acquire(blocking=False):
            full = ActionRefused(f"{MAX_AT_ONCE} requests are under way there already")
            self._reply(number, failures.told(full), is_error=True)
            return

        def carry_out() -> None:
            try:
                self._attempt(number, work)
            finally:
                self._room.release()

        try:
            start_thread(GuardedThread(carry_out, "agent-request"))
        except KernelError as error:
            self._room.release()
            self._reply(number, failures.told(error), is_error=True)

    def _attempt(self, number: object, work: Callable[[], object]) -> None:
        try:
            found = work()
            if isinstance(found, Future):
                found.add_done_callback(partial(self._pass_on, number))
            else:
                self._reply(number, encode(found))
        except Unusable as error:
            self._reply(number, failures.told(KernelError(str(error))), is_error=True)
        except Exception as error:  # noqa: BLE001 - the other side waits for a reply
            self._reply(number, failures.told(error), is_error=True)

    def _pass_on(self, number: object, future: Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None or future.cancelled():
            why = error or KernelError("it was given up")
            self._reply(number, failures.told(why), is_error=True)
            return
        self._reply(number, future.result())

    def _reply(self, number: object, found: object, *, is_error: bool = False) -> None:
        kind = "error" if is_error else "result"
        if type(number) is int and not self._outgoing.put({"id": number, kind: found}):
            large = KernelError(f"the reply has more than {MAX_LINE:,} bytes")
            self._outgoing.put({"id": number, "error": failures.told(large)})

    # -- at once, in the order of the requests ----

    def _set(self, told: Told) -> None:
        if "locked" in told:
            self._engine.locked = self._locked or fields.flag(told, "locked")
        if "detailed" in told:
            self._engine.detailed = fields.text(told, "detailed")

    def _follow(self, told: Told) -> None:
        self._publisher.follow(fields.texts(told, "output"), fields.texts(told, "messages"))

    def _seen(self, told: Told) -> None:
        self._publisher.note_seen(whole(told.get("number")))

    def _mark(self, told: Told) -> None:
        self._engine.mark(_kernel(told))

    def _note_told(self, told: Told) -> None:
        self._engine.note_told(decode(Notice, told.get("notice")))

    def _execute(self, told: Told) -> None:
        code, msg_id = fields.text(told, "code"), fields.text(told, "msg_id")
        beside = fields.flag(told, "beside")
        self._engine.console.execute(_kernel(told), code, beside=beside, msg_id=msg_id)

    def _answer(self, told: Told) -> None:
        """Answer the prompt that is meant, if it is open still; its text is cleaned on its way."""
        meant = decode(Prompt, told.get("prompt"))
        prompt = self._engine.console.prompts.get(meant.kernel_id)
        if prompt is not None and decode(Prompt, encode(prompt)) == meant:
            self._engine.console.answer(prompt, fields.text(told, "value"))

    def _complete(self, told: Told) -> Future[Any]:
        return self._engine.console.complete(_kernel(told), *_cursor(told))

    def _inspect(self, told: Told) -> Future[Any]:
        return self._engine.console.inspect(_kernel(told), *_cursor(told))

    def _is_complete(self, told: Told) -> Future[Any]:
        return self._engine.console.is_complete(_kernel(told), fields.text(told, "code"))

    def _history(self, told: Told) -> Future[Any]:
        return self._engine.console.history(_kernel(told))

    # -- in a thread ----

    def _do(self, told: Told) -> str:
        verb, options = decode(Verb, told.get("verb")), _options(mapping(told.get("options", {})))
        return self._engine.do(verb, decode(Target, told.get("target")), **options)

    def _before(self, told: Told) -> tuple[str, ...]:
        verb = decode(Verb, told.get("verb"))
        return self._engine.before(verb, decode(Target, told.get("target")))

    def _shutdown_all(self, told: Told) -> str:
        targets = told.get("targets")
        wanted = None if targets is None else [decode(Target, each) for each in items(targets)]
        return self._engine.shutdown_all(wanted)

    def _start(self, told: Told) -> str:
        folder = _folder(fields.text(told, "cwd"))
        return self._engine.start(
            fields.text(told, "spec"), cwd=str(folder), name=fields.text(told, "name")
        )

    def _info(self, told: Told) -> object:
        return self._engine.info(_kernel(told))

    def _processes(self, told: Told) -> object:
        opened = frozenset(decode(ProcessIdentity, each) for each in items(told.get("opened", [])))
        return self._engine.processes(_kernel(told), opened)

    def _log(self, told: Told) -> bool:
        return self._publisher.tell_log(_kernel(told))

    def _stack(self, told: Told) -> object:
        return self._engine.stack(_kernel(told))

    def _variables(self, told: Told) -> object:
        return self._engine.variables(_kernel(told))

    def _frame_names(self, told: Told) -> object:
        thread, depth = whole(told.get("thread")), whole(told.get("depth"))
        frame = decode(Frame, told.get("frame"))
        return self._engine.frame_names(_kernel(told), thread, depth, frame)

    def _specs(self, _told: Told) -> None:
        self._publisher.tell_specs()

    def _warm(self, told: Told) -> None:
        self._engine.warm(fields.text(told, "spec"))


_AT_ONCE: Mapping[str, Callable[[Answers, Told], object]] = {
    "set": Answers._set,
    "follow": Answers._follow,
    "seen": Answers._seen,
    "mark": Answers._mark,
    "note_told": Answers._note_told,
    "execute": Answers._execute,
    "answer": Answers._answer,
    "complete": Answers._complete,
    "inspect": Answers._inspect,
    "is_complete": Answers._is_complete,
    "history": Answers._history,
}
_BLOCKING: Mapping[str, Callable[[Answers, Told], object]] = {
    "do": Answers._do,
    "before": Answers._before,
    "shutdown_all": Answers._shutdown_all,
    "start": Answers._start,
    "info": Answers._info,
    "processes": Answers._processes,
    "log": Answers._log,
    "stack": Answers._stack,
    "variables": Answers._variables,
    "frame_names": Answers._frame_names,
    "specs": Answers._specs,
    "warm": Answers._warm,
}


def _folder(text: str) -> Path:
    """Return the folder that is meant; a relative one is below the home folder, as for a shell.

    Raises ActionRefused.
    """
    try:
        return typed_folder(text, Path.home())
    except KernelError as error:
        raise ActionRefused(f"on that machine {clean_line(str(error))}") from None


def _kernel(told: Told) -> str:
    return fields.text(told, "kernel")


def _cursor(told: Told) -> tuple[str, int]:
    return fields.text(told, "code"), whole(told.get("cursor_pos", 0))


def _options(told: Told) -> Options:
    options: dict[str, object] = {
        name: decode(shape, told[name]) for name, shape in _OPTIONS.items() if name in told
    }
    return cast(Options, options)


_OPTIONS: Mapping[str, type] = get_type_hints(Options)
