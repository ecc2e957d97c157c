"""Has faulthandler write a thread's stack to stderr at a signal, and those of all at a crash.

A kernel that kerneltui starts has this folder in its PYTHONPATH: so its Python runs this file
before anything else. The file removes every trace of itself that the kernel's code could see,
and then imports the sitecustomize that it hides. It must run in a Python of any version.
"""

# mypy: ignore-errors
import os
import signal
import sys


def _begin():
    signum, _, folder = os.environ.pop("KERNELTUI_STACK_SIGNAL", "").partition(":")
    folders = [each for each in sys.path if each != folder]
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    named = [each for each in named if each != folder]
    if named:
        os.environ["PYTHONPATH"] = os.pathsep.join(named)
    else:
        os.environ.pop("PYTHONPATH", None)
    sys.path[:] = folders
    sys.path_importer_cache.pop(folder, None)
    del sys.modules["sitecustomize"]
    try:
        import faulthandler

        # Later, descriptor 2 may be a pipe that the kernel itself has to read.
        stderr = os.dup(2)
        if faulthandler.is_enabled():  # by PYTHONFAULTHANDLER: for crashes
            faulthandler.enable(stderr)
        own = int(signum)
        faulthandler.register(own, stderr, all_threads=False)
        if own >= signal.SIGRTMIN:
            faulthandler.register(own + 1, stderr, all_threads=True)
    except (ImportError, AttributeError, OSError, RuntimeError, ValueError):
        pass  # then its stacks are found in another way


_begin()
__import__("sitecustomize")  # the one that this file has hidden, if there is one
