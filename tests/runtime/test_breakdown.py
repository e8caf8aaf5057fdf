"""Where every cycle went, in sentences: what a PE does at each edge of small layers."""

import numpy as np
import pytest

from eie_backend import HardwareConfig, encode, simulate
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.machine.timing import FIRST_POP_EDGES, PIPELINE_EDGES, REFILL_EDGES

ENGINES = pytest.mark.parametrize("engine", ["event", "clock"])


def breakdown(codes, x, engine, config, bias=None):
    """Return the run and each PE's edges by category, without the zeros."""
    run = simulate(encode(codes, [0, 1], config, bias), x, config, "float32", engine=engine)
    edges = [
        {name: int(per_pe[k]) for name, per_pe in run.breakdown.items() if per_pe[k]}
        for k in range(config.num_pe)
    ]
    assert [sum(one.values()) for one in edges] == [run.cycles] * config.num_pe
    assert run.queue_occupancy.sum() == config.num_pe * run.cycles
    return run, edges


@ENGINES
def test_the_first_entry_waits_for_start_row_and_broadcast(engine):
    """Edge 1: nothing had started. 2: the row had entered. 3: the entry. Then the pipeline."""
    run, (pe,) = breakdown([[1]], [1], engine, HardwareConfig(num_pe=1))
    assert run.cycles == FIRST_POP_EDGES + 1 + PIPELINE_EDGES
    assert pe == {"scan": 2, "multiply": 1, "drain": PIPELINE_EDGES}


@ENGINES
@pytest.mark.parametrize("empty_rows", [1, 2, 7])
def test_every_row_without_a_non_zero_starves_the_pes_for_an_edge(engine, empty_rows):
    x = [0] * 2 * empty_rows + [1, 0]
    codes = np.ones((2, len(x)), np.uint8)
    _, pes = breakdown(codes, x, engine, HardwareConfig(num_pe=2))
    assert pes == [{"starved": empty_rows, "scan": 2, "multiply": 1, "drain": PIPELINE_EDGES}] * 2


@ENGINES
def test_a_row_that_enters_beside_a_broadcast_starves_nobody(engine):
    """Row 0 ends in its last position, so the empty row 1 enters at the edge of its broadcast."""
    config = HardwareConfig(num_pe=2)
    codes = np.ones((2, 6), np.uint8)
    beside = breakdown(codes, [1, 1, 0, 0, 1, 0], engine, config)[1][0]
    after = breakdown(codes, [1, 0, 0, 0, 1, 0], engine, config)[1][0]
    assert beside == {"scan": 3, "multiply": 3, "drain": PIPELINE_EDGES}
    assert after == {"scan": 3, "starved": 1, "multiply": 2, "drain": PIPELINE_EDGES}


@ENGINES
def test_an_empty_column_keeps_the_pointer_stage_for_an_edge(engine):
    config = HardwareConfig(num_pe=2)
    _, pes = breakdown([[1, 1], [0, 1]], [1, 1], engine, config)
    assert pes == [
        {"scan": 2, "multiply": 2, "drain": PIPELINE_EDGES},
        {"scan": 2, "empty_column": 1, "multiply": 1, "drain": PIPELINE_EDGES},
    ]


@ENGINES
@pytest.mark.parametrize(("zeros", "paddings"), [(15, 0), (16, 1), (31, 1), (32, 2)])
def test_a_padding_is_issued_for_every_sixteen_zeros(engine, zeros, paddings):
    _, (pe,) = breakdown([[0]] * zeros + [[1]], [1], engine, HardwareConfig(num_pe=1))
    assert pe.get("padding", 0) == paddings
    assert pe["multiply"] == 1


def slow_and_fast(columns, work):
    """Return codes with which PE 0 works for long on column 0 and PE 1 never does anything."""
    codes = np.zeros((2 * work, columns), np.uint8)
    codes[::2, 0] = 1
    codes[0, 1:] = 1
    return codes


