"""Sections of the page on memory over months and on Ctrl-C."""

from __future__ import annotations

from sections import Result, table


def months(result: Result) -> str:
    """Return the memory of processes that do the same again and again."""
    rows = []
    for name, row in result["measured"].items():
        megabytes = [f"{size / 1e6:.1f}" for size in row["resident_bytes"]]
        rows.append([f"{row['calls']:,} {name}", " ".join(megabytes), f"{grown(row) / 1e6:.1f}"])
    return (
        "LeNet-300-100, one digit a run; its last two layers are compiled. Resident memory of a "
        "process of its own, without garbage and what malloc could give back: before the calls, "
        "and after each tenth of them. TVM keeps nothing of a compilation; what it would keep are "
        "libraries (`load_module`, so they are loaded without it) and the class of every object "
        "that it was given (so no pass makes classes of its own).\n\n"
        f"{table(['calls', 'resident MB', 'most more, MB'], rows)}"
    )


def grown(row: Result) -> int:
    """Return by how many bytes the memory grew at most."""
    first, *others = row["resident_bytes"]
    return int(max(others)) - int(first)


def interrupts(result: Result) -> str:
    """Return how commands end that are interrupted."""
    rows = [
        [f"`eie {name}`", row["interrupts"], row["faults"], row["slowest_seconds"], row["too_late"]]
        for name, row in result["measured"].items()
    ]
    head = ["", "Ctrl-C", "faults", "slowest end, s", "too late"]
    return (
        "SIGINT to a command's process group, workers and linker included, at random moments from "
        "the first line of its own code on; before that, for the 20 to 40 ms in which Python "
        "starts, Python itself ends it. A fault would be another exit code than 130, more or less "
        "than the one line, an unfinished file, or a command that goes on. Too late: it had ended."
        f"\n\n{table(head, rows)}"
    )
