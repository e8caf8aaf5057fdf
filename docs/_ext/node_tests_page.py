"""Writes ``docs/onnx_node_tests.md`` from what becomes of ONNX's node tests.

``python docs/_ext/node_tests_page.py`` rewrites it in the checkout; ``--check`` only compares and
exits with 1 if it is out of date.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "onnx_node_tests.md"
OUTCOMES = ROOT / "tests" / "conformance" / "node_outcomes.yaml"
COMMAND = "python docs/_ext/node_tests_page.py"
FEW = 6
"""Names of refused tests that a row has; more are counted."""

HEAD = """# ONNX's node tests

<!-- Generated from tests/conformance/node_outcomes.yaml by `{command}`; do not edit. -->

The `onnx` package has tests of its operators, each a small model with inputs and results. All of
them, but those that spell out a function's body once more, are compiled beside a dense layer of the
machine and run: with their inputs as inputs; where the model is refused so, with all but the first
as constants; else with all as constants.

| outcome | tests |
|---|---|
| right | {right} |
| as ONNX Runtime, which differs from the test | {as_runtime} |
| wrong, a traceback or a signal | {worse} |
| refused by a sentence | {refused} |

*Right* are shape, dtype and values, within 0.1 % and 0.00001; models in half precision are computed
in float32, and say so. A test holds each outcome true: some on each change, all at night.
`eie_backend.onnx_backend` is ONNX's own interface for such tests, so that its `BackendTest` runs:
[ONNX's backend interface](api.md#onnxs-backend-interface).

Not as the test, but as ONNX Runtime: {names}. There, a scale makes an axis no whole number long:
ONNX Runtime aligns its last place with that of the input, the test what the number says.

## Refused

| why | tests |
|---|---|
"""


def page(outcomes: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    counts: dict[str, int] = defaultdict(int)
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, outcome in outcomes.items():
        kind = outcome if isinstance(outcome, str) else "refused"
        counts[kind] += 1
        if kind == "refused":
            reasons[outcome["refused"]].append(name.removeprefix("test_"))
    known = ("right", "as_runtime", "refused")
    worse = sum(number for kind, number in counts.items() if kind not in known)
    names = ", ".join(f"`{name}`" for name, kind in outcomes.items() if kind == "as_runtime")
    head = HEAD.format(command=COMMAND, worse=worse, names=names, **{k: counts[k] for k in known})
    rows = sorted(reasons.items(), key=lambda row: (-len(row[1]), row[0]))
    return head + "".join(f"| {_cell(why)} | {_told(tests)} |\n" for why, tests in rows)


def _cell(text: str) -> str:
    for mark in "\\|*<>_[]`":
        text = text.replace(mark, f"\\{mark}")
    return text


def _told(tests: list[str]) -> str:
    told = ", ".join(f"`{name}`" for name in tests[:FEW])
    return f"{told} and {len(tests) - FEW} more" if len(tests) > FEW else told


def main() -> int:
    """Write or compare the page."""
    made = page(yaml.safe_load(OUTCOMES.read_text("utf-8")))
    if "--check" not in sys.argv:
        PAGE.write_text(made, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != made:
        print(f"docs/onnx_node_tests.md is out of date; run `{COMMAND}`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
