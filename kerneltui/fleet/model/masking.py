"""Masks secrets in environments, command lines and other texts. Pure.

Rule: in doubt it is masked. All masks have the same length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MASK = "••••"
MAX_TEXT = 8_000  # characters of a value that are checked; the rest is not shown

_NAMES = (
    r"KEY|TOKEN|SECRET|PASS|PWD|PW(?![a-z])|CRED|AUTH|COOKIE|SIGNATURE|DSN|PRIVATE"
    r"|JWT|BEARER|WEBHOOK|CONNECTION_?STRING|CONN_?STR|(?<![a-z])(?:PAT|SAS|OTP|PIN)(?![a-z])"
)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_FOLDERS = frozenset(("PWD", "OLDPWD"))  # of the shell: named like secrets, but they are not
# Quoted text may hold quotes after a backslash; or it is itself inside such a text.
_QUOTED = r"""\\"(?:[^"\\]|\\[^"])*+(?:\\")?|"(?:[^"\\]|\\.)*+"?|'[^']*+'?"""
# ?token=..., password=... in a DSN, --Session.key=..., "key": "..." in JSON, Authorization: ...
# A colon before a slash or a colon belongs to a URL, a search path or a C++ name.
_ASSIGNED = re.compile(
    rf"""((?:{_NAMES}|\bsig)[\w.-]{{0,64}}+\\?["']?\s{{0,4}}(?:=|:(?![/:]))\s{{0,4}}(?!{MASK}))"""
    rf"(?:{_QUOTED}|[^\s&;]++)",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = re.compile(r"\b((?:Proxy-)?Authorization|(?:Set-)?Cookie):[^\n\"']*+", re.IGNORECASE)
_WHOLE_HEADER = re.compile(r"([\w.-]{1,64}): .*", re.DOTALL)
_BEARER = re.compile(r"\b(Bearer)\s+[^\s\"']++", re.IGNORECASE)
_WORD = re.compile(r"\S++")
_USER = re.compile(r"://[^\s/:@]*+:")
_USER_LIKE_TOKEN = re.compile(r"(://)[^\s/:@]{16,}+@")
# Beginnings of keys of well-known services; if usual words begin so too, more must follow.
_TOKEN = re.compile(
    r"\b(?:(?:gh[opsur]_|github_pat_|gl(?:pat|rt|dt|cbt|ptt|ft|soat)-|glsa_|xox[abceoprs]-|xapp-"
    r"|[rs]k_(?:live|test)_|whsec_|AKIA|AIza|ya29\.|shp(?:at|ca|pa|ss)_|do[opr]_v1_|dckr_pat_"
    r"|nvapi-|hv[sb]\.|rubygems_|sq0(?:atp|csp)-|tskey-|PMAK-|lin_api_|ATATT)[\w.~+/=-]{6,}+"
    r"|(?:hf_|sk-|gsk_|xai-|r8_|dapi|ASIA|SG\.|pypi-|eyJ)[\w.~+/=-]{12,}+"
    r"|npm_[A-Za-z0-9]{12,}+)"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")

_TELLING = 4  # bytes of a key's beginning that are held back; fewer may match by chance


def mask_environment(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return names and values, sorted by name; secrets known by name or value are masked."""
    return tuple(
        (name, MASK if value and names_a_secret(name) else mask_text(value))
        for name, value in sorted(environment.items())
    )


def mask_arguments(argv: Iterable[str]) -> tuple[str, ...]:
    """Return a command line without passwords, after a "=" or as separate arguments."""
    shown: list[str] = []
    is_value = False
    for argument in argv:
        shown.append(MASK if is_value and not argument.startswith("-") else mask_text(argument))
        option = argument.startswith("-") and "=" not in argument
        is_value = option and names_a_secret(argument)
    return tuple(shown)


def mask_text(text: str) -> str:
    """Return `text` with the passwords in it masked: in URLs, assignments, headers and tokens."""
    text = text[:MAX_TEXT]
    if _PRIVATE_KEY.search(text):
        return MASK
    if (header := _WHOLE_HEADER.fullmatch(text)) and names_a_secret(header[1]):
        return f"{header[1]}: {MASK}"
    text = _WORD.sub(_without_password, text)
    text = _USER_LIKE_TOKEN.sub(rf"\1{MASK}@", text)
    text = _HEADER.sub(rf"\1: {MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    return _TOKEN.sub(MASK, text)


def _without_password(word: re.Match[str]) -> str:
    """Return a word without a URL's password, which is between the user and the last "@"."""
    text = word[0]
    end = text.rfind("@")
    user = _USER.search(text, 0, end) if end > 0 else None
    return f"{text[: user.end()]}{MASK}{text[end:]}" if user else text


class StreamMask:
    """Masks a connection key in data that comes in pieces, even if a cut splits the key."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._begun = b""
        """The beginning of a key that the last piece ended with, perhaps by chance."""
        self._passed = 0
        """Bytes of it that were passed on."""
        self._after_gap = False

    def skip(self) -> None:
        """Take note of a gap: the next data does not follow the last."""
        self._begun, self._passed, self._after_gap = b"", 0, True

    def feed(self, data: bytes) -> bytes:
        """Return the part that may be shown, of the bytes held back before and of `data`."""
        if not self.key or not data:
            return data
        text = self._begun + (self._without_tail(data) if self._after_gap else data)
        self._after_gap = False
        masked = text.replace(self.key, MASK.encode())
        if not masked.startswith(self._begun[: self._passed]):  # it was the key
            self._passed = 0
        begun = next((n for n in self._lengths() if masked.endswith(self.key[:n])), 0)
        shown_to = len(masked) - (begun if begun >= _TELLING else 0)
        shown = masked[self._passed : shown_to]
        self._begun = masked[len(masked) - begun :]
        self._passed = max(0, max(shown_to, self._passed) - (len(masked) - begun))
        return shown

    def _without_tail(self, data: bytes) -> bytes:
        """Return `data` without the end of a key whose beginning was skipped."""
        ends = (n for n in self._lengths() if n >= _TELLING and data.startswith(self.key[-n:]))
        length = next(ends, 0)
        return MASK.encode() + data[length:] if length else data

    def _lengths(self) -> range:
        """Return the lengths of parts of the key, the longest first."""
        return range(len(self.key) - 1, 0, -1)


def names_a_secret(name: str) -> bool:
    return name not in _FOLDERS and _SECRET_NAME.search(name) is not None
