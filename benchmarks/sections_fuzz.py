"""Section of the page on hostile files: text and a table of the result of ``fuzz.py``."""

from __future__ import annotations

from sections import Result, table


def fuzz(result: Result) -> str:
    """Return the number of mutations of each kind, and the worst of them."""
    kinds = result["measured"]["kinds"]
    rows = [
        [
            name,
            f"{row['mutations']:,}",
            len(row["findings"]),
            f"{row['slowest_ms']:g}",
            f"{row['memory_multiple']:g}",
            f"{row['memory_limit']:,}",
            row["seconds"],
        ]
        for name, row in sorted(kinds.items())
    ]
    head = ["files", "mutations", "findings", "slowest, ms", "memory / file", "at most", "seconds"]
    return (
        "Mutated files that were read, or refused with an error that says why. A finding is all "
        "else: a crash, another exception, more than 5 s of the processor or more memory than the "
        "stated multiple of the file, beside 16 MiB. By the machine, libFuzzer tells whole "
        "seconds: the slowest took less. [What is trusted](security.md).\n\n"
        f"{table(head, rows)}"
    )
