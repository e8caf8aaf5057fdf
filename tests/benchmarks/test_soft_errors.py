"""The committed trials of soft errors: what the code gives now, and what the page shows."""

import json
from pathlib import Path

import pytest
import soft_errors

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture(scope="module")
def exact():
    return json.loads((RESULTS / "soft_errors.json").read_text("utf-8"))["exact"]


@pytest.mark.parametrize(
    ("unit", "protection", "rate"),
    [
        ("codebook", "none", 1e-2),
        ("spmat", "none", 1e-4),
        ("ptr", "secded", 1e-2),
        ("act", "none", 1e-3),
        ("act_queue", "parity", 1e-6),
    ],
)
def test_trials_are_repeated(unit, protection, rate, exact):
    (row,) = (
        row
        for row in exact["lenet_300_100"]["rows"]
        if (row["unit"], row["protection"], row["rate"]) == (unit, protection, rate)
    )
    found = soft_errors.trials("lenet_300_100", unit, protection, rate)
    assert soft_errors.plain(found) == row


def test_what_the_networks_are_run_with(exact):
    for network, setting in soft_errors.NETWORKS.items():
        assert exact[network].items() >= setting._asdict().items()
        assert len(exact[network]["rows"]) == 3 * 5 * len(soft_errors.RATES)


def test_the_page_has_the_tables(exact):
    page = soft_errors.PAGE.read_text("utf-8")
    assert page == soft_errors.with_tables(page, exact)
    assert "| act_queue |" in page
    for network in soft_errors.NETWORKS:
        assert f"images/soft_errors_{network}.svg" in page
