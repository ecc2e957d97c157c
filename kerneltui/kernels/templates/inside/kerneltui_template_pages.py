"""Keeps on few pages of memory what every kernel writes to as soon as it starts.

A fork shares its template's memory, page by page, until either writes to it; and to use an object
is to write its reference count. ipykernel looks at each module, its name and its file when it
starts. Here they are put side by side: it saves an eighth of a kernel's private memory, and some
time. Nothing depends on it.

Python of any version from 3.9 on, standard library only: it runs in the kernel's interpreter.
"""

# mypy: ignore-errors
import contextlib
import gc
import sys
from importlib import _bootstrap
from types import ModuleType

ROOM = 900  # modules; an ipykernel has some 750
_SIZES = range(64, 288, 16)  # bytes, of the strings that are copied
_HOLES = 300  # at most, among older objects of one size


@contextlib.contextmanager
def modules_side_by_side():
    """Have modules that are imported in this context made of memory in one place."""
    usual = getattr(_bootstrap, "_new_module", None)
    if usual is None:  # another Python
        yield
        return
    prepared = [ModuleType("") for _ in range(ROOM)]

    def new_module(name):
        if not prepared:
            return usual(name)
        module = prepared.pop()
        module.__init__(name)
        return module

    _bootstrap._new_module = new_module
    try:
        yield
    finally:
        _bootstrap._new_module = usual


def settle():
    """Copy the names and paths of all modules to one place, and have all classes used once."""
    fillers = [bytes(size - 33) for size in _SIZES for _ in range(_HOLES)]  # or they fill holes
    modules = list(sys.modules.items())
    renamed = [(_copy(name), module) for name, module in modules]
    for _, module in modules:
        if type(module) is ModuleType and type(vars(module).get("__file__")) is str:
            module.__file__ = _copy(module.__file__)
    for name, _ in modules:
        del sys.modules[name]
    sys.modules.update(renamed)
    for each in gc.get_objects():
        if issubclass(type(each), type):  # not isinstance: list[int] says it is one
            _use(each)
    del fillers


def _copy(text):
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")


def _use(kind):
    """Have Python give a class its version, which it writes into it."""
    try:
        type.__getattribute__(kind, "kerneltui")
    except AttributeError:
        pass
