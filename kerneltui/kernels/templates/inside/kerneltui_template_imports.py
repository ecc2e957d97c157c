"""Imports what the start and the first cell of a kernel import, and notes what that read.

Python of any version from 3.9 on, standard library only: it runs in the kernel's interpreter.
"""

# mypy: ignore-errors
import importlib
import os
import sys
import tokenize

import kerneltui_template_pages as pages

NEEDED = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell")
"""A kernel cannot do without them."""
USEFUL = (
    # At the start. The debugger takes the most time of all.
    *("ipykernel.debugger", "ipykernel.comm", "comm", "faulthandler", "pdb", "psutil", "pwd"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "resource"),
    *("IPython.core.oinspect", "IPython.extensions.storemagic", "sqlite3", "runpy"),
    *("tornado.platform.asyncio", "traitlets.config.argcomplete_config", "argcomplete.finders"),
    # At the first error, completion, question or command.
    *("IPython.core.guarded_eval", "jedi", "jedi.api.interpreter", "jedi.plugins.stdlib"),
    *("pygments.formatters.terminal256", "stack_data", "asttokens", "executing"),
    *("IPython.core.latex_symbols", "pexpect"),
)
"""What there is of them is imported; which of them a kernel uses depends on its version."""
READ_AGAIN = {"JPY_PARENT_PID", "JPY_INTERRUPT_EVENT"}
"""Variables that differ from kernel to kernel; ipykernel.kernelapp reads them when imported."""
LOOKED_FOR = {"DISPLAY"}
"""Variables whose values do not matter; the debugger looks whether they are set."""
_NOT_KEPT = {
    *("PATH", "PWD", "OLDPWD", "SHLVL", "_"),  # looked up again whenever they are used
    *("TERM", "COLUMNS", "LINES"),  # for a terminal, which a kernel has not
}


class _Recording(type(os.environ)):
    """os.environ, while it notes which variables are looked up."""

    def __getitem__(self, name):
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        self._note(name)
        return super().__contains__(name)

    def _note(self, name):
        if isinstance(name, str):
            self.__dict__.setdefault("looked_up", set()).add(name)


def import_all(preload):
    """Import a kernel's modules, then those named in `preload`.

    Returns the names of the variables that were looked up. Raises what a needed module or one of
    `preload` raises.
    """
    plain = type(os.environ)
    os.environ.__class__ = _Recording
    try:
        with pages.modules_side_by_side():
            for name in (*NEEDED, *preload):
                importlib.import_module(name)
            for name in USEFUL:
                _try(name)
        list(tokenize.generate_tokens(iter(["1\n"]).__next__))  # so that its patterns are compiled
        pages.settle()
    finally:
        os.environ.__class__ = plain
    return frozenset(os.environ.__dict__.pop("looked_up", ())) - READ_AGAIN - _NOT_KEPT


def _try(name):
    try:
        importlib.import_module(name)
    except Exception:  # whatever it is, a spawned kernel meets it too
        pass


def forget_what_read_them():
    """Have a kernel with one of READ_AGAIN import again what reads them; it takes some ms."""
    sys.modules.pop("ipykernel.kernelapp", None)
    vars(sys.modules["ipykernel"]).pop("kernelapp", None)


def differing(looked_up, env, other):
    """Return those of the variables that were looked up that differ in two environments."""
    return [
        each
        for each in looked_up
        if env.get(each) != other.get(each)
        and not (each in LOOKED_FOR and each in env and each in other)
    ]


class Sources:
    """The files from which this interpreter was imported, as they were when it was.

    The paths are copied: to look at the modules' own would write to pages that kernels share.
    """

    def __init__(self):
        files = [getattr(each, "__file__", None) for each in list(sys.modules.values())]
        files = [each for each in files if isinstance(each, str)]
        config = os.path.join(sys.prefix, "pyvenv.cfg")
        files = [os.fsencode(each) for each in (*files, sys.executable, config)]
        self._files = {each: _stamp(each) for each in files}
        self._folders = [each for each in sys.path if each]
        self._names = {name.partition(".")[0] for name in sys.modules}
        self._stamps = {each: _stamp(each) for each in self._folders}
        self._entries = {each: self._relevant(each) for each in self._folders}

    def changed(self):
        """Return the path of something that has changed on disk; None if nothing has."""
        for path, before in self._files.items():
            if _stamp(path) != before:
                return os.fsdecode(path)
        for folder in self._folders:
            stamp = _stamp(folder)
            if stamp == self._stamps[folder]:
                continue
            if self._relevant(folder) != self._entries[folder]:
                return folder
            self._stamps[folder] = stamp
        return None

    def are_hidden_by(self, folder):
        """Tell whether a folder, if it came first in the path, would change what is imported."""
        return bool(self._relevant(folder))

    def _relevant(self, folder):
        """Return the names in a folder that would have been imported, and what adds to the path."""
        try:
            names = os.listdir(folder)
        except OSError:
            return None
        return {
            each
            for each in names
            if each.endswith(".pth") or (each.partition(".")[0] in self._names)
        }


def _stamp(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
