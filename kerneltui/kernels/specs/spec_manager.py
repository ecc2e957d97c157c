"""KernelSpecManager: find, install and remove the kernelspecs of this user."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerneltui.arguments import Settings, configured, refuse_unknown
from kerneltui.errors import InvalidKernelSpec, NoSuchKernel
from kerneltui.kernels.specs.spec import (
    KernelSpec,
    format_argv,
    launchable,
    refuse_foreign_provisioner,
    refuse_old_protocol,
)

__all__ = [
    "NATIVE_KERNEL_NAME",
    "KernelSpec",
    "KernelSpecManager",
    "NoSuchKernel",
    "find_kernel_specs",
    "format_argv",
    "get_all_specs",
    "get_kernel_spec",
    "install_kernel_spec",
    "launchable",
    "refuse_foreign_provisioner",
    "refuse_old_protocol",
    "remove_kernel_spec",
]

NATIVE_KERNEL_NAME = "python3"

_KERNEL_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*")

_log = logging.getLogger(__name__)


class KernelSpecManager:
    """Finds, installs and removes kernelspecs."""

    log = logging.getLogger("kerneltui")
    """The parent of the loggers of all modules here; the modules log to their own."""
    kernel_spec_class: type[KernelSpec] = KernelSpec
    """The class of the kernelspecs that are returned."""

    @configured
    def __init__(
        self,
        *,
        kernel_dirs: Sequence[str] | None = None,
        data_dir: str | None = None,
        user_kernel_dir: str | None = None,
        ensure_native_kernel: bool = True,
        allowed_kernelspecs: Iterable[str] = (),
        config: Settings | None = None,
        parent: object = None,
        **unknown: object,
    ) -> None:
        from jupyter_core.paths import jupyter_data_dir

        refuse_unknown(type(self).__name__, unknown, KernelSpecManager.__init__)
        self.config: Settings = config or {}
        self.parent = parent
        self.kernel_dirs = list(_default_kernel_dirs() if kernel_dirs is None else kernel_dirs)
        self.data_dir = data_dir or jupyter_data_dir()
        self.user_kernel_dir = user_kernel_dir or str(Path(self.data_dir, "kernels"))
        self.ensure_native_kernel = ensure_native_kernel
        self.allowed_kernelspecs = set(allowed_kernelspecs)
        self.problems: tuple[str, ...] = ()
        """What `get_all_specs` skipped last time, a sentence each."""
        self._warned: dict[str, object] = {}
        """Problems that were logged, each with the state of its file or folder at that time."""

    def find_kernel_specs(self) -> dict[str, str]:
        """Return {name: resource folder}; of two with one name, the one in the earlier folder."""
        found: dict[str, str] = {}
        native = _native_resource_dir() if self.ensure_native_kernel else None
        for folder in self.kernel_dirs:
            for path in self._specs_in(folder):
                found.setdefault(path.name.lower(), str(path))
        if native is not None:
            found.setdefault(NATIVE_KERNEL_NAME, native)
        if self.allowed_kernelspecs:
            return {name: path for name, path in found.items() if name in self.allowed_kernelspecs}
        return found

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return a spec that can be started here; "python" is the native kernel.

        Raises NoSuchKernel, or InvalidKernelSpec with what is wrong with it.
        """
        found = self.find_kernel_specs()
        name = kernel_name.lower()
        if name == "python" and name not in found:
            name = NATIVE_KERNEL_NAME
        if name not in found:
            raise self._no_such_kernel(kernel_name, found)
        return self._load(name, found[name])

    def get_all_specs(self) -> dict[str, dict[str, Any]]:
        """Return {name: {"resource_dir": ..., "spec": ...}} of all that can be started here.

        Others are skipped: `problems` says which and why. The log says it, too, once for each
        change of the file. A subclass's own `get_kernel_spec` is called for each.
        """
        specs: dict[str, dict[str, Any]] = {}
        problems = []
        is_overridden = type(self).get_kernel_spec is not KernelSpecManager.get_kernel_spec
        for name, resource_dir in self.find_kernel_specs().items():
            try:
                found = (
                    self.get_kernel_spec(name) if is_overridden else self._load(name, resource_dir)
                )
                spec = found.to_dict()
            except (InvalidKernelSpec, NoSuchKernel) as error:
                problems.append(f"skipped kernel spec {name!r}: {error}")
                self._warn_once(problems[-1], Path(resource_dir, "kernel.json"))
            else:
                specs[name] = {"resource_dir": resource_dir, "spec": spec}
        self.problems = tuple(problems)
        return specs

    def install_kernel_spec(
        self,
        source_dir: str,
        kernel_name: str | None = None,
        user: bool = False,
        replace: bool | None = None,
        prefix: str | None = None,
    ) -> str:
        """Copy a kernelspec's folder to the place for all users (or for `user`, or `prefix`).

        Its name is the folder's unless `kernel_name` is given. A spec with that name in that place
        is replaced; with `replace=False` it raises FileExistsError.
        """
        source = Path(source_dir).absolute()
        name = (kernel_name or source.name).lower()
        if not _KERNEL_NAME.fullmatch(name):
            raise ValueError(
                f"kernel name {name!r} may hold only ASCII letters, digits, hyphen, underscore "
                "and, not as the first, dot"
            )
        if user and prefix:
            raise ValueError("user and prefix exclude each other")
        KernelSpec.from_resource_dir(str(source))
        destination = self._kernel_dir(user, prefix) / name
        if replace is False and destination.exists():
            raise FileExistsError(f"kernel spec {name!r} is already installed in {destination}")
        if str(destination.parent) not in self.kernel_dirs:
            _log.warning("%s is not searched for kernel specs", destination.parent)
        _replace_tree(source, destination)
        return str(destination)

    def remove_kernel_spec(self, name: str) -> str:
        """Remove the kernelspec's folder, or the link to it, and return its path."""
        found = self.find_kernel_specs()
        path = found.get(name.lower())
        if path is None or path == _native_resource_dir():
            raise self._no_such_kernel(name, found)
        _remove_tree(Path(path))
        return path

    def _load(self, name: str, resource_dir: str) -> KernelSpec:
        if name == NATIVE_KERNEL_NAME and resource_dir == _native_resource_dir():
            spec = self.kernel_spec_class(**_native_fields(), resource_dir=resource_dir)
        else:
            spec = self.kernel_spec_class.from_resource_dir(resource_dir)
        refuse_foreign_provisioner(spec)
        refuse_old_protocol(spec)
        return spec

    def _specs_in(self, folder: str) -> list[Path]:
        """Return the folders in `folder` that hold a kernel.json; none if it cannot be read."""
        try:
            return sorted(path for path in Path(folder).iterdir() if _holds_spec(path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            left_out = f"kernel specs in {folder} are left out: {error.strerror}"
            self._warn_once(left_out, Path(folder))
            return []

    def _warn_once(self, problem: str, path: Path) -> None:
        """Log a problem of `path`, unless it was logged since `path` last changed."""
        state = _state_of(path)
        if problem not in self._warned or self._warned[problem] != state:
            self._warned[problem] = state
            _log.warning("%s", problem)

    def _kernel_dir(self, user: bool, prefix: str | None) -> Path:
        from jupyter_core.paths import SYSTEM_JUPYTER_PATH

        if user:
            return Path(self.user_kernel_dir)
        if prefix:
            return Path(prefix, "share", "jupyter", "kernels").absolute()
        return Path(SYSTEM_JUPYTER_PATH[0], "kernels")

    def _no_such_kernel(self, name: str, found: Mapping[str, str]) -> NoSuchKernel:
        message = (
            f"kernel spec {name!r} not found; available: {', '.join(sorted(found)) or 'none'}; "
            f"searched: {', '.join(self.kernel_dirs)}"
        )
        if self.allowed_kernelspecs:
            message += f"; allowed: {', '.join(sorted(self.allowed_kernelspecs))}"
        return NoSuchKernel(message, name)


def _default_kernel_dirs() -> list[str]:
    from jupyter_core.paths import jupyter_path

    ipython = os.environ.get("IPYTHONDIR") or Path("~/.ipython").expanduser()
    return [*jupyter_path("kernels"), str(Path(ipython, "kernels"))]


def _state_of(path: Path) -> object:
    """Return a value that changes when a file or folder does; None if it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _holds_spec(path: Path) -> bool:
    try:
        return (path / "kernel.json").is_file()
    except PermissionError:
        return True  # an attempt to load it tells what is wrong with it


def _native_resource_dir() -> str | None:
    """Return the folder of ipykernel's logos; None if this interpreter has no ipykernel.

    It is found, not imported: importing it loads jupyter_client.
    """
    package = importlib.util.find_spec("ipykernel")
    if package is None or not package.submodule_search_locations:
        return None
    return str(Path(package.submodule_search_locations[0], "resources"))


def _native_fields() -> dict[str, Any]:
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "name": NATIVE_KERNEL_NAME,
        "display_name": f"Python {sys.version_info[0]} (ipykernel)",
        "language": "python",
        "metadata": {"debugger": True},
    }


def _replace_tree(source: Path, destination: Path) -> None:
    """Put a copy of `source` in the place of `destination`; a failed copy changes nothing."""
    import shutil  # slow to load, and not needed to read kernelspecs
    import tempfile

    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".installing-") as scratch:
        copy = Path(scratch, destination.name)
        shutil.copytree(source, copy)
        copy.chmod(copy.stat().st_mode | stat.S_IWUSR)  # else a read-only copy cannot be moved
        if destination.exists() or destination.is_symlink():
            _remove_tree(destination)
        copy.rename(destination)


def _remove_tree(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        import shutil

        shutil.rmtree(path)


def find_kernel_specs() -> dict[str, str]:
    """See KernelSpecManager."""
    return KernelSpecManager().find_kernel_specs()


def get_kernel_spec(kernel_name: str) -> KernelSpec:
    """See KernelSpecManager."""
    return KernelSpecManager().get_kernel_spec(kernel_name)


def get_all_specs() -> dict[str, dict[str, Any]]:
    """See KernelSpecManager."""
    return KernelSpecManager().get_all_specs()


def install_kernel_spec(
    source_dir: str,
    kernel_name: str | None = None,
    user: bool = False,
    replace: bool | None = None,
    prefix: str | None = None,
) -> str:
    """See KernelSpecManager."""
    return KernelSpecManager().install_kernel_spec(source_dir, kernel_name, user, replace, prefix)


def remove_kernel_spec(name: str) -> str:
    """See KernelSpecManager."""
    return KernelSpecManager().remove_kernel_spec(name)
