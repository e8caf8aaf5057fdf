"""The common format of all results: ``benchmarks/results/NAME.json``.

- `environment`: computer, versions, date;
- `exact`: computed numbers, the same on any computer; tests compare them with the code;
- `measured`: measurements of this computer. A time is a `Timing`: median, quartiles and
  repetitions, in milliseconds. A ratio is one of medians of calls that took turns in this run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from environment import environment
from measure import Timing

from eie_backend.files.whole_file import write_whole

RESULTS = Path(__file__).parent / "results"
DATA = Path(__file__).parents[2] / "shared" / "data"
ALEX8, MNIST = DATA / "alex8" / "alex8.npz", DATA / "mnist" / "mnist.npz"
"""Paths of data that cannot be shipped, next to the checkout."""


def record(name: str, exact: Mapping[str, object], measured: Mapping[str, object]) -> None:
    """Print a result and write it."""
    result = {"environment": environment(), "exact": exact, "measured": measured}
    text = json.dumps(_plain(result), indent=2) + "\n"
    print(text, end="")
    write_whole(RESULTS / f"{name}.json", text.encode())


def _plain(value: Any) -> Any:
    """Convert a value to JSON-compatible data; a timing becomes an object, not a list."""
    if isinstance(value, Timing):
        return value._asdict()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
