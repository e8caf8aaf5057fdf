"""Times with spread, energy, fits and break-even densities."""

import numpy as np
import pytest
from growth import fit
from measure import Timing, joules, timings
from scipy.stats import linregress
from sparse_pays import agree, crossing

from eie_backend.workloads import LayerShape, generate


def test_a_timing_is_median_and_quartiles_in_milliseconds():
    assert Timing.of([0.001, 0.005, 0.003, 0.002, 0.004]) == (3.0, 2.0, 4.0, 5)


def test_a_single_repetition_has_no_spread():
    assert Timing.of([0.25]) == (250.0, 250.0, 250.0, 1)


def test_a_share_of_a_batch_keeps_the_repetitions():
    assert Timing(64.0, 32.0, 128.0, 7).per(64) == (1.0, 0.5, 2.0, 7)


def test_calls_take_turns_after_one_that_is_not_timed():
    seen, clock = [], iter(range(100))
    calls = {name: lambda name=name: seen.append(name) for name in "ab"}
    found = timings(calls, 2, clock=lambda: next(clock))
    assert "".join(seen) == "ababab"
    assert found == dict.fromkeys("ab", (1000.0, 1000.0, 1000.0, 2))


def test_energy_is_the_counters_difference_per_call(tmp_path):
    counter = tmp_path / "energy_uj"
    counter.write_text("1000000")

    def call():
        counter.write_text(str(int(counter.read_text()) + 2_000_000))

    assert joules(call, counter, seconds=0) == pytest.approx(2.0)


def test_energy_that_cannot_be_read_is_none(tmp_path):
    assert joules(lambda: None, tmp_path / "none") is None


def test_a_fit_has_scipys_slope_and_standard_error():
    x = [1, 4, 16, 64, 256]
    y = [3.1, 5.9, 12.4, 23.0, 49.0]
    found, expected = fit(x, y), linregress(np.log(x), np.log(y))
    assert found["exponent"] == pytest.approx(expected.slope, abs=5e-4)
    assert found["standard_error"] == pytest.approx(expected.stderr, abs=5e-4)
    assert found["factor"] == pytest.approx(np.exp(expected.intercept), rel=1e-3)


def test_break_even_is_where_the_line_between_logarithms_crosses_one():
    assert crossing([0.01, 0.1, 1.0], [0.1, 0.1, 10.0]) == pytest.approx(0.3162)
    assert crossing([0.01, 0.1], [0.1, 0.9]) is None
    assert crossing([0.01, 0.1], [1.5, 9.0]) == 0.0


def test_a_wrong_product_is_found():
    layer = generate(LayerShape("small", 64, 32, 0.25, 0.5))
    x = layer.activations[None]
    right = (layer.weights() @ layer.activations)[None]
    agree(layer, x, {"right": lambda: right})
    with pytest.raises(AssertionError, match="small: wrong disagrees"):
        agree(layer, x, {"wrong": lambda: right + np.float32(1e-3)})
