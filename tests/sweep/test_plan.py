"""Plans depend on what was measured, and on nothing else."""

import random

import pytest

from eie_backend.sweep.bench import Outcome
from eie_backend.sweep.plan import Grid, Proposals
from eie_backend.sweep.space import Choices, Range
from eie_backend.sweep.spec import OBJECTIVES, Search

SPACE = {
    ("model",): Choices(("a", "b")),
    ("hardware", "num_pe"): Choices((2, 4, 8)),
    ("recipe", "density"): Choices((0.25, 0.5)),
}
RANGES = {
    ("model",): Choices(("a",)),
    ("hardware", "num_pe"): Range(1, 64, log=True),
    ("hardware", "fifo_depth"): Range(2, 8),
    ("recipe", "density"): Range(0.05, 0.5),
}


def measure(design):
    """Invent an outcome that depends on the design alone; some are impossible."""
    pes, density = design.hardware.num_pe, design.recipe.density
    if pes == 3:
        return Outcome(error="three PEs are too few")
    cycles = 1000 * density / pes + 10 * pes / design.hardware.fifo_depth
    return Outcome(1 - 0.1 / density, cycles, 1.0 + pes * density, float(pes))


def estimate(design):
    exact = measure(design)
    return Outcome(error=exact.error, cycles=exact.cycles / 2, energy=exact.energy, area=exact.area)


def finish(make, one_by_one=False, rng=None):
    """Follow a plan to its end, which is made anew after every outcome if `one_by_one`."""
    plan, outcomes = make(), {}
    while todo := plan.next(outcomes):
        for design in rng.sample(todo, 1) if one_by_one else todo:
            assert design.key not in outcomes
            outcomes[design.key] = measure(design)
        if one_by_one:
            plan = make()
    return plan, outcomes


def test_a_grid_is_every_combination():
    plan, outcomes = finish(lambda: Grid(SPACE, OBJECTIVES, None))
    assert len(plan.designs) == plan.total == len(outcomes) == 12
    assert {d.model for d in plan.designs} == {"a", "b"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grid(SPACE, OBJECTIVES, None),
        lambda: Grid(SPACE, OBJECTIVES, estimate),
        lambda: Proposals(RANGES, OBJECTIVES, None, Search(24, batch=6, seed=3)),
        lambda: Proposals(RANGES, ("accuracy", "cycles"), estimate, Search(24, batch=6)),
    ],
    ids=["grid", "pruned", "search", "pruned search"],
)
def test_interruptions_change_nothing(make):
    plan, outcomes = finish(make)
    again, others = finish(make, one_by_one=True, rng=random.Random(0))
    assert again.designs == plan.designs
    assert others == outcomes
    assert again.ruled_out(others) == plan.ruled_out(outcomes)


def test_a_search_stays_in_its_ranges_and_learns():
    plan, outcomes = finish(lambda: Proposals(RANGES, ("cycles",), None, Search(60, batch=10)))
    values = list(plan.designs.values())
    assert all(1 <= v["hardware", "num_pe"] <= 64 for v in values)
    assert all(isinstance(v["hardware", "fifo_depth"], int) for v in values)
    assert all(0.05 <= v["recipe", "density"] <= 0.5 for v in values)
    cycles = [outcomes[d.key].cycles for d in plan.designs if not outcomes[d.key].error]
    assert min(cycles[20:]) < min(cycles[:20])


def test_another_seed_proposes_others():
    found = [
        set(
            finish(lambda s=seed: Proposals(RANGES, OBJECTIVES, None, Search(8, seed=s)))[0].designs
        )
        for seed in (0, 1)
    ]
    assert found[0] != found[1]
