"""Condition: what a kernel does, since when, and a sentence about it.

Rule: facts in, words out. Nothing here reads a clock, asks a kernel or looks at a process; the
dashboard and the command line call the same function.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from kerneltui.frozen import frozen
from kerneltui.words import counted

QUIET = 5.0  # seconds without CPU time after which a kernel that runs something waits
DISK = 5.0  # seconds in the system's uninterruptible sleep that are worth a word
SILENCE = 2.0  # seconds after which a kernel that has not answered does not answer
IDLE = "runs nothing"


class Word(StrEnum):
    """The one word for what a kernel does."""

    NO_ANSWER = "no answer"
    DIED = "died"
    ASKS = "asks"
    STOPPED = "stopped"
    DISK_WAIT = "disk wait"
    BUSY = "busy"
    WAITING = "waiting"
    STARTING = "starting"
    UNKNOWN = "unknown"
    IDLE = "idle"
    ELSEWHERE = "elsewhere"
    STALE = "stale"


class Phase(Enum):
    """Where a kernel is between its launch and its end."""

    STARTING = "launched, not ready"
    RESTARTING = "restarting"
    UP = "up"
    ENDED = "ended"
    STALE_FILE = "a file that was left behind"
    OTHER_HOST_FILE = "a file that may be another host's"


class ProcessState(StrEnum):
    """What the system does with a process; the letters are those of ps(1)."""

    RUNNING = "R"
    SLEEPING = "S"
    DISK = "D"
    STOPPED = "T"
    ZOMBIE = "Z"


class Asker(Enum):
    """Whose cell waits for input."""

    OURS = ""
    OTHER = "only the client that runs it can answer"
    GONE = "its client has left"


@frozen
class OpenPrompt:
    """A cell that waits for input."""

    text: str
    """Clean; "" if the cell asks without words."""
    asker: Asker = Asker.OURS
    since: float | None = None
    password: bool = False


@frozen
class ConditionFacts:
    """What is known of one kernel. Instants are all of one clock; None is what is not known."""

    phase: Phase = Phase.UP
    phase_since: float | None = None
    """Of a start, a restart or an end."""
    why: str = ""
    """What there is to say of a file, an end, or a kernel that nobody can ask."""

    runs: bool | None = None
    """It is at a request; told by the kernel itself, or by its server."""
    runs_since: float | None = None
    """When the request began; of an idle kernel, when the last one was over."""
    runs_seen_since: float | None = None
    """Since when it is known to be at that, whenever it began."""
    sent_at: float | None = None
    """When code of ours was sent that it has not begun, though it said last that it is idle."""
    is_python: bool = False
    """Native code can hold its interpreter, so that it does not answer."""

    asked_at: float | None = None
    """When it was asked on control what it has not answered yet."""
    answers: bool | None = None
    """Its last question on control was answered; False if its process does not even listen."""
    prompt: OpenPrompt | None = None

    process: ProcessState | None = None
    """None for a process that is not visible from here."""
    process_since: float | None = None
    process_seen_since: float | None = None
    """Since when the process is known to be in this state, where that lasts."""
    quiet_since: float | None = None
    """Since when its tree uses no CPU time; None while it does, and where nobody has looked."""
    children_busy: bool = False
    """The processes below its own use CPU time."""
    zombies: int = 0
    """Processes below its own that have ended, and whose parent has not asked how."""

    order: str = ""
    """The order under way: "stopping"."""
    interrupt: str = ""
    """What there is to say of an interrupt that was sent and has had no effect yet."""


@frozen
class Condition:
    """What a kernel does."""

    word: Word = Word.UNKNOWN
    since: float | None = None
    """An instant of the clock of the facts; None if that is not known."""
    sentence: str = ""
    """Clean, without a full stop."""
    answers: bool | None = None
    """It answers on control; None if it was not asked."""
    is_older: bool = False
    """It did so already when it was first seen: `since` is when that was."""
    is_answerable: bool = False
    """It asks something that is ours to answer."""

    @property
    def is_plain(self) -> bool:
        """It is idle, and there is nothing else to say."""
        return self.word is Word.IDLE and self.sentence == IDLE

    @property
    def waits_for_input(self) -> bool | None:
        """Tell whether a cell of it waits for input; None if only a look inside would tell."""
        if self.word is Word.ASKS:
            return True
        return False if self.word in _WITHOUT_INPUT else None


HANGING = frozenset({Word.WAITING, Word.NO_ANSWER})
"""Of a kernel that runs something; where that stands is worth a look."""
_WITHOUT_INPUT = frozenset({Word.IDLE, Word.BUSY, Word.DIED, Word.STALE})


def condition_of(facts: ConditionFacts, now: float) -> Condition:
    """Return what a kernel does at the instant `now`."""
    word = _word(facts, now)
    told = (facts.order, _interrupted(word, facts), _sentence(word, facts))
    sentence = "; ".join(filter(None, told))
    since, seen = _since(word, facts), _seen_since(word, facts)
    is_older = since is None and seen is not None
    return Condition(
        word,
        seen if is_older else since,
        sentence,
        _answers(facts, now),
        is_older=is_older,
        is_answerable=word is Word.ASKS and _is_ours(facts.prompt),
    )


# -- the word ----


_PHASES = {
    Phase.ENDED: Word.DIED,
    Phase.STALE_FILE: Word.STALE,
    Phase.OTHER_HOST_FILE: Word.ELSEWHERE,
}


def _word(facts: ConditionFacts, now: float) -> Word:
    """The system's word for the process overrules what the kernel said before."""
    if (over := _PHASES.get(facts.phase)) is not None:
        return over
    if facts.process is ProcessState.ZOMBIE:
        return Word.DIED
    if facts.process is ProcessState.STOPPED:
        return Word.STOPPED
    if facts.process is ProcessState.DISK and _has_lasted(facts.process_since, DISK, now):
        return Word.DISK_WAIT
    if facts.phase is not Phase.UP:
        return Word.STARTING
    if facts.prompt is not None:  # proof, also for a kernel that cannot answer while it asks
        return Word.ASKS
    if _answers(facts, now) is False:
        return Word.NO_ANSWER
    return _word_of_work(facts, now)


