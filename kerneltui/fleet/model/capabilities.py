"""What can be done to which kind of kernel, and by what means: the table of the design.

Keys, questions and the command line follow it; how a means works is told in `handles`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from kerneltui.errors import ActionRefused
from kerneltui.fleet.model.kind import Kind
from kerneltui.protocol.status import Verb


class Means(StrEnum):
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

Power = Means | str
"""The means; or, as plain text, why there are none."""

POWERS: Mapping[Kind, Mapping[Verb, Power]] = {
    Kind.CHILD: {
        Verb.INTERRUPT: Means.SPEC,
        Verb.SIGNAL: Means.GROUP,
        Verb.RESTART: Means.RELAUNCH,
        Verb.SHUTDOWN: Means.LADDER,
        Verb.KILL: Means.FAMILY,
        Verb.VERIFY: Means.QUESTION,
        Verb.EXECUTE: Means.CLIENT,
    },
    Kind.FOUND: {
        Verb.INTERRUPT: Means.MESSAGE,
        Verb.SIGNAL: Means.GROUP,
        Verb.RESTART: LOST,
        Verb.SHUTDOWN: Means.REQUEST,
        Verb.KILL: Means.FAMILY,
        Verb.VERIFY: Means.QUESTION,
        Verb.EXECUTE: Means.CLIENT,
    },
    Kind.UNSEEN: {
        Verb.INTERRUPT: Means.MESSAGE,
        Verb.SIGNAL: NO_PROCESS,
        Verb.RESTART: LOST,
        Verb.SHUTDOWN: Means.REQUEST,
        Verb.KILL: NO_PROCESS,
        Verb.VERIFY: Means.QUESTION,
        Verb.EXECUTE: Means.CLIENT,
    },
    Kind.CLOSED: {
        Verb.INTERRUPT: Means.GROUP,
        Verb.SIGNAL: Means.GROUP,
        Verb.RESTART: LOST,
        Verb.SHUTDOWN: f"{NO_PORTS}; a signal or a kill ends it",
        Verb.KILL: Means.FAMILY,
        Verb.VERIFY: NO_PORTS,
        Verb.EXECUTE: NO_PORTS,
    },
    Kind.UNPROVEN: dict.fromkeys(Verb, NOT_PROVEN),
    Kind.LEFTOVER: {
        **dict.fromkeys(Verb, HAS_ENDED),
        Verb.SIGNAL: Means.GROUP,
        Verb.KILL: Means.FAMILY,
    },
    Kind.SERVED: {
        Verb.INTERRUPT: Means.SERVER,
        Verb.SIGNAL: Means.GROUP,
        Verb.RESTART: Means.SERVER,
        Verb.SHUTDOWN: Means.SERVER,
        Verb.KILL: Means.FAMILY_AND_SERVER,
        Verb.VERIFY: Means.QUESTION,
        Verb.EXECUTE: Means.CLIENT,
    },
    Kind.REMAINS: {**dict.fromkeys(Verb, NO_KERNEL), Verb.SHUTDOWN: Means.REMOVAL},
    Kind.ELSEWHERE: dict.fromkeys(Verb, ANOTHER_HOST),
}
POWERS = {**POWERS, Kind.ADOPTED: POWERS[Kind.CHILD]}


def refuse_impossible(kind: Kind, verb: Verb, name: str) -> None:
    """Raise ActionRefused where a verb can never be carried out on a kernel of this kind."""
    if reason := why_not(kind, verb):
        raise ActionRefused(f"cannot {verb} {name}: {reason}")


def why_not(kind: Kind, verb: Verb) -> str:
    """Return why a verb can never be carried out on a kind of kernel; "" where it can."""
    power = POWERS[kind][verb]
    return "" if isinstance(power, Means) else power
