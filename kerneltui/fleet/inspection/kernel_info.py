"""KernelInfo: how a kernel was started, and how it describes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psutil

from kerneltui.errors import KernelError
from kerneltui.fleet.model.masking import MASK, mask_arguments, mask_environment
from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.stack_signal import without_hook
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.text import clean_line
from kerneltui.words import more

WIDTH = 4_000  # characters of a value: enough for a long PATH
MAX_ARGUMENTS = 1_000
MAX_VARIABLES = 2_000

Facts = tuple[tuple[str, str], ...]
"""Names and values, in the order in which they are shown."""


@frozen
class KernelInfo:
    """All texts except `connection_file` are clean, and secrets in them are masked."""

    spec: Facts
    argv: tuple[str, ...]
    cwd: str
    """Its working directory; "" if its process is gone."""
    environment: Facts | None
    """The environment with which its process was started; None if gone, or not readable."""
    connection_file: str
    """The path as it is, for a client that connects: not for a screen."""
    endpoints: Facts
    versions: Facts
    """What its kernel_info_reply says; () until it has replied."""


def kernel_info(manager: KernelManager, reply: Mapping[str, object]) -> KernelInfo:
    """Look at a kernel's process and its files. Blocking; for a short thread.

    `reply`: the content of its kernel_info_reply, {} if none has come yet.
    """
    key = manager.session.key.decode("utf-8", "replace")
    argv, cwd, environment = _of_process(manager)
    return KernelInfo(
        spec=_of_spec(manager),
        argv=_arguments(argv, key),
        cwd=_shown(cwd, key),
        environment=None if environment is None else _variables(environment, key),
        connection_file=manager.connection_file,
        endpoints=_endpoints(manager, key),
        versions=versions(reply),
    )


def versions(reply: Mapping[str, object]) -> Facts:
    """Return versions and features from a kernel_info_reply; values of odd shapes are left out."""
    language = fields.mapping(reply, "language_info")
    named = {
        "implementation": _joined(reply, "implementation", "implementation_version"),
        "language": _joined(language, "name", "version"),
        "protocol": _joined(reply, "protocol_version"),
        "features": ", ".join(fields.texts(reply, "supported_features")[:20]),
        "banner": _joined(reply, "banner").partition("\n")[0],
    }
    return tuple((name, clean_line(value)) for name, value in named.items() if value)


def _endpoints(manager: KernelManager, key: str) -> Facts:
    """Return its addresses; () if it was killed before it was adopted."""
    if not any(manager.ports):
        return ()
    connection = manager.connection_info
    return tuple((str(channel), _shown(connection.endpoint(channel), key)) for channel in Channel)


def _joined(content: Mapping[str, object], *keys: str) -> str:
    return " ".join(filter(None, (fields.text(content, key) for key in keys)))


def _of_spec(manager: KernelManager) -> Facts:
    try:
        spec = manager.kernel_spec
    except KernelError:  # the program that started it has other kernelspecs
        return (("name", clean_line(manager.kernel_name) or "not known"),)
    facts = {
        "name": spec.name,
        "display name": spec.display_name,
        "language": spec.language,
        "folder": spec.resource_dir,
        "interrupt": spec.interrupt_mode,
    }
    return tuple((name, clean_line(str(value), WIDTH)) for name, value in facts.items() if value)


def _of_process(manager: KernelManager) -> tuple[list[str], str, dict[str, str] | None]:
    """Return argv, cwd and environment of the process; without one, the argv of a next start."""
    process = manager.process
    if process is not None and not process.exited:
        try:
            found = psutil.Process(process.identity.pid)
            with found.oneshot():
                return found.cmdline(), found.cwd(), without_hook(found.environ())
        except (psutil.Error, OSError):  # it has ended, or may not be looked into
            pass
    try:
        return manager.format_kernel_cmd(), "", None
    except KernelError:
        return [], "", None


def _arguments(argv: Sequence[str], key: str) -> tuple[str, ...]:
    shown = [_shown(each, key) for each in mask_arguments(argv[:MAX_ARGUMENTS])]
    if missing := len(argv) - len(shown):
        shown.append(more(missing))
    return tuple(shown)


def _variables(environment: Mapping[str, str], key: str) -> Facts:
    masked = mask_environment(environment)
    shown = [(clean_line(name), _shown(value, key)) for name, value in masked[:MAX_VARIABLES]]
    if missing := len(masked) - len(shown):
        shown.append(("…", f"{missing:,} more variables"))
    return tuple(shown)


def _shown(text: str, key: str) -> str:
    """Return clean text, with the connection's key masked."""
    return clean_line(text.replace(key, MASK) if key else text, WIDTH)
