"""Table of the verbs: label, questions to the user, and method for each kind of kernel.

Keys, questions, help, command line and `Fleet.do` read this table; `controllers` carries out the
methods. A new verb is an entry here and a method there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import field, replace
from enum import StrEnum

from kerneltui.fleet.model.classification import Kind
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState


class Verb(StrEnum):
    """What can be done to a kernel."""

    INTERRUPT = "interrupt"
    SIGNAL = "signal"
    RESTART = "restart"
    RESTART_NOW = "force restart"
    SHUTDOWN = "shutdown"
    KILL = "kill"
    VERIFY = "verify"
    AUTORESTART = "autorestart"
    RENAME = "rename"
    EXECUTE = "execute"
    CONNECT = "connect"


class Method(StrEnum):
    """How a verb is carried out."""

    SPEC = "signal or message, as its kernelspec says"
    GROUP = "signal to its process group"
    LADDER = "shutdown message, then SIGTERM, then SIGKILL"
    RELAUNCH = "ladder, then its command again"
    KILL_AND_RELAUNCH = "SIGKILL to its group and what left it, then its command again"
    FAMILY = "SIGKILL to its group and what left it"
    MESSAGE = "message on control, then a signal if its kernelspec says so"
    REQUEST = "shutdown message; signals are another key"
    SERVER = "asked of its server"
    FAMILY_AND_SERVER = "SIGKILL to its group and what left it; its server is told"
    QUESTION = "a signed question on control"
    NOTE = "noted for every dashboard"
    CLIENT = "a client of our own"
    REMOVAL = "its files are removed"


LOST = "what started it would lose it"
NAMED_ELSEWHERE = "it has its name from what started it"
NO_PROCESS = "its process is not visible from this host or container"
NO_PORTS = "its ports are known only to what started it"
NO_KERNEL = "only its connection file is left"
NOT_PROVEN = "only arguments name its process, which may be another program's"
HAS_ENDED = "it has ended; a kill ends what it has left"
ANOTHER_HOST = "its connection file may be of another host"
NOT_BY_REST = "its Jupyter server takes no signals for it: interrupt, restart or shut it down"
NO_FORCE = "its Jupyter server restarts it in one way only: restart it"
CONNECTED = "it is connected already"
NOT_CONNECTED = "it is not connected yet"

Capability = Method | str
"""The method; or, as plain text, why there is none."""


def _kinds(
    *,
    ours: Capability,
    external: Capability,
    no_visible_process: Capability,
    private_ports: Capability,
    server: Capability,
    remote_server: Capability,
    leftover: Capability = HAS_ENDED,
    stale_file: Capability = NO_KERNEL,
) -> Mapping[Kind, Capability]:
    return {
        Kind.CHILD: ours,
        Kind.ADOPTED: ours,
        Kind.EXTERNAL: external,
        Kind.NO_VISIBLE_PROCESS: no_visible_process,
        Kind.PRIVATE_PORTS: private_ports,
        Kind.SERVER: server,
        Kind.REMOTE_SERVER: remote_server,
        Kind.LEFTOVER: leftover,
        Kind.STALE_FILE: stale_file,
        Kind.UNPROVEN: NOT_PROVEN,
        Kind.OTHER_HOST: ANOTHER_HOST,
    }


class About(StrEnum):
    """What a question is about."""

    LIVING = "living kernels"
    SERVED = "living kernels, at least one of them a server's"
    UNATTENDED = "living kernels, one of them a remote server's, without a front end"
    MIXED = "living and dead kernels"
    DEAD = "dead kernels"
    FILES = "files that kernels have left"


@frozen
class Wording:
    """What the user is asked; "{which}" stands for "this kernel" or "3 kernels"."""

    title: str
    yes: str
    """The label of the button that does it."""
    note: str = ""
    """What will be lost, or kept."""
    danger: bool = False
    """It is drawn in red: nothing can be saved."""
    rest: str = ""
    """Label of an option to end the processes that would live on; "" if there is none."""


def _always(wording: Wording) -> Mapping[About, Wording]:
    return dict.fromkeys(About, wording)


def _unless_dead(wording: Wording) -> Mapping[About, Wording]:
    return {about: wording for about in About if about not in (About.DEAD, About.FILES)}


LISTENING = frozenset(
    # What is sent to a starting kernel waits until it listens.
    {KernelState.UNKNOWN, KernelState.STARTING, KernelState.IDLE, KernelState.BUSY}
)
ALIVE = LISTENING | {KernelState.RESTARTING, KernelState.TERMINATING}
SETTLED = LISTENING | {KernelState.DEAD}
ALWAYS = frozenset(KernelState)


@frozen
class VerbEntry:
    """One verb."""

    label: str
    help: str
    """What it does, for a user who looks for a key."""
    kinds: Mapping[Kind, Capability]
    states: frozenset[KernelState]
    """The states of a kernel in which it is allowed."""
    questions: Mapping[About, Wording] = field(default_factory=dict)
    """Empty if nothing need be asked."""
    otherwise: str = ""
    """Why a kernel in one of these states may still not allow it; "" if each does."""
    danger: bool = False
    """It ends the work of the kernel."""
    command: str = ""
    """Help of the command of the same name, which takes many kernels; "" if there is none."""


ALL_LOST = "All variables are lost."
LOGS_LOST = "Output and logs of the dead are removed."
SHUTDOWN = Wording(
    "Shut down {which}?",
    "Shut down",
    f"{ALL_LOST} Processes that left the group live on.",
    rest="end them too",
)

VERBS: Mapping[Verb, VerbEntry] = {
    Verb.INTERRUPT: VerbEntry(
        "Interrupt",
        "Interrupt what the kernel runs; the second press does it",
        _kinds(
            ours=Method.SPEC,
            external=Method.MESSAGE,
            no_visible_process=Method.MESSAGE,
            private_ports=Method.GROUP,
            server=Method.SERVER,
            remote_server=Method.SERVER,
        ),
        LISTENING,
        _always(Wording("Interrupt {which}?", "Interrupt")),
        command="interrupt what kernels run",
    ),
    Verb.SIGNAL: VerbEntry(
        "Signal",
        "Send a signal to the kernel's process group",
        _kinds(
            ours=Method.GROUP,
            external=Method.GROUP,
            no_visible_process=NO_PROCESS,
            private_ports=Method.GROUP,
            server=Method.GROUP,
            remote_server=NOT_BY_REST,
            leftover=Method.GROUP,
        ),
        ALIVE,
    ),
    Verb.RESTART: VerbEntry(
        "Restart",
        "Restart the kernel politely; its variables are lost",
        _kinds(
            ours=Method.RELAUNCH,
            external=LOST,
            no_visible_process=LOST,
            private_ports=LOST,
            server=Method.SERVER,
            remote_server=Method.SERVER,
        ),
        SETTLED,
        _unless_dead(Wording("Restart {which}?", "Restart", ALL_LOST)),
        danger=True,
        command="restart kernels; their variables are lost",
    ),
    Verb.RESTART_NOW: VerbEntry(
        "Force restart",
        "Kill the kernel at once and start it again",
        _kinds(
            ours=Method.KILL_AND_RELAUNCH,
            external=LOST,
            no_visible_process=LOST,
            private_ports=LOST,
            server=Method.FAMILY_AND_SERVER,
            remote_server=NO_FORCE,
        ),
        SETTLED,
        _unless_dead(
            Wording(
                "Kill and restart {which}?",
                "Force restart",
                f"There is no chance to save anything. {ALL_LOST}",
                danger=True,
            )
        ),
        danger=True,
    ),
    Verb.SHUTDOWN: VerbEntry(
        "Shutdown",
        "Shut the kernel down; forget a dead kernel; remove a stale file",
        _kinds(
            ours=Method.LADDER,
            external=Method.REQUEST,
            no_visible_process=Method.REQUEST,
            private_ports=f"{NO_PORTS}; a signal or a kill ends it",
            server=Method.SERVER,
            remote_server=Method.SERVER,
            stale_file=Method.REMOVAL,
        ),
        ALWAYS,
        {
            **_unless_dead(SHUTDOWN),
            About.MIXED: replace(SHUTDOWN, note=f"{SHUTDOWN.note}\n{LOGS_LOST}"),
            About.DEAD: Wording("Forget {which}?", "Forget", "Output and log are removed."),
            About.FILES: Wording(
                "Remove what is left of {which}?",
                "Remove",
                "No process uses these files; that is checked once more before they are removed.",
            ),
        },
        danger=True,
        command="shut kernels down",
    ),
    Verb.KILL: VerbEntry(
        "Kill",
        "SIGKILL the kernel and all its processes, now",
        _kinds(
            ours=Method.FAMILY,
            external=Method.FAMILY,
            no_visible_process=NO_PROCESS,
            private_ports=Method.FAMILY,
            server=Method.FAMILY_AND_SERVER,
            remote_server=NOT_BY_REST,
            leftover=Method.FAMILY,
        ),
        ALIVE,
        _always(
            Wording(
                "Kill {which}?",
                "Kill",
                "SIGKILL to all the processes: nothing is saved.",
                danger=True,
            )
        ),
        danger=True,
        command="SIGKILL kernels and all their processes",
    ),
    Verb.VERIFY: VerbEntry(
        "Verify",
        "Ask the kernel whether it answers; a server's after a question, as it takes note of that",
        _kinds(
            ours=Method.QUESTION,
            external=Method.QUESTION,
            no_visible_process=Method.QUESTION,
            private_ports=NO_PORTS,
            server=Method.QUESTION,
            remote_server=Method.QUESTION,
        ),
        LISTENING,
        dict.fromkeys(
            (About.SERVED, About.UNATTENDED),
            Wording(
                "Ask {which} for an answer?",
                "Ask",
                "A Jupyter server takes note of it: a starting kernel becomes idle there, and a "
                "busy one's last activity moves.",
            ),
        ),
        otherwise=NOT_CONNECTED,
    ),
    Verb.AUTORESTART: VerbEntry(
        "Autorestart",
        "Start the kernel again when it dies by itself, or no longer",
        _kinds(
            ours=Method.NOTE,
            external=LOST,
            no_visible_process=LOST,
            private_ports=LOST,
            server=LOST,
            remote_server=LOST,
        ),
        SETTLED,
    ),
    Verb.RENAME: VerbEntry(
        "Rename",
        "Give the kernel another name, in every dashboard",
        _kinds(
            ours=Method.NOTE,
            external=NAMED_ELSEWHERE,
            no_visible_process=NAMED_ELSEWHERE,
            private_ports=NAMED_ELSEWHERE,
            server=NAMED_ELSEWHERE,
            remote_server=NAMED_ELSEWHERE,
        ),
        SETTLED,
    ),
    Verb.EXECUTE: VerbEntry(
        "Execute",
        "Run code that is typed in the console",
        _kinds(
            ours=Method.CLIENT,
            external=Method.CLIENT,
            no_visible_process=Method.CLIENT,
            private_ports=NO_PORTS,
            server=Method.CLIENT,
            remote_server=Method.CLIENT,
        ),
        LISTENING,
        otherwise=NOT_CONNECTED,
    ),
    Verb.CONNECT: VerbEntry(
        "Connect",
        "Connect to a kernel of a remote server, for its output, console and stack",
        _kinds(
            ours=CONNECTED,
            external=CONNECTED,
            no_visible_process=CONNECTED,
            private_ports=NO_PORTS,
            server=CONNECTED,
            remote_server=Method.CLIENT,
        ),
        LISTENING,
        {
            About.UNATTENDED: Wording(
                "Connect to {which}?",
                "Connect",
                "No front end is connected to it. Its server may hold output for one that comes "
                "back; that output is lost once another client connects.",
            )
        },
        otherwise=CONNECTED,
    ),
}

ALLOWED: Mapping[KernelState, frozenset[Verb]] = {
    state: frozenset(verb for verb, entry in VERBS.items() if state in entry.states)
    for state in KernelState
}
"""The verbs that are allowed in each state, if the kernel's kind can do them."""


@functools.cache
def possible(kind: Kind) -> frozenset[Verb]:
    """Return the verbs that can be carried out on a kind of kernel."""
    return frozenset(verb for verb in Verb if not why_not(kind, verb))


def why_not(kind: Kind, verb: Verb) -> str:
    """Return why a verb can never be carried out on a kind of kernel; "" if it can."""
    capability = VERBS[verb].kinds[kind]
    return "" if isinstance(capability, Method) else capability
