"""Section of the page on models of strangers."""

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
