"""Makes a template of the interpreter that runs it; each fork goes on as the kernel it is to be.

A template is started with the options and the module of a kernel, `python -m ipykernel_launcher`,
and with this folder in its PYTHONPATH. So its Python runs this file last of all before the kernel,
as every Python runs a sitecustomize. Here it imports what a kernel will need, and waits. A fork
returns from this file: then Python itself goes on to the kernel's module, as it does for a kernel
that was spawned, with nothing of ours on the stack. Only the standard library is used, and
nothing that Python 3.9 does not know: the kernel's interpreter need not have kerneltui.
"""

# mypy: ignore-errors
import os
import sys


def _begin():
    number, _, folder = os.environ.pop("KERNELTUI_TEMPLATE", "").partition(":")
    try:
        import kerneltui_template_server as server
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)  # not on to the kernel's module, as after any other error in this file
    sys.path[:] = [each for each in sys.path if each != folder]
    sys.path_importer_cache.pop(folder, None)
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    named = [each for each in named if each != folder]
    if named:
        os.environ["PYTHONPATH"] = os.pathsep.join(named)
    else:
        os.environ.pop("PYTHONPATH", None)
    del sys.modules["sitecustomize"]
    server.serve(int(number), folder)  # returns in a kernel only


_begin()
__import__("sitecustomize")  # the one that this file has hidden, if there is one
