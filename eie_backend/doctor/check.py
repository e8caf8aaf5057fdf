"""`Check`: a checked property of the installation, its result, and a remedy."""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["ok", "optional", "warning", "fault"]
"""Results of a check; "optional" is a part that is not installed and not required."""


@dataclass(frozen=True)
class Check:
    """One checked property.

    Attributes
    ----------
    name : str
        The property, such as "C++ compiler".
    status : {"ok", "optional", "warning", "fault"}
    found : str
        The result, without the names of the user, the home folder and the host.
    remedy : str
        The remedy; "" if none is needed.
    """

    name: str
    status: Status
    found: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Remove private names from result and remedy."""
        object.__setattr__(self, "found", private(self.found))
        object.__setattr__(self, "remedy", private(self.remedy))


def private(text: str) -> str:
    """Replace the home folder by ~, and the user's and host's names (whole words) by USER, HOST."""
    home = Path("~").expanduser()
    if home != Path(home.anchor):
        text = text.replace(str(home), "~")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # the user of a container may have no name
        user = ""
    for name, stand_in in ((user, "USER"), (platform.node(), "HOST")):
        if name:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", stand_in, text)
    return text


def as_text(checks: Sequence[Check]) -> str:
    """Return checks as plain text in a fenced code block, for a bug report."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:8}  {check.name:{width}}  {check.found}")
        if check.remedy and check.status != "optional":
            lines.append(f"{'':8}  {'':{width}}  -> {check.remedy}")
    return "\n".join(["```text", *lines, "```", ""])
