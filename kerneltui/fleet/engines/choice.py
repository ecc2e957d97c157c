"""Which remote engines a run has, from words of the user and the settings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.names import name_of_host
from kerneltui.fleet.engines.settings import EngineSettings, HostSettings, ServerSettings
from kerneltui.protocol.text import clean_line

AnyEngine = ServerSettings | HostSettings
_OF_URLS = ":/."
"""What a URL or a path has at least one of, and the name of an engine has not."""


def chosen_engines(
    servers: Iterable[str], hosts: Iterable[str], known: EngineSettings
) -> tuple[AnyEngine, ...]:
    """Return the engines of the words, each with a name that no other has.

    `servers`: names or URLs. `hosts`: names or destinations of ssh. Raises KernelError.
    """
    found: dict[str, AnyEngine] = {}
    reserved = {*known.servers, *known.hosts}
    for word in dict.fromkeys(servers):
        named = known.servers.get(word) or _server(
            word, known.servers, {*reserved, *found}, "a machine by ssh is one for --host"
        )
        found[named.name] = named
    for word in dict.fromkeys(hosts):
        destined = known.hosts.get(word) or _host(word, {*reserved, *found})
        found[destined.name] = destined
    return tuple(found.values())


def meant_engine(text: str, known: EngineSettings, there: Mapping[str, AnyEngine]) -> AnyEngine:
    """Return the engine that a text of either kind means. Raises KernelError.

    `there`: the engines of this run so far, by name. The text may mean one of them.
    """
    if named := there.get(text) or known.hosts.get(text):
        return named
    taken = {*known.servers, *known.hosts, *there}
    is_host = text.startswith("ssh://") or ("@" in text and "://" not in text)
    if text not in known.servers and is_host:
        made: AnyEngine = _host(text, taken)
    else:
        made = known.servers.get(text) or _server(
            text, known.servers, taken, f"by ssh it is ssh://{clean_line(text, 80)}"
        )
    return next((each for each in there.values() if replace(made, name=each.name) == each), made)


def usual_engines(known: EngineSettings) -> Iterator[AnyEngine]:
    """Yield the engines that the user wants at every start."""
    yield from (each for each in known.servers.values() if each.connect)
    yield from (each for each in known.hosts.values() if each.connect)


def _server(
    word: str, known: Mapping[str, ServerSettings], taken: set[str], by_ssh: str
) -> ServerSettings:
    """Return the settings of a server that is given by its URL. Raises KernelError.

    `by_ssh`: how to say that another machine is meant, not a server.
    """
    if not any(mark in word for mark in _OF_URLS):
        names = ", ".join(known) or "none"
        raise KernelError(
            f"{clean_line(word, 80)!r} is not a URL, and not the name of a server in kerneltui.toml"
            f" (there: {names}; kerneltui paths checks the file); {by_ssh}"
        )
    return ServerSettings(_name_of_url(word, taken), word)


def _name_of_url(url: str, taken: set[str]) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # it will be refused
        return name_of_host("server", taken)
    socket = unquote(host) or url  # a unix socket is given by its path
    return name_of_host(PurePath(socket).stem if "/" in socket else host, taken, port)


def _host(destination: str, taken: set[str]) -> HostSettings:
    host = destination.removeprefix("ssh://").rpartition("@")[2]
    if destination.startswith("ssh://"):
        host = host.partition("/")[0].partition(":")[0]
    return HostSettings(name_of_host(host, taken), destination)
