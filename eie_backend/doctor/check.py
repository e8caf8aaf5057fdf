"""`Check`: what was looked at, what was found, and what to do about it."""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["ok", "optional", "warning", "fault"]
"""Optional: a part that is not installed, and need not be."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What, "C++ compiler".
    status : {"ok", "optional", "warning", "fault"}
    found : str
        What was found; without the names of the user, the home folder and the host.
    remedy : str
        What to do; "" if there is nothing to do.
    """

    name: str
    status: Status
    found: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Leave out what nobody wants to publish."""
        object.__setattr__(self, "found", private(self.found))
        object.__setattr__(self, "remedy", private(self.remedy))


def private(text: str) -> str:
    """Return text with ~, USER and HOST for the home folder, and for names as whole words."""
    home = Path("~").expanduser()
    if home != Path(home.anchor):
        text = text.replace(str(home), "~")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = ""
    for name, stand_in in ((user, "USER"), (platform.node(), "HOST")):
        if name:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", stand_in, text)
    return text


def as_text(checks: Sequence[Check]) -> str:
    """Return checks as plain lines within the fence of a code block, for a bug report."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:8}  {check.name:{width}}  {check.found}")
        if check.remedy and check.status != "optional":
            lines.append(f"{'':8}  {'':{width}}  -> {check.remedy}")
    return "\n".join(["```text", *lines, "```", ""])
