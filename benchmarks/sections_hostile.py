"""Sections of the page on models of strangers and on Ctrl-C."""

from __future__ import annotations

from sections import Result, table


def hostile(result: Result) -> str:
    """Return what came of hostile models by command, and of hostile indices by operator."""
    found = result["exact"]
    by_command = [[f"`eie {name}`", *row.values()] for name, row in found["commands"].items()]
    by_operator = [[name, *row.values()] for name, row in found["indices"].items()]
    return (
        "Models whose constants point outside of what they index, ask for sizes that nobody has, "
        "divide by zero or have another rank, each in every command that opens a model. Accepted "
        "is what ONNX itself gives a meaning (an index from the end, a box beside its image); a "
        "fault would be more than one line, another exit code than 0 and 2, or a file that is left "
        f"by a command that refuses.\n\n{table(['', *_head(found['commands'])], by_command)}\n\n"
        "Indices that are inputs of a compiled library, half of them with one outside, against "
        f"NumPy:\n\n{table(['', *_head(found['indices'])], by_operator)}"
    )


def _head(rows: Result) -> list[str]:
    (first, *_) = rows.values()
    return [str(name) for name in first]


def interrupts(result: Result) -> str:
    """Return the observations after Ctrl-C, by command."""
    found = result["measured"]
    rows = [
        [f"`eie {name}`", row["interrupts"], row["too_late"], row["slowest_seconds"], row["faults"]]
        for name, row in found.items()
    ]
    head = ["", "interrupts", "had ended by itself", "slowest end, s", "faults"]
    return (
        "SIGINT to a command's whole process group at any moment, workers and linker included, two "
        "commands at once. A fault would be another exit code than 130, another line than "
        "`eie: interrupted; no file was left half-written`, an unfinished file, or a "
        "command that goes on.\n\n"
        f"{table(head, rows)}"
    )
