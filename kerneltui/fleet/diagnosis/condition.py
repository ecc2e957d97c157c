"""Condition: what a kernel does, since when, and a sentence about it.

Rule: facts in, words out. Nothing here reads a clock, asks a kernel or looks at a process; the
dashboard and the command line call the same function.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from kerneltui.frozen import frozen
from kerneltui.words import counted

QUIET = 5.0  # seconds without CPU time after which a kernel that runs code counts as waiting
DISK = 5.0  # seconds of uninterruptible sleep (state D) after which it is told as "disk wait"
SILENCE = 2.0  # seconds without a reply after which a kernel counts as not answering
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
    """Which client can answer the cell that waits for input."""

    OURS = ""
    OTHER = "only the client that runs it can answer"
    GONE = "its client has left"


@frozen
class OpenPrompt:
    """A cell that waits for input."""

    text: str
    """Clean; "" if the prompt is empty."""
    asker: Asker = Asker.OURS
    since: float | None = None
    password: bool = False


@frozen
class ConditionFacts:
    """What is known of one kernel. All instants are of one clock; None means not known."""

    phase: Phase = Phase.UP
    phase_since: float | None = None
    """When the start, the restart or the end was."""
    why: str = ""
    """The reason to show for a file, an end, or a kernel that cannot be asked."""

    runs: bool | None = None
    """It is working on a request, as the kernel itself or its server tells."""
    runs_since: float | None = None
    """When the request began; for an idle kernel, when the last one ended."""
    runs_seen_since: float | None = None
    """Since when it has been seen so; it may have begun earlier."""
    sent_at: float | None = None
    """When we sent code that it has not begun, although its last status was idle."""
    is_python: bool = False
    """It runs Python: native code can hold the interpreter, so that it does not answer."""

    asked_at: float | None = None
    """When the request on its control channel was sent that it has not answered yet."""
    answers: bool | None = None
    """It replied to the last request on control; False if its process does not even listen."""
    prompt: OpenPrompt | None = None

    process: ProcessState | None = None
    """None for a process that is not visible from here."""
    process_since: float | None = None
    process_seen_since: float | None = None
    """Since when the process has been seen in this state, if it is one that lasts."""
    quiet_since: float | None = None
    """Since when its process tree uses no CPU time; None while it does, or if not looked at."""
    children_busy: bool = False
    """The descendants of its process use CPU time."""
    zombies: int = 0
    """Descendants of its process that have ended and that their parent has not waited for."""

    order: str = ""
    """The order under way: "stopping"."""
    interrupt: str = ""
    """What to tell of an interrupt that was sent and has had no effect yet."""


@frozen
class Condition:
    """What a kernel does."""

    word: Word = Word.UNKNOWN
    since: float | None = None
    """An instant of the facts' clock; None if it is not known."""
    sentence: str = ""
    """Clean, without a full stop."""
    answers: bool | None = None
    """It answers on control; None if it was not asked."""
    is_older: bool = False
    """It was in this state already when first seen: `since` is when it was first seen."""
    is_answerable: bool = False
    """It asks for input that our client can answer."""

    @property
    def is_plain(self) -> bool:
        """It is idle, and there is nothing else to say."""
        return self.word is Word.IDLE and self.sentence == IDLE

    @property
    def waits_for_input(self) -> bool | None:
        """Tell whether its cell waits for input; None if only a look into the kernel would tell."""
        if self.word is Word.ASKS:
            return True
        return False if self.word in _WITHOUT_INPUT else None


HANGING = frozenset({Word.WAITING, Word.NO_ANSWER})
"""Words for a kernel whose code may hang: its stack is worth a look."""
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
    """Return the word; the state of the process overrules what the kernel said before."""
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
        # An idle kernel was quiet already: code that it has just begun does not count as waiting.
        return Word.WAITING if is_quiet and now - (begun or 0.0) >= QUIET else Word.BUSY
    return Word.UNKNOWN if facts.runs is None else Word.IDLE


def _answers(facts: ConditionFacts, now: float) -> bool | None:
    return False if _has_lasted(facts.asked_at, SILENCE, now) else facts.answers


def _is_untaken(facts: ConditionFacts, now: float) -> bool:
    """Tell whether our code waits although the kernel's last status was idle."""
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
    """Return since when the state has been seen, if it began before the first look."""
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
    if facts.asked_at is None:  # no request could even be sent
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
