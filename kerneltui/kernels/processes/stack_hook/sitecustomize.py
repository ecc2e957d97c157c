"""Has faulthandler write the stacks of all threads to stderr at a signal, and at a crash.

The Python of a kernel that kerneltui starts finds it by PYTHONPATH, before anything else runs.
It takes away every trace of itself that the kernel's code could see, and hands over to the
sitecustomize that it stands in front of. Any Python reads this file.
"""

# mypy: ignore-errors
import os
import sys


def _begin():
    signum, _, folder = os.environ.pop("KERNELTUI_STACK_HOOK", "").partition(":")
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

        # What is at 2 later may be a pipe that the kernel itself has to read.
        stderr = os.dup(2)
        if faulthandler.is_enabled():  # by PYTHONFAULTHANDLER: for crashes
            faulthandler.enable(stderr)
        faulthandler.register(int(signum), stderr, all_threads=True)
    except (ImportError, AttributeError, OSError, RuntimeError, ValueError):
        pass  # then its stacks are looked up in another way


_begin()
__import__("sitecustomize")  # the one that this one has hidden, if there is one
