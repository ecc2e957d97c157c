"""Recognise a command that a template can run: ipykernel, started by a Python interpreter."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.marked import MARK
from kerneltui.kernels.processes.stack_signal import without_hook

MODULES = ("ipykernel_launcher", "ipykernel")
TITLE = "(kerneltui template)"
"""What a template's command line shows in place of arguments."""
_FLAGS = {"-B", "-O", "-OO", "-P", "-b", "-bb", "-d", "-q", "-s", "-u", "-v"}
_WITH_VALUE = ("-X", "-W")
_WITHOUT_SITE = {"-E", "-I", "-S"}
"""With them, Python does not run what makes a template of it."""
_DECIDING = {
    *("HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "EDITOR"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    *("XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "SETUPTOOLS_USE_DISTUTILS"),
}
_DECIDING_PREFIXES = (
    *("PYTHON", "LD_", "LC_", "MALLOC_", "GLIBC_", "OPENSSL_"),  # read when a process starts
    *("IPYTHON", "JUPYTER_", "TRAITLETS_", "TORNADO_", "PYZMQ_", "PSUTIL_", "PYDEV", "DEBUGPY_"),
)
"""Variables that an interpreter or the imported modules read once. A template knows further ones
that its imports have read, and refuses a kernel with another value."""
_DECIDING_IF_SET = {"DISPLAY"}
"""Variables whose values do not matter; the debugger looks whether they are set."""
_PER_KERNEL = {"JPY_PARENT_PID", "JPY_INTERRUPT_EVENT", MARK}
_READ_BY_PRELOADED = (
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "BLIS_",
    "GOMP_",
    "KMP_",
    "NUMEXPR_",
    "NPY_",
    "MPL",
)
_SCRIPT = b"#!"


@frozen
class TemplateKey:
    """What kernels must have in common to be forked from the same template."""

    interpreter: str
    """An absolute path, not resolved: a virtual environment is found by it."""
    options: tuple[str, ...]
    module: str
    preload: tuple[str, ...]
    """Modules that are imported although a kernel does not need them."""
    variables: tuple[tuple[str, str], ...] = field(repr=False)
    """Of the environment, in order of their names."""
    environment: Mapping[str, str] = field(repr=False, compare=False)
    """With which a template is started: that of the first kernel that asks for one. What its
    imports read of it, beyond `variables`, a template compares itself."""


@frozen
class NoTemplate:
    """Why a launch cannot be a fork."""

    reason: str
    """For a log, without a value of the environment."""


def recognise(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str | None = None,
    preload: Sequence[str] = (),
) -> TemplateKey | NoTemplate:
    """Return which template can run a command, or why none can.

    `env`: the whole environment of the kernel. `cwd`: None for the folder of this process.
    """
    if sys.platform != "linux" or not hasattr(os, "memfd_create"):
        return NoTemplate("kernels are forked on Linux only")
    options = _options(argv)
    if isinstance(options, NoTemplate):
        return options
    env = without_hook(env)
    obstacle = _obstacle(argv, env)
    if obstacle:
        return NoTemplate(obstacle)
    interpreter = _interpreter(argv[0], env, cwd)
    if isinstance(interpreter, NoTemplate):
        return interpreter
    return TemplateKey(
        interpreter,
        options,
        argv[len(options) + 2],
        tuple(preload),
        _deciding(env, bool(preload)),
        {name: value for name, value in env.items() if name not in _PER_KERNEL},
    )


def arguments_of(argv: Sequence[str], key: TemplateKey) -> list[str]:
    """Return what the module of a recognised command gets as its arguments."""
    return list(argv[len(key.options) + 3 :])


def imports_from_cwd(key: TemplateKey) -> bool:
    """Tell whether a kernel would import a module of its working directory in place of its own.

    ipykernel's launcher does not, for that is what it is there for.
    """
    is_safe = "-P" in key.options or dict(key.variables).get("PYTHONSAFEPATH")
    return key.module != MODULES[0] and not is_safe


def _options(argv: Sequence[str]) -> tuple[str, ...] | NoTemplate:
    """Return the interpreter's options before `-m` and one of our modules."""
    at = 1
    while at < len(argv) and argv[at] != "-m":
        option = argv[at]
        if option in _WITHOUT_SITE:
            return NoTemplate(f"no template can be started with the option {option}")
        if option in _WITH_VALUE:
            at += 1
        elif option not in _FLAGS and not option.startswith(_WITH_VALUE):
            return NoTemplate("it is not started by python -m")
        at += 1
    if at + 1 >= len(argv) or argv[at + 1] not in MODULES:
        return NoTemplate(f"it does not run {' or '.join(MODULES)}")
    return tuple(argv[1:at])


def _obstacle(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Return what keeps a fork from being like a new process; "" for nothing."""
    path = env.get("PYTHONPATH")
    if path is not None and not all(map(os.path.isabs, path.split(os.pathsep))):
        return "its PYTHONPATH depends on the working directory"
    if "COVERAGE_PROCESS_START" in env:
        return "its coverage is measured from its start on"
    if any(not name or "=" in name or "\0" in name + value for name, value in env.items()):
        return "its environment cannot be passed on"
    if any("\0" in each for each in argv):
        return "its arguments cannot be passed on"
    return ""


def _interpreter(program: str, env: Mapping[str, str], cwd: str | None) -> str | NoTemplate:
    """Return the absolute path of the program that Popen would run, if it may be a Python."""
    found = _found(program, env, cwd)
    if found is None:
        return NoTemplate(f"its interpreter {program} was not found")
    if not Path(found).is_absolute():
        return NoTemplate(f"its interpreter {program} is found in a relative folder of its PATH")
    if not Path(found).name.startswith("python"):
        return NoTemplate(f"{found} is not called python")
    try:
        with Path(found).open("rb") as file:
            is_script = file.read(len(_SCRIPT)) == _SCRIPT
    except OSError as error:
        return NoTemplate(f"its interpreter {found} cannot be read: {error.strerror}")
    return NoTemplate(f"{found} is a script that chooses an interpreter") if is_script else found


def _found(program: str, env: Mapping[str, str], cwd: str | None) -> str | None:
    folders = [cwd or str(Path.cwd())] if "/" in program else os.get_exec_path(env)
    # Not by pathlib, which would leave out a "./" that Python shows.
    paths = (os.path.join(folder, program) for folder in folders)  # noqa: PTH118
    return next((each for each in paths if _is_program(each)), None)


def _is_program(path: str) -> bool:
    try:
        return stat.S_ISREG(Path(path).stat().st_mode) and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def _deciding(env: Mapping[str, str], preloads: bool) -> tuple[tuple[str, str], ...]:
    prefixes = _DECIDING_PREFIXES + (_READ_BY_PRELOADED if preloads else ())
    found = [each for each in env.items() if each[0] in _DECIDING or each[0].startswith(prefixes)]
    found += [(name, "") for name in _DECIDING_IF_SET if name in env]
    return tuple(sorted(found))
