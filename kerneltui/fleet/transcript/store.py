"""TranscriptStore: the transcripts of all kernels, within one limit."""

from __future__ import annotations

from threading import Lock

from kerneltui.fleet.model.retention import USUAL, Limits
from kerneltui.fleet.transcript.transcript import Transcript


class TranscriptStore:
    """The transcripts of all kernels, which together stay under a limit."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self._limits = limits
        self._slack = limits.total_bytes // 64
        """Bytes that may be written between two checks of the limit; as many are kept free."""
        self._lock = Lock()
        self._unchecked = 0
        self._transcripts: dict[str, Transcript] = {}

    def get(self, kernel_id: str) -> Transcript | None:
        return self._transcripts.get(kernel_id)

    def create(self, kernel_id: str) -> Transcript:
        """Return the kernel's transcript, a new one if it has none."""
        with self._lock:
            return self._transcripts.setdefault(
                kernel_id, Transcript(self._note_growth, self._limits)
            )

    def drop(self, kernel_id: str) -> None:
        """Forget this kernel's transcript; an unknown kernel is not an error."""
        with self._lock:
            self._transcripts.pop(kernel_id, None)

    def _note_growth(self, written: int) -> None:
        with self._lock:
            self._unchecked += written
            if self._unchecked >= self._slack:
                self._unchecked = 0
                self._trim()

    def _trim(self) -> None:
        """Shrink the biggest transcripts, to have room for the bytes until the next check."""
        transcripts = self._transcripts.values()
        excess = sum(transcript.size for transcript in transcripts) - (
            self._limits.total_bytes - self._slack
        )
        while excess > 0:
            biggest = max(transcripts, key=lambda transcript: transcript.size)
            freed = biggest.shrink(min(excess, biggest.size // 8))
            if not freed:
                break  # each is down to its last line
            excess -= freed
