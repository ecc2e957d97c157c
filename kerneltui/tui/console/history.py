"""History: the code run from the console, in all sessions and by all dashboards.

It keeps code only: never the answer to a prompt, so never a password.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from kerneltui.file_lock import lock_file
from kerneltui.frozen import frozen
from kerneltui.private_file import open_private, read_private, write_private

FILE_LIMIT = 1 << 20
"""Bytes; a file that has grown larger loses its older half."""
LOCK_PATIENCE = 1.0
"""Seconds to wait until another dashboard releases the file's lock, also when quitting."""
MAX_FILE = 16 * FILE_LIMIT
"""Bytes; a larger file is not one that kerneltui wrote."""
CODE_LIMIT = 1 << 16
"""Characters; longer code is kept only until the session ends."""


@frozen
class Ran:
    """Code that was run; one line of the file."""

    language: str
    """The name of the kernelspec if the language is not known."""
    code: str


class History:
    """The code run before, by language. `load` and `save` block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded: tuple[Ran, ...] = ()
        self._added: list[Ran] = []
        self._unsaved: deque[Ran] = deque()
        self._saving = threading.Lock()

    def codes(self, language: str) -> tuple[str, ...]:
        """Return the code run in `language`, the oldest first."""
        ran = (*self._loaded, *self._added)
        return fold(each.code for each in ran if each.language == language)

    def add(self, language: str, code: str) -> None:
        """Add code that is run; `save` writes it to the file."""
        ran = Ran(language, code)
        is_news = self.codes(language)[-1:] != (code,)
        self._added.append(ran)
        if is_news and len(code) <= CODE_LIMIT:
            self._unsaved.append(ran)

    # -- runs in a short thread ----------------------------------------------------------

    def load(self) -> str:
        """Read the file; return what is wrong with it in a sentence, empty if nothing is.

        If lines of it cannot be understood, a copy of the file is kept under another name, and
        the other lines stay.
        """
        if not self._path.exists():
            return ""
        try:
            with self._locked():
                self._loaded, odd = parse(read_private(self._path, MAX_FILE))
                return self._put_aside(odd) if odd else ""
        except OSError as error:
            return f"{self._path} cannot be read: {error.strerror}"

    def save(self) -> str:
        """Append the new code to the file; return why that failed, empty if it did not.

        Code that could not be written is written the next time.
        """
        with self._saving:
            new = [self._unsaved.popleft() for _ in range(len(self._unsaved))]
            if not new:
                return ""
            try:
                with self._locked():
                    self._append(dump(new).encode())
            except OSError as error:
                self._unsaved.extendleft(reversed(new))
                return f"{self._path} cannot be written: {error.strerror}"
        return ""

    def _append(self, lines: bytes) -> None:
        fd = open_private(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        with os.fdopen(fd, "a+b") as file:
            os.fchmod(fd, 0o600)
            file.write(lines)
            size = file.tell()
            file.seek(max(0, size - FILE_LIMIT // 2))
            newer = file.read() if size > FILE_LIMIT else b""
        if newer:
            write_private(self._path, newer.partition(b"\n")[2].decode("utf-8", "replace"))

    def _put_aside(self, odd: int) -> str:
        aside = self._path.with_name(f"{self._path.name}.broken")
        self._path.replace(aside)
        write_private(self._path, dump(self._loaded))
        lines = f"{odd} lines" if odd > 1 else "one line"
        return f"{lines} of {self._path} could not be understood; the old file is now {aside.name}"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the file's lock. Raises OSError if another dashboard holds it too long."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The lock has its own file: the history's file is replaced at times, and its lock with it.
        fd = open_private(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
        try:
            lock_file(fd, time.monotonic() + LOCK_PATIENCE)
            yield
        finally:
            os.close(fd)


# -- the format of the file --------------------------------------------------------------


def dump(ran: Iterable[Ran]) -> str:
    return "".join(
        json.dumps({"language": each.language, "code": each.code}) + "\n" for each in ran
    )


def parse(data: bytes) -> tuple[tuple[Ran, ...], int]:
    """Return the code in the lines, and how many lines are not as `dump` writes them."""
    found = [_parse_line(line) for line in data.splitlines()]
    ran = tuple(each for each in found if each is not None)
    return ran, len(found) - len(ran)


def _parse_line(line: bytes) -> Ran | None:
    try:
        match json.loads(line):
            case {"language": str(language), "code": str(code)}:
                return Ran(language, code)
    except (ValueError, RecursionError):
        pass
    return None


# -- merging and searching ---------------------------------------------------------------


def fold(codes: Iterable[str]) -> tuple[str, ...]:
    """Return `codes` without direct repetitions."""
    return tuple(code for code, _ in groupby(codes))


def merge(ours: Sequence[str], kernels: Sequence[str]) -> tuple[str, ...]:
    """Merge our history and the kernel's own into one, the oldest first.

    Code in both stands at its place in the kernel's history. Code that only we have stands
    before the next code in both, or at the end.
    """
    known = {code: place for place, code in enumerate(kernels)}
    before: dict[int, list[str]] = {}
    waiting: list[str] = []
    for code in ours:
        if (place := known.get(code)) is None:
            waiting.append(code)
        else:
            before.setdefault(place, []).extend(waiting)
            waiting = []
    merged = [each for place, code in enumerate(kernels) for each in (*before.get(place, ()), code)]
    return fold((*merged, *waiting))


def search(past: Sequence[str], words: str) -> tuple[str, ...]:
    """Return each code that contains `words`, the latest first.

    Case counts only if `words` has capitals.
    """
    has_capitals = words != words.lower()
    latest_first = dict.fromkeys(reversed(past))
    return tuple(code for code in latest_first if words in (code if has_capitals else code.lower()))
