"""Orders are permutations that even out what they measure, within the rows that a PE holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.config import HardwareConfig
from eie_backend.machine.encoding import encode
from eie_backend.tuning.row_orders import row_orders, spread

P = 4
CONFIG = HardwareConfig(num_pe=P)


def loads(work, order, config=CONFIG):
    """Return the work of every PE in every block of outputs."""
    row = np.arange(len(work))
    owner = row // config.block_values * config.num_pe + row % config.num_pe
    return np.bincount(owner, work[order].sum(axis=1))


@given(
    st.integers(1, 40), st.integers(1, 3), st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 64])
)
def test_an_order_is_a_permutation_for_any_sizes(rows, parts, seed, registers):
    config = HardwareConfig(num_pe=P, act_registers=registers)
    work = np.random.default_rng(seed).integers(0, 9, (rows, parts)).astype(np.float32)
    assert sorted(spread(work, config).tolist()) == list(range(rows))


def test_the_heaviest_rows_go_to_different_pes():
    work = np.array([[9], [0], [0], [0], [8], [0], [0], [0], [7], [6]], np.float32)
    order = spread(work, CONFIG)
    assert loads(work, np.arange(10)).tolist() == [24, 6, 0, 0]
    assert loads(work, order).tolist() == [9, 8, 7, 6]


def test_the_longest_processing_time_rule_is_within_a_third_of_even():
    rng = np.random.default_rng(0)
    for _ in range(20):
        work = rng.integers(0, 100, (64, 1)).astype(np.float32)
        even = max(work.sum() / P, work.max())
        assert loads(work, spread(work, CONFIG)).max() <= 4 / 3 * even


def test_parts_are_evened_out_apart():
    """Rows of the same work at different times: one of either kind for each PE."""
    early, late = [3, 0], [0, 3]
    work = np.array([early, early, late, late], np.float32)
    order = spread(work, HardwareConfig(num_pe=2))
    pes = [work[order][k::2].sum(axis=0).tolist() for k in range(2)]
    assert pes == [[3, 3], [3, 3]]


def test_blocks_of_outputs_share_the_work_too():
    config = HardwareConfig(num_pe=2, act_registers=2)
    work = np.arange(8, dtype=np.float32)[:, None]  # two blocks of four rows, two PEs each
    assert loads(work, spread(work, config), config).tolist() == [7, 7, 7, 7]


def test_heavy_rows_come_first_and_save_padding():
    """One heavy row after 40 empty ones on a PE takes paddings where it is, and none in front."""
    codes = np.zeros((41, 3), np.uint8)
    codes[40] = 1
    one_pe = HardwareConfig(num_pe=1)
    order = spread((codes != 0).sum(axis=1, keepdims=True).astype(np.float32), one_pe)
    before, after = (encode(c, [0, 1], one_pe).padding_entries for c in (codes, codes[order]))
    assert (before, after) == (6, 0)


def test_inputs_that_are_never_broadcast_count_only_as_weights():
    """Rows 0 and 1 are heavy, but only in an input that is always zero."""
    stored = np.zeros((4, 10), bool)
    stored[:2, :6] = True
    stored[[0, 2], 6:9] = True
    activity = np.array([0] * 6 + [1] * 4, np.float32)
    orders = row_orders(stored, activity, HardwareConfig(num_pe=2))
    assert list(orders) == ["weights", "windows"]
    split = [{int(row) for row in orders[name][::2]} for name in orders]
    assert {0, 1} not in split[:1]
    assert {0, 2} not in split[1:] and {1, 3} not in split[1:]


@pytest.mark.parametrize("activity", [0.0, 1.0])
def test_a_layer_without_weights_or_inputs_has_orders(activity):
    for stored in (np.zeros((5, 3), bool), np.ones((5, 3), bool)):
        orders = row_orders(stored, np.full(3, activity, np.float32), CONFIG)
        assert all(sorted(order.tolist()) == [0, 1, 2, 3, 4] for order in orders.values())
