"""KernelSpec: the content of a kernel.json, checks that it can be started, its command line."""

from __future__ import annotations

import copy
import json
import os
import re
import site
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kerneltui.errors import InvalidKernelSpec, KernelSpecFileNotFound
from kerneltui.private_file import read_regular

MAX_SIZE = 1_000_000  # bytes of a kernel.json
LOCAL_PROVISIONER = "local-provisioner"
INTERRUPT_MODES = ("signal", "message")

_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_]+)\}")
_BARE_PYTHONS = ("python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info))


@dataclass
class KernelSpec:
    """The content of a kernel.json; the user may edit it. See `launchable`."""

    argv: list[str] = field(default_factory=list)
    name: str = ""
    mimetype: str = ""
    display_name: str = ""
    language: str = ""
    kernel_protocol_version: str = ""
    env: dict[str, str] = field(default_factory=dict, repr=False)
    resource_dir: str = ""
    interrupt_mode: str = "signal"
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_resource_dir(cls, resource_dir: str) -> Self:
        """Return the spec in this folder; InvalidKernelSpec names the file and the field."""
        file = Path(resource_dir, "kernel.json")
        content = _read_json(file)
        fields = {
            name: _checked(str(file), name, content[name])
            for name in _FIELD_TYPES
            if name in content
        }
        if not fields.get("argv"):
            raise InvalidKernelSpec(f"{file}: argv is missing or empty")
        fields.setdefault("name", Path(resource_dir).name.lower())
        return cls(resource_dir=resource_dir, **fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the content for a kernel.json: the fields that jupyter_client returns."""
        return {
            "argv": self.argv,
            "env": self.env,
            "display_name": self.display_name,
            "language": self.language,
            "interrupt_mode": self.interrupt_mode,
            "metadata": self.metadata,
            "kernel_protocol_version": self.kernel_protocol_version,
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict())


_FIELD_TYPES: dict[str, type] = {
    "argv": list,
    "name": str,
    "mimetype": str,
    "display_name": str,
    "language": str,
    "kernel_protocol_version": str,
    "env": dict,
    "interrupt_mode": str,
    "metadata": dict,
}


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(file, MAX_SIZE))
    except FileNotFoundError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise KernelSpecFileNotFound(message) from error
    except OSError as error:
        raise InvalidKernelSpec(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested too deep
        raise InvalidKernelSpec(f"{file}: is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidKernelSpec(f"{file}: holds {_kind(content)}, not an object")
    return content


def _checked(owner: str, name: str, value: object) -> Any:
    """Return one field's value as a KernelSpec holds it; no error message contains the value."""
    expected = _FIELD_TYPES[name]
    if not isinstance(value, expected):
        raise InvalidKernelSpec(f"{owner}: {name} is {_kind(value)}, not a {expected.__name__}")
    if name == "interrupt_mode":
        value = str(value).lower()
        if value not in INTERRUPT_MODES:
            raise InvalidKernelSpec(f"{owner}: {name} is not one of {', '.join(INTERRUPT_MODES)}")
    if name == "argv" and isinstance(value, list):
        _require_text(owner, name, dict(enumerate(value)))
    if name == "env" and isinstance(value, dict):
        _require_text(owner, name, value)
    return value


def _require_text(owner: str, name: str, items: Mapping[Any, object]) -> None:
    for key, item in items.items():
        if not isinstance(item, str):
            raise InvalidKernelSpec(f"{owner}: {name}[{key!r}] is {_kind(item)}, not a str")


def _kind(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"


def launchable(spec: KernelSpec, name: str) -> KernelSpec:
    """Return a copy of `spec` that can be started here.

    Later edits of `spec` do not change the copy. `name`: for a spec that has none. Raises
    InvalidKernelSpec.
    """
    fixed = copy.deepcopy(spec)
    fixed.name = fixed.name or name
    owner = f"kernel spec {fixed.name!r}"
    argv: Any = fixed.argv  # it may be anything that the user has set
    if isinstance(argv, list | tuple):
        fixed.argv = [os.fspath(each) if isinstance(each, Path) else each for each in argv]
    for each in _FIELD_TYPES:
        setattr(fixed, each, _checked(owner, each, getattr(fixed, each)))
    if not fixed.argv:
        raise InvalidKernelSpec(f"{owner}: argv is empty")
    refuse_foreign_provisioner(fixed)
    refuse_old_protocol(fixed)
    return fixed


def refuse_foreign_provisioner(spec: KernelSpec) -> None:
    """Raise InvalidKernelSpec if the kernel is not to run as a process on this host."""
    stanza = spec.metadata.get("kernel_provisioner")
    name = stanza.get("provisioner_name") if isinstance(stanza, Mapping) else stanza
    name = name or os.environ.get("JUPYTER_DEFAULT_PROVISIONER_NAME") or LOCAL_PROVISIONER
    if name != LOCAL_PROVISIONER:
        raise InvalidKernelSpec(
            f"kernel spec {spec.name!r} is for the kernel provisioner {name!r}: "
            f"only {LOCAL_PROVISIONER} is known here ({spec.resource_dir})"
        )


def refuse_old_protocol(spec: KernelSpec) -> None:
    """Raise InvalidKernelSpec for a kernel that says it speaks protocol 4 or older."""
    major = re.match(r"\d+", spec.kernel_protocol_version)
    if major and int(major.group()) < 5:
        raise InvalidKernelSpec(
            f"kernel spec {spec.name!r} speaks protocol {spec.kernel_protocol_version}: "
            f"5.0 or later is needed ({spec.resource_dir})"
        )


def format_argv(
    spec: KernelSpec,
    *,
    connection_file: str,
    extra_arguments: Sequence[str] = (),
    launch_args: Mapping[str, object] | None = None,
) -> list[str]:
    """Return the command line of a kernel.

    {connection_file}, {prefix}, {resource_dir} and the names of launch arguments are
    filled in; other braces stay. `~` at the start of an argument is a home folder.
    """
    values = {
        "connection_file": os.path.realpath(connection_file),
        "prefix": sys.prefix,
        "resource_dir": str(Path(spec.resource_dir).absolute()) if spec.resource_dir else "",
    }
    for key, value in (launch_args or {}).items():
        if isinstance(value, str | int | float | os.PathLike):  # not a mapping: env is secret
            values[key] = str(value)
    argv = [*spec.argv, *extra_arguments]
    if argv and argv[0] in _BARE_PYTHONS and _is_ours(spec):
        argv[0] = sys.executable
    filled = (_PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), item) for item in argv)
    return [os.path.expanduser(item) for item in filled]  # noqa: PTH111 (not only paths)


def _is_ours(spec: KernelSpec) -> bool:
    """Tell whether the spec was installed for this interpreter, in its environment or user-wide.

    If so, its bare "python" means this interpreter. Otherwise it means what the PATH of the launch
    environment finds: an isolated install of kerneltui does not have the ipykernel of others.
    """
    prefixes = [sys.prefix, *([site.getuserbase()] if site.ENABLE_USER_SITE else [])]
    folder = Path(spec.resource_dir).resolve()
    return any(folder.is_relative_to(Path(prefix).resolve()) for prefix in prefixes)
