"""Answers the process that asks a template for kernels: forks them, and tells how they ended.

Each message is a JSON list in one packet; `kerneltui/kernels/templates/events.py` knows them.
Python of any version from 3.9 on, standard library only: it runs in the kernel's interpreter.
"""

# mypy: ignore-errors
import array
import gc
import json
import os
import select
import signal
import site
import socket
import sys
import threading
import time
import traceback

import kerneltui_template_child as child
import kerneltui_template_imports as imports
import kerneltui_template_pages as pages
import kerneltui_template_title as title

OWN = [each.__name__ for each in (child, imports, pages, title)] + [__name__]
LONGEST = 65_536  # bytes of a packet; an order itself is in a file in memory
_FDS = 5  # of a request: the order, the working directory, stdin, stdout, stderr


def serve(number, folder):
    """Import, then fork for each request that comes from socket `number`.

    Returns in each fork, which is then a kernel before its first line; a template ends in here.
    """
    asker = socket.socket(fileno=number)
    asker.set_inheritable(False)
    started_with = child.environment_at_start(folder)
    try:
        title.show([sys.executable, "(kerneltui template)"], started_with)
        preload = json.loads(_receive(asker)[0] or b"[]")
        _customize()
        looked_up = imports.import_all(preload)
        _refuse_unforkable()
    except BaseException as error:
        _tell(asker, "failed", _last_line(error))
        os._exit(1)
    template = _Template(asker, started_with, looked_up)
    number, order = template.run()
    gate = child.prepare(
        order, OWN, lambda *words, fds: _tell(asker, "forked", number, *words, fds=fds)
    )
    asker.close()
    child.wait_at(gate)


def _customize():
    """Run what Python runs at a start in place of this folder's sitecustomize, and after it."""
    for name in ("sitecustomize", *(["usercustomize"] if site.ENABLE_USER_SITE else [])):
        try:
            __import__(name)
        except ImportError as error:
            if error.name != name:
                raise


def _refuse_unforkable():
    """Raise RuntimeError if a fork of this process would miss something."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"its imports have started {threads - 1} threads")
    if sys.gettrace() or sys.getprofile() or threading.active_count() != 1:
        raise RuntimeError("its imports have started to trace or profile it")
    zmq = sys.modules.get("zmq")
    if zmq is not None and getattr(zmq.Context, "_instance", None) is not None:
        raise RuntimeError("its imports have opened a zmq context")


def _last_line(error):
    return " ".join(traceback.format_exception_only(type(error), error)[-1].split())


class _Template:
    """Waits for requests and for the ends of its children. Idle, it takes no CPU."""

    def __init__(self, asker, started_with, looked_up):
        self._asker = asker
        self._started_with = started_with
        self._looked_up = looked_up
        self._changes = child.changes_since(started_with)
        self._children = {}  # number and pid, by the descriptor that tells its end
        self._sources = imports.Sources()
        self._stale = ""
        self._poller = select.poll()
        self._poller.register(asker, select.POLLIN)
        self._kept_fds = child.open_descriptors() - {asker.fileno()}
        gc.collect()
        gc.freeze()
        gc.disable()

    def run(self):
        """Return the number of a request and its order, in the fork that it asks for."""
        _tell(self._asker, "ready")
        while not self._stale or self._children:
            for fd, _ in self._poller.poll():
                if fd != self._asker.fileno():
                    self._reap(fd)
                    continue
                forked = self._answer()
                if forked is not None:
                    return forked
        os._exit(0)

    def _answer(self):
        """Answer one request; return as `run` does in the fork, None in the template."""
        packet, fds = _receive(self._asker)
        if not packet:
            os._exit(0)  # who asks has gone
        number, deadline = json.loads(packet)
        try:
            order = json.loads(os.fsdecode(_read_all(fds[0])))
            reason = self._refusal(deadline, order, fds[1])
            if reason is None:
                return self._fork(number, order, fds)
        except OSError as error:
            reason = error.strerror or "the system refuses"
        except (IndexError, ValueError):
            reason = "the request was not understood"
        finally:
            for fd in fds:  # in a fork, they have been used
                os.close(fd)
        _tell(self._asker, "refused", number, reason)
        return None

    def _refusal(self, deadline, order, folder):
        """Return why a fork would not be what was asked for; None if it would."""
        if time.monotonic() > deadline:
            return "it was asked too long ago"
        differing = imports.differing(self._looked_up, order["env"], self._started_with)
        if differing:
            return f"other values of {', '.join(sorted(differing))} were imported"
        if order["imports_from_cwd"] and self._sources.are_hidden_by(f"/proc/self/fd/{folder}"):
            return "its working directory has a module with the name of an imported one"
        changed = None if self._stale else self._sources.changed()
        if changed is not None:
            self._stale = f"{changed} has changed since it was imported"
            _tell(self._asker, "stale", self._stale)
        return self._stale or None

    def _fork(self, number, order, fds):
        """Fork; the child tells of itself when it is prepared."""
        pid = os.fork()
        if pid == 0:
            kept = self._kept_fds | {self._asker.fileno(), *fds}
            child.begin(order, fds, kept, self._changes)
            return number, order
        try:
            exit_fd = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self._children[exit_fd] = number, pid
        self._poller.register(exit_fd, select.POLLIN)
        return None

    def _reap(self, exit_fd):
        self._poller.unregister(exit_fd)
        os.close(exit_fd)
        number, pid = self._children.pop(exit_fd)
        _, status = os.waitpid(pid, 0)
        _tell(self._asker, "exited", pid, os.waitstatus_to_exitcode(status), number)


def _receive(asker):
    """Return one packet and its descriptors; an empty one if the other side has gone."""
    fds = array.array("i")
    room = socket.CMSG_SPACE(_FDS * fds.itemsize)
    try:
        packet, extras, _, _ = asker.recvmsg(LONGEST, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return b"", fds
    for level, kind, content in extras:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return packet, fds


def _tell(asker, *words, fds=()):
    """Send one message. A template whose asker has gone ends."""
    rights = array.array("i", fds)
    extras = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if fds else []
    try:
        asker.sendmsg([json.dumps(words).encode()], extras)
    except ConnectionError:
        os._exit(0)


def _read_all(fd):
    size = os.fstat(fd).st_size
    content = b""
    while len(content) < size:
        piece = os.pread(fd, size - len(content), len(content))
        if not piece:
            break
        content += piece
    return content
