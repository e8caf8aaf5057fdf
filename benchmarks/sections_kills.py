"""Section of the page on killed commands."""

from __future__ import annotations

from sections import Result, table

COLUMNS = {
    "kills": "kills",
    "by the clock": "by the clock",
    "as something is written": "as something is written",
    "as results appear": "as results appear",
    "all old": "all files old",
    "torn": "some new",
    "all new": "all new",
    "unfinished files left": "unfinished files until the next run",
    "left in TMPDIR": "files left in TMPDIR",
    "faults": "faults",
}
"""Titles by what `kills` counts."""


def kills(result: Result) -> str:
    """Return the observations after kill -9, by command."""
    found = result["measured"]
    rows = [[f"`eie {name}`", *(row.get(key, 0) for key in COLUMNS)] for name, row in found.items()]
    total = sum(row["kills"] for row in found.values())
    return (
        f"{total} times kill -9 of a command's whole process group, a third each at any moment, as "
        "something is written, and as results appear; half of them where an earlier run had left "
        "its results. A fault would be a file that is neither the old one nor the new one, "
        "kept accuracies or a study that cannot be read or hold something else than they should, "
        "or a next run that does not end with the files of an undisturbed one, byte for byte. The "
        "next run also removes the unfinished files, which lie in hidden folders `.eie_part_*`; "
        "what TVM and the linker had in TMPDIR is left to the system. Where some files of a result "
        "are new and others old, each is whole, and the main one is the last to change.\n\n"
        f"{table(['', *COLUMNS.values()], rows)}"
    )