@ENGINES
@pytest.mark.parametrize("fifo_depth", [3, 4, 8])
def test_a_queue_takes_one_column_less_than_it_has_slots(engine, fifo_depth):
    """While column 0 keeps the stage, fifo_depth - 1 columns fit; one more is held back.

    Column 0 is popped at edge 3 and column 1 at 3 + work, so the broadcast of the first column
    that does not fit, possible from edge fifo_depth + 2 on, comes at edge 4 + work.
    """
    work = 40
    config = HardwareConfig(num_pe=2, fifo_depth=fifo_depth)
    for columns, held_back in ((fifo_depth, 0), (fifo_depth + 1, work + 2 - fifo_depth)):
        run, (_, fast) = breakdown(slow_and_fast(columns, work), [1] * columns, engine, config)
        assert fast.get("waiting", 0) == held_back
        assert fast["empty_column"] == columns
        assert run.blocking.tolist() == [held_back, 0]
        assert run.queue_occupancy[fifo_depth - 1] > 0
        assert run.queue_occupancy.size == fifo_depth


@ENGINES
def test_with_two_slots_a_broadcast_comes_at_every_second_edge(engine):
    """The queue of one column is full until that column is popped, an edge after its broadcast."""
    config = HardwareConfig(num_pe=4, fifo_depth=2)
    run, pes = breakdown(np.eye(4, dtype=np.uint8), [1] * 4, engine, config)
    assert run.cycles == FIRST_POP_EDGES + 3 * REFILL_EDGES + 1 + PIPELINE_EDGES
    assert run.blocking.tolist() == [3, 3, 3, 3]
    assert pes[3] == {
        "scan": 2,
        "empty_column": 3,
        "waiting": 3,
        "multiply": 1,
        "drain": PIPELINE_EDGES,
    }


@ENGINES
def test_a_scan_that_broadcasts_nothing_only_drains(engine):
    config = HardwareConfig(num_pe=4)
    run, pes = breakdown(np.ones((4, 12), np.uint8), [0] * 12, engine, config)
    assert run.cycles == 3 + PIPELINE_EDGES
    assert pes == [{"drain": run.cycles}] * 4
    assert run.queue_occupancy.tolist() == [4 * run.cycles, 0, 0, 0, 0, 0, 0, 0]


@ENGINES
def test_the_queue_holds_each_column_from_its_broadcast_to_its_pop(engine):
    """Column 0: edge 2. Column 1 (broadcast at 3, popped at 6): edges 3 to 5; then column 2."""
    config = HardwareConfig(num_pe=1)
    codes = [[1, 1, 1], [1, 0, 0], [1, 0, 0]]
    run, (pe,) = breakdown(codes, [1, 1, 1], engine, config)
    assert pe == {"scan": 2, "multiply": 5, "drain": PIPELINE_EDGES}
    # With one PE every row has one position, so a broadcast follows at every edge: 2, 3, 4.
    pushes, pops = [2, 3, 4], [3, 6, 7]
    held = [
        sum(push <= edge < pop for push, pop in zip(pushes, pops, strict=True))
        for edge in range(1, run.cycles + 1)
    ]
    assert run.queue_occupancy.tolist() == np.bincount(held, minlength=8).tolist()


def test_every_category_can_be_reached():
    rng = np.random.default_rng(3)
    config = HardwareConfig(num_pe=4, fifo_depth=2)
    codes = (rng.random((400, 60)) < 0.02).astype(np.uint8)
    x = (rng.random(60) < 0.3).astype(np.float32)
    run = simulate(encode(codes, [0, 1], config), x, config)
    assert list(run.breakdown) == [category.name for category in CYCLE_CATEGORIES]
    assert all(edges.sum() > 0 for edges in run.breakdown.values())


def test_alex8_waits_more_than_it_starves(alex8):
    """Its load imbalance costs a tenth of the PE cycles, the scan of zeros nothing."""
    config = HardwareConfig()
    encoded = encode(alex8["codes"], alex8["codebook"], config, alex8["bias_codes"])
    run = simulate(encoded, alex8["activations"], config, "float32")
    total = {name: int(edges.sum()) for name, edges in run.breakdown.items()}
    assert total["multiply"] + total["padding"] == run.counters["entries"] == 453748
    assert sum(total.values()) == 64 * 7926
    assert total["waiting"] > 100 * (total["starved"] + total["scan"])
