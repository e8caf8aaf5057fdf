"""Bit flips in the shipped LeNets: accuracy, and silently wrong answers.

``python benchmarks/soft_errors.py`` writes ``benchmarks/results/soft_errors.json``, and the tables
and pictures of docs/soft_errors.md (six minutes). It does the same as ``eie faults`` on both
networks with all protections and the settings of `NETWORKS` and `RATES`. All counts are exact: the
same on any computer.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from functools import cache
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from eie_backend.cli.demo import digits
from eie_backend.machine.choices import PROTECTION, UNIT, Protection, Unit
from eie_backend.show.drawing import rendered
from eie_backend.soft_errors import Campaign, FaultRow
from eie_backend.soft_errors.picture import draw_faults
from eie_backend.soft_errors.shipped import BATCH, shipped_runner

sys.path.insert(0, str(Path(__file__).parent))
from record import record
from sections_soft_errors import soft_errors

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "soft_errors.md"
TABLES = re.compile(
    r"(<!-- from benchmarks/results/soft_errors.json -->\n).*(<!-- end -->)", re.DOTALL
)


class Setting(NamedTuple):
    """The extent of a network's runs; LeNet-5 is slow because of its convolutions."""

    digits: int
    trials: int


NETWORKS = {"lenet_300_100": Setting(500, 20), "lenet_5": Setting(100, 5)}
RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)


def main() -> None:
    """Run all trials, print, draw and write them."""
    exact, seconds = {}, {}
    for network, setting in NETWORKS.items():
        start = perf_counter()
        made = campaign(network)
        rows = [
            trials(network, unit, protection, rate)
            for protection, unit, rate in product(PROTECTION.values, UNIT.values, RATES)
        ]
        seconds[network] = round(perf_counter() - start)
        costs = [asdict(one) for one in made.costs(PROTECTION.values)]
        exact[network] = {
            "accuracy": made.accuracy,
            **setting._asdict(),
            "costs": costs,
            "rows": [plain(row) for row in rows],
        }
        accuracy = made.accuracy
        picture = rendered(lambda: draw_faults(rows, accuracy), "svg")  # noqa: B023
        (DOCS / "images" / f"soft_errors_{network}.svg").write_bytes(picture)
    record("soft_errors", exact, {"seconds": seconds})
    PAGE.write_text(with_tables(PAGE.read_text("utf-8"), exact), "utf-8")


def with_tables(page: str, exact: dict[str, object]) -> str:
    """Return the page with the tables of a result."""
    text = soft_errors({"exact": exact})
    return TABLES.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page)


@cache
def campaign(network: str) -> Campaign:
    """Return a shipped network with the first shipped digits."""
    images, labels = digits()
    count = NETWORKS[network].digits
    return Campaign(shipped_runner(network, images[:BATCH]), images[:count], labels[:count])


def trials(network: str, unit: Unit, protection: Protection, rate: float) -> FaultRow:
    """Return the effects on the answers."""
    return campaign(network).at_rate(unit, protection, rate, NETWORKS[network].trials)


def plain(row: FaultRow) -> dict[str, object]:
    """Return a row as JSON-compatible data."""
    found: dict[str, object] = json.loads(json.dumps(asdict(row)))
    return found


if __name__ == "__main__":
    main()
