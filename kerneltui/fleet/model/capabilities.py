"""What can be done to which kind of kernel, and by what method: the table of the design.

Keys, questions and the command line follow it; how a method works is told in `controllers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from kerneltui.errors import ActionRefused
from kerneltui.fleet.model.classification import Kind
from kerneltui.protocol.status import Verb


class Method(StrEnum):
    """How a verb is carried out."""

    SPEC = "signal or message, as its kernelspec says"
    GROUP = "signal to its process group"
    LADDER = "shutdown message, then SIGTERM, then SIGKILL"
    RELAUNCH = "ladder, then its command again"
    FAMILY = "SIGKILL to its group and what left it"
    MESSAGE = "message on control, then a signal where its kernelspec takes one"
    REQUEST = "shutdown message; signals are another key"
    SERVER = "asked of its server"
    FAMILY_AND_SERVER = "SIGKILL to its group and what left it; its server is told to forget it"
    QUESTION = "a signed question on control"
    CLIENT = "a client of our own"
    REMOVAL = "its files are removed"


LOST = "what started it would lose it"
NO_PROCESS = "its process is not to be seen from here"
NO_PORTS = "its ports are known only to what started it"
NO_KERNEL = "only its connection file is left"
NOT_PROVEN = "only arguments name its process, which may be another program's"
HAS_ENDED = "it has ended; a kill ends what it has left"
ANOTHER_HOST = "its connection file may be of another host"

Capability = Method | str
"""The method; or, as plain text, why there are none."""

CAPABILITIES: Mapping[Kind, Mapping[Verb, Capability]] = {
    Kind.CHILD: {
        Verb.INTERRUPT: Method.SPEC,
        Verb.SIGNAL: Method.GROUP,
        Verb.RESTART: Method.RELAUNCH,
        Verb.SHUTDOWN: Method.LADDER,
        Verb.KILL: Method.FAMILY,
        Verb.VERIFY: Method.QUESTION,
        Verb.EXECUTE: Method.CLIENT,
    },
    Kind.EXTERNAL: {
        Verb.INTERRUPT: Method.MESSAGE,
        Verb.SIGNAL: Method.GROUP,
        Verb.RESTART: LOST,
        Verb.SHUTDOWN: Method.REQUEST,
        Verb.KILL: Method.FAMILY,
        Verb.VERIFY: Method.QUESTION,
        Verb.EXECUTE: Method.CLIENT,
    },
    Kind.NO_VISIBLE_PROCESS: {
        Verb.INTERRUPT: Method.MESSAGE,
        Verb.SIGNAL: NO_PROCESS,
        Verb.RESTART: LOST,
        Verb.SHUTDOWN: Method.REQUEST,
        Verb.KILL: NO_PROCESS,
        Verb.VERIFY: Method.QUESTION,
        Verb.EXECUTE: Method.CLIENT,
    },
    Kind.PRIVATE_PORTS: {
        Verb.INTERRUPT: Method.GROUP,
        Verb.SIGNAL: Method.GROUP,
        Verb.RESTART: LOST,
        Verb.SHUTDOWN: f"{NO_PORTS}; a signal or a kill ends it",
        Verb.KILL: Method.FAMILY,
        Verb.VERIFY: NO_PORTS,
        Verb.EXECUTE: NO_PORTS,
    },
    Kind.UNPROVEN: dict.fromkeys(Verb, NOT_PROVEN),
    Kind.LEFTOVER: {
        **dict.fromkeys(Verb, HAS_ENDED),
        Verb.SIGNAL: Method.GROUP,
        Verb.KILL: Method.FAMILY,
    },
    Kind.SERVER: {
        Verb.INTERRUPT: Method.SERVER,
        Verb.SIGNAL: Method.GROUP,
        Verb.RESTART: Method.SERVER,
        Verb.SHUTDOWN: Method.SERVER,
        Verb.KILL: Method.FAMILY_AND_SERVER,
        Verb.VERIFY: Method.QUESTION,
        Verb.EXECUTE: Method.CLIENT,
    },
    Kind.STALE_FILE: {**dict.fromkeys(Verb, NO_KERNEL), Verb.SHUTDOWN: Method.REMOVAL},
    Kind.OTHER_HOST: dict.fromkeys(Verb, ANOTHER_HOST),
}
CAPABILITIES = {**CAPABILITIES, Kind.ADOPTED: CAPABILITIES[Kind.CHILD]}


def refuse_impossible(kind: Kind, verb: Verb, name: str) -> None:
    """Raise ActionRefused where a verb can never be carried out on a kernel of this kind."""
    if reason := why_not(kind, verb):
        raise ActionRefused(f"cannot {verb} {name}: {reason}")


def why_not(kind: Kind, verb: Verb) -> str:
    """Return why a verb can never be carried out on a kind of kernel; "" where it can."""
    power = CAPABILITIES[kind][verb]
    return "" if isinstance(power, Method) else power
