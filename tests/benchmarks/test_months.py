"""What calls may leave in memory, over a few hundred; `benchmarks/months.py` makes 100,000."""

import months
import pytest

MOST_BYTES = {"runs of a file": 10_000, "imports and compilations": 20_000}
"""Most memory left by a call: a kept library would be 478,000, a kept class of mutators 8,000 and
142,000 those of a compilation; what comes and goes is about 1,000."""


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("runs of a file", 150),
        pytest.param("imports and compilations", 60, marks=pytest.mark.nightly),
    ],
)
def test_memory_is_flat(name, count):
    first, *_, last = months.curves({name: count})[name]["resident_bytes"]
    assert last - first < count * MOST_BYTES[name]


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["runs of a file", "calls of a Runner"])
def test_memory_is_flat_for_long(name):
    found = months.curves({name: months.COUNTS[name]})[name]["resident_bytes"]
    assert max(found) - found[0] < 5_000_000


@pytest.mark.nightly
def test_compiling_keeps_no_memory_for_long():
    name = "imports and compilations"
    found = months.curves({name: months.COUNTS[name]})[name]["resident_bytes"]
    assert max(found) - found[0] < 5_000_000
