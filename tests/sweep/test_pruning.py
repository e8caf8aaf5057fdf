"""What the analytical model may rule out, on invented designs whose truth is known."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.config import HardwareConfig
from eie_backend.recipe import Recipe
from eie_backend.sweep.bench import Outcome
from eie_backend.sweep.front import front
from eie_backend.sweep.pruning import MARGIN, Pruning
from eie_backend.sweep.space import Design
from eie_backend.sweep.spec import OBJECTIVES

DEPTHS = range(2, 14)


def designs(density=1.0):
    return [Design("m", HardwareConfig(fifo_depth=n), Recipe(density=density)) for n in DEPTHS]


def run(estimates, truth, objectives=OBJECTIVES):
    measured = {}
    while todo := Pruning(estimates, measured, objectives).next():
        assert not measured.keys() & set(todo)
        measured |= {design: truth[design] for design in todo}
    return measured


@given(st.integers(0, 2**32), st.sampled_from([OBJECTIVES, ("accuracy", "cycles")]))
def test_the_front_is_whole_while_the_model_errs_by_less_than_its_margin(seed, objectives):
    rng = np.random.default_rng(seed)
    estimates, truth = {}, {}
    for density in (0.5, 1.0):
        factor = rng.uniform(0.5, 3, 2)  # a family's own, as real networks have
        off = {value: rng.uniform(1 - MARGIN, 1, 2) for value in np.arange(10, 41) / 10}
        for design in designs(density):
            cycles, energy, area = rng.integers(10, 41, 3) / 10
            estimates[design] = Outcome(cycles=cycles, energy=energy, area=area)
            exact = cycles * factor[0] * off[cycles][0], energy * factor[1] * off[energy][1]
            truth[design] = Outcome(density, *exact, area)
    measured = run(estimates, truth, objectives)
    assert set(front(measured, objectives)) == set(front(truth, objectives))


def test_designs_that_are_surely_worse_are_not_measured():
    estimates = {d: Outcome(cycles=float(n), energy=1, area=1) for n, d in enumerate(designs(), 1)}
    truth = {d: Outcome(0.5, 2 * found.cycles, 2.0, 1.0) for d, found in estimates.items()}
    # The best, and one more to see that a worse one is beaten indeed.
    assert list(run(estimates, truth)) == designs()[:2]


def test_a_family_with_two_accuracies_is_measured_whole():
    estimates = {d: Outcome(cycles=float(n), energy=1, area=1) for n, d in enumerate(designs(), 1)}
    truth = {
        d: Outcome(0.5 + d.hardware.fifo_depth / 100, 2 * found.cycles, 2.0, 1.0)
        for d, found in estimates.items()
    }
    assert len(run(estimates, truth)) == len(designs())


def test_a_model_that_is_found_wrong_rules_nothing_out_any_more():
    first, second, third = designs()[:3]
    estimates = {first: Outcome(cycles=10, energy=1, area=1)}
    estimates |= {second: Outcome(cycles=30, energy=1, area=1)}
    estimates |= {third: Outcome(cycles=300, energy=1, area=1)}
    truth = {
        d: Outcome(0.5, cycles, 1.0, 1.0) for d, cycles in zip(estimates, (10, 1, 9), strict=True)
    }
    # The nearest of those ruled out is measured to see, and is thirty times better than modelled.
    assert list(run(estimates, truth)) == [first, second, third]


def test_a_family_has_one_accuracy():
    sizes = [{"accumulator_bits": 32}, {"codebook_bits": 5}, {"num_pe": 32}, {}]
    configs = [HardwareConfig(fifo_depth=depth, **one) for one in sizes for depth in (4, 8)]
    assert len({Design("m", config, Recipe()).family for config in configs}) == len(sizes)
    recipes = [Recipe(), Recipe(density=0.5), Recipe(bits=3)]
    assert len({Design("m", HardwareConfig(), recipe).family for recipe in recipes}) == 3