def _word_of_work(facts: ConditionFacts, now: float) -> Word:
    is_at_work = facts.runs or (facts.runs is False and _is_untaken(facts, now))
    if is_at_work:
        begun = facts.runs_since if facts.runs else facts.sent_at
        is_quiet = _has_lasted(facts.quiet_since, QUIET, now)
        # An idle kernel is quiet: what it has just begun does not wait for that.
        return Word.WAITING if is_quiet and now - (begun or 0.0) >= QUIET else Word.BUSY
    return Word.UNKNOWN if facts.runs is None else Word.IDLE


def _answers(facts: ConditionFacts, now: float) -> bool | None:
    return False if _has_lasted(facts.asked_at, SILENCE, now) else facts.answers


def _is_untaken(facts: ConditionFacts, now: float) -> bool:
    """Tell whether code of ours waits though the kernel said last that it is idle."""
    return _has_lasted(facts.sent_at, SILENCE, now)


def _has_lasted(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now - since >= seconds


# -- since when ----


def _since(word: Word, facts: ConditionFacts) -> float | None:
    match word:
        case Word.DIED | Word.STARTING:
            return facts.phase_since
        case Word.STOPPED | Word.DISK_WAIT:
            return facts.process_since
        case Word.NO_ANSWER if facts.runs and not facts.answers and facts.runs_since is not None:
            return facts.runs_since  # it has not answered since that began, as far as known
        case Word.NO_ANSWER:
            return facts.asked_at
        case Word.ASKS if facts.prompt is not None and facts.prompt.since is not None:
            return facts.prompt.since
        case Word.ASKS:
            return facts.runs_since
        case Word.BUSY | Word.WAITING if not facts.runs:
            return facts.sent_at
        case Word.BUSY | Word.WAITING | Word.IDLE:
            return facts.runs_since
        case _:
            return None


def _seen_since(word: Word, facts: ConditionFacts) -> float | None:
    """Return since when a kernel is seen to do what it did before anybody looked."""
    if word in (Word.STOPPED, Word.DISK_WAIT):
        return facts.process_seen_since
    is_told = word in (Word.BUSY, Word.WAITING, Word.ASKS, Word.IDLE) and facts.runs is not None
    return facts.runs_seen_since if is_told else None


# -- in a sentence ----

_SENTENCES = {
    Word.STOPPED: "stopped by a signal; SIGCONT continues it",
    Word.DISK_WAIT: "waits for a disk or a network file system",
}


def _sentence(word: Word, facts: ConditionFacts) -> str:
    match word:
        case Word.DIED:
            return facts.why or "cause unknown"
        case Word.STALE | Word.ELSEWHERE:
            return facts.why or facts.phase.value
        case Word.STARTING:
            return facts.phase.value if facts.phase is not Phase.UP else ""
        case Word.NO_ANSWER:
            return _why_silent(facts)
        case Word.ASKS:
            return _who_is_asked(facts)
        case Word.BUSY | Word.WAITING:
            return _what_runs(word, facts)
        case Word.IDLE:
            return _beside_idle(facts)
        case Word.UNKNOWN:
            return facts.why or "has not said what it does"
        case _:
            return _SENTENCES[word]


def _beside_idle(facts: ConditionFacts) -> str:
    children = f"{IDLE}, its children are busy" if facts.children_busy else IDLE
    return f"{children}; {counted(facts.zombies, 'zombie')}" if facts.zombies else children


def _why_silent(facts: ConditionFacts) -> str:
    if facts.asked_at is None:  # nobody could even ask
        return facts.why or "does not listen"
    if facts.is_python:
        return "holds its interpreter in native code"
    return "does not answer while it runs" if facts.runs else "does not answer"


def _is_ours(prompt: OpenPrompt | None) -> bool:
    return prompt is not None and prompt.asker is Asker.OURS


def _who_is_asked(facts: ConditionFacts) -> str:
    prompt = facts.prompt
    assert prompt is not None, "it asks"
    text = prompt.text.strip()
    asked = f"asks {text}" if text else "waits for input"
    return "; ".join(filter(None, (asked, prompt.asker.value)))


def _what_runs(word: Word, facts: ConditionFacts) -> str:
    if not facts.runs:
        return "has not begun the code that was sent to it"
    if word is Word.WAITING:
        return "waits: sleep, lock, network or a child"
    runs = "runs Python" if facts.is_python else "runs code"
    return f"{runs}, its children are busy" if facts.children_busy else runs


_INTERRUPTIBLE = frozenset(
    {Word.BUSY, Word.WAITING, Word.NO_ANSWER, Word.ASKS, Word.DISK_WAIT, Word.STOPPED}
)


def _interrupted(word: Word, facts: ConditionFacts) -> str:
    return facts.interrupt if word in _INTERRUPTIBLE else ""
