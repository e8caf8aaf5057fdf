"""Section of the page on memory over months."""

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
