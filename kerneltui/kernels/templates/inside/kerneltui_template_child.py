"""Makes a fork of a template the process that a kernel would be if it had been spawned.

Python of any version from 3.9 on, standard library only: it runs in the kernel's interpreter.
"""

# mypy: ignore-errors
import faulthandler
import gc
import io
import os
import signal
import sys
import time
import traceback

import kerneltui_template_imports as imports
import kerneltui_template_title as title

_UNCHANGEABLE = {signal.SIGKILL, signal.SIGSTOP}
_PYTHONS = {  # what Python sets at its start; the others are the system's
    signal.SIGINT: signal.default_int_handler,
    signal.SIGPIPE: signal.SIG_IGN,
    getattr(signal, "SIGXFSZ", signal.SIGPIPE): signal.SIG_IGN,
}


def environment_at_start(folder):
    """Return the variables with which this process was started, without those of a template."""
    with open("/proc/self/environ", "rb") as file:
        pairs = [each.partition(b"=") for each in file.read().split(b"\0") if each]
    env = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
    env.pop("KERNELTUI_TEMPLATE", None)
    named = [each for each in env.pop("PYTHONPATH", "").split(os.pathsep) if each != folder]
    if named:
        env["PYTHONPATH"] = os.pathsep.join(named)
    return env


def changes_since(started_with):
    """Return what Python and the imports have set in the environment; None for what is gone."""
    now = dict(os.environ)
    names = started_with.keys() | now.keys()
    return {name: now.get(name) for name in names if now.get(name) != started_with.get(name)}


def begin(order, fds, kept_fds, changes):
    """Take on session, descriptors, signals, folder and environment of the kernel.

    `fds`: of the order, the working directory, stdin, stdout and stderr. If it cannot, the process
    ends with the reason in its stderr.
    """
    try:
        os.setsid()
        _, folder, *streams = fds
        for target, fd in enumerate(streams):
            os.dup2(fd, target)
        for fd in open_descriptors() - kept_fds - {0, 1, 2}:
            os.close(fd)
        _reset_signals()
        os.umask(order["umask"])
        os.fchdir(folder)
        _set_environment(order["env"], changes)
        sys.argv[:] = ["-m", *order["arguments"]]
        if hasattr(sys, "orig_argv"):
            sys.orig_argv[:] = order["argv"]
    except BaseException:
        _end_with_traceback()


def prepare(order, own_modules, tell):
    """Do the rest, and have it told: pid, start, and descriptors for its end and its gate.

    Returns the gate.
    """
    try:
        _open_streams()
        _make_state_fresh()
        _register_stack_signals(order["stack_signals"])
        if imports.READ_AGAIN & order["env"].keys():
            imports.forget_what_read_them()
        title.show(order["argv"], {**order["env"], **order["hook"]})
        for name in own_modules:
            del sys.modules[name]
        gate, opener = os.pipe()
        exit_fd = os.pidfd_open(os.getpid())
        tell(os.getpid(), title.start_ticks(), fds=[exit_fd, opener])
        os.close(exit_fd)
        os.close(opener)  # if nobody else has it, the gate never opens
    except BaseException:
        _end_with_traceback()
    return gate


def wait_at(gate):
    """Wait until the asker knows this process. End it if nobody waits for it any more."""
    if os.read(gate, 1) != b"g":
        os._exit(1)
    os.close(gate)
    gc.enable()


def _end_with_traceback():
    os.write(2, traceback.format_exc().encode(errors="replace"))
    os._exit(1)


def open_descriptors():
    """Return the descriptors of this process, without the one with which they are listed."""
    return {fd for fd in map(int, os.listdir("/proc/self/fd")) if _is_open(fd)}


def _is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _reset_signals():
    for each in signal.valid_signals() - _UNCHANGEABLE:
        wanted = _PYTHONS.get(each, signal.SIG_DFL)
        # None: a handler in C, such as faulthandler's, which a spawned kernel has too.
        if signal.getsignal(each) not in (wanted, None):
            signal.signal(each, wanted)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _set_environment(env, changes):
    """Set the environment as it would be now, if Python had been started with `env`."""
    wanted = {**env, **changes}
    if "JPY_PARENT_PID" in env:  # the kernel ends when its parent does: that is the template
        env["JPY_PARENT_PID"] = wanted["JPY_PARENT_PID"] = str(os.getppid())
    os.environ.clear()  # so that the order is the same, too
    for name, value in wanted.items():
        if value is not None:
            os.environ[name] = value
    time.tzset()


def _open_streams():
    """Open sys.stdin, stdout and stderr again: they are made for the descriptors that they had."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        if before is None:  # it was closed when this process began
            continue
        raw = not hasattr(before.buffer, "raw")  # as with -u
        mode = "rb" if fd == 0 else "wb"
        binary = open(fd, mode, buffering=0 if raw else -1, closefd=False)  # noqa: SIM115
        (binary if raw else binary.raw).name = before.buffer.name
        text = io.TextIOWrapper(
            binary,
            encoding=before.encoding,
            errors=before.errors,
            newline="\n",
            line_buffering=before.line_buffering or os.isatty(fd),
            write_through=before.write_through,
        )
        text.mode = before.mode
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)


def _make_state_fresh():
    """Give this process its own of what a fork inherits; `random` does so itself."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes.current_process().authkey = os.urandom(32)  # or kernels would share a secret
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None


def _register_stack_signals(signals):
    """Do as `kernels/processes/stack_hook`, without a trace in the environment."""
    if signals is None:
        return
    own, for_all = signals
    try:
        # Later, descriptor 2 may be a pipe that the kernel itself has to read.
        stderr = os.dup(2)
        if faulthandler.is_enabled():  # by PYTHONFAULTHANDLER: for crashes
            faulthandler.enable(stderr)
        faulthandler.register(own, stderr, all_threads=False)
        if for_all is not None:
            faulthandler.register(for_all, stderr, all_threads=True)
    except (AttributeError, OSError, RuntimeError, ValueError):
        pass  # then its stacks are found in another way
