"""What of an environment and of a command line may be shown. Pure.

Rule: in doubt it is masked. A mask has one length, whatever is under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MASK = "••••"
MAX_TEXT = 8_000  # characters of a value that are looked at, and so the most that is shown of it

_NAMES = (
    r"KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|AUTH|COOKIE|SIGNATURE|DSN|PRIVATE"
    r"|JWT|BEARER|WEBHOOK|CONNECTION_?STRING|CONN_?STR"
)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_FOLDERS = frozenset(("PWD", "OLDPWD"))  # the shell's: names alike, and no secret
_QUOTED = r"""'[^']*'|"[^"]*\""""
# ?token=..., password=... in a DSN, --Session.key=...
_ASSIGNED = re.compile(
    rf"((?:{_NAMES}|\bsig)[\w.-]{{0,64}}\s?=\s?)(?:{_QUOTED}|[^\s&;]+)", re.IGNORECASE
)
_USER_AND_PASSWORD = re.compile(r"(://[^\s/:@]*:)\S*@")
_USER_LIKE_TOKEN = re.compile(r"(://)[^\s/:@]{16,}@")
_TOKEN = re.compile(
    r"\b(?:gh[opsur]_|github_pat_|glpat-|hf_|sk-|xox[abeprs]-|AKIA|ASIA|eyJ)[\w.-]{12,}"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")


def mask_environment(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return names and values, by name; what a name or a value gives away is masked."""
    return tuple(
        (name, MASK if value and _names_a_secret(name) else mask_text(value))
        for name, value in sorted(environment.items())
    )


def mask_arguments(argv: Iterable[str]) -> tuple[str, ...]:
    """Return a command line without passwords, be they behind a "=" or an argument of their own."""
    shown: list[str] = []
    is_value = False
    for argument in argv:
        shown.append(MASK if is_value and not argument.startswith("-") else mask_text(argument))
        option = argument.startswith("-") and "=" not in argument
        is_value = option and _names_a_secret(argument)
    return tuple(shown)


def mask_text(text: str) -> str:
    """Return `text` without the passwords that stand in it: of URLs, of assignments, tokens."""
    text = text[:MAX_TEXT]
    if _PRIVATE_KEY.search(text):
        return MASK
    text = _USER_AND_PASSWORD.sub(rf"\1{MASK}@", text)
    text = _USER_LIKE_TOKEN.sub(rf"\1{MASK}@", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    return _TOKEN.sub(MASK, text)


def _names_a_secret(name: str) -> bool:
    return name not in _FOLDERS and _SECRET_NAME.search(name) is not None
