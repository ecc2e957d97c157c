"""Tells whether logind ends the user's processes at logout, even detached ones; logind.conf(5)."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable
from pathlib import Path

ETC, RUN, LIB = Path("/etc/systemd"), Path("/run/systemd"), Path("/usr/lib/systemd")
LINGER = Path("/var/lib/systemd/linger")
CGROUP = Path("/proc/self/cgroup")
ADVICE = (
    "this host ends your processes at logout (KillUserProcesses=yes), kernels as well; to "
    "keep them: loginctl enable-linger; systemd-run --user --scope kerneltui"
)

_SETTING = re.compile(r"^[ \t]*+KillUserProcesses\s*=\s*(\S*)", re.MULTILINE)
_YES = frozenset({"yes", "true", "on", "1"})


def logout_warning() -> str:
    """Return a warning for the user that kernels end at logout; "" if they are kept."""
    kills = kills_at_logout(_texts())
    return ADVICE if kills and not is_kept(_read(CGROUP), LINGER / getpass.getuser()) else ""


def kills_at_logout(texts: Iterable[str]) -> bool:
    """Tell whether processes end at logout. `texts`: of the files; later ones overrule."""
    found = [value for text in texts for value in _SETTING.findall(text)]
    return bool(found) and found[-1].lower() in _YES


def is_kept(cgroup: str, linger: Path) -> bool:
    """Tell whether our processes outlive the session, as those of a lingering user manager do."""
    return "/user@" in cgroup and linger.exists()


def _texts() -> list[str]:
    """Return the configuration's texts: the main file, then the drop-ins by their names."""
    drop_ins = {
        path.name: path
        for folder in (LIB, RUN, ETC)  # if several have one name, the last counts
        for path in (folder / "logind.conf.d").glob("*.conf")
    }
    return [_read(path) for path in (ETC / "logind.conf", *map(drop_ins.get, sorted(drop_ins)))]


def _read(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_text("utf-8", "replace")
    except OSError:
        return ""
