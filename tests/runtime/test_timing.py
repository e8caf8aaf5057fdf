"""Cycles and counters of a scan against a stepped model and the authors' simulator."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import random_config, random_matrix, run_matrix

from eie_backend.config import HardwareConfig
from eie_backend.machine.encoding import encode
from eie_backend.machine.timing import PIPELINE_EDGES
from eie_backend.runtime import runtime

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    runtime()


@pytest.mark.parametrize(("fifo_depth", "cycles"), [(2, 10194), (8, 7926), (16, 7794)])
def test_alex8_equals_the_authors_simulator(alex8, fifo_depth, cycles):
    config = HardwareConfig(fifo_depth=fifo_depth)
    matrix = encode(alex8["codes"], alex8["codebook"], config, alex8["bias_codes"])
    out, counters = run_matrix(config, matrix, alex8["activations"])
    assert counters["cycles"] == cycles
    assert counters["ptr_reads"] == 112640
    assert counters["spmat_reads"] == 100900
    assert counters["entries"] == 453748
    assert out.tobytes() == alex8["output_float32"].tobytes()


def stepped_scan(config, matrix, active):
    """Step the machine of the microarchitecture page edge by edge; return its counters."""
    num_pe = config.num_pe
    lengths = np.diff(matrix.pointers.astype(np.int64), axis=1)
    rows = [
        [r * num_pe + k for k in range(num_pe) if r * num_pe + k < matrix.cols]
        for r in range(-(-matrix.cols // num_pe))
    ]
    scan = [[(c % num_pe, c) for c in row if active[c]] for row in rows]
    if matrix.has_bias_column:
        scan.append([(0, matrix.cols)])
    queues = [deque() for _ in range(num_pe)]
    issuing = [(0, 0)] * num_pe  # next entry, entries left
    held = [None] * num_pe
    counters = dict.fromkeys(
        ("broadcasts", "ptr_reads", "spmat_reads", "entries", "padding_entries"), 0
    )
    entered, waiting, pending = 1, scan[1:], list(scan[0])
    last_issue, edge = None, 1
    mask = (1 << config.codebook_bits) - 1
    base = np.concatenate([[0], np.cumsum(matrix.entries_per_pe.astype(np.int64))])
    while True:
        edge += 1
        full = any(len(queue) == config.fifo_depth - 1 for queue in queues)
        for k, queue in enumerate(queues):  # pops see what was pushed before this edge
            at, left = issuing[k]
            if not left and queue:
                column = queue.popleft()
                counters["ptr_reads"] += 1
                at, left = int(matrix.pointers[k, column]), int(lengths[k, column])
            if left:
                word = at // config.entries_per_word
                counters["spmat_reads"] += word != held[k]
                held[k] = word
                counters["entries"] += 1
                counters["padding_entries"] += int(matrix.entries[base[k] + at] & mask == 0)
                last_issue = edge
                at, left = at + 1, left - 1
            issuing[k] = at, left
        broadcast = None
        if pending and edge > entered and not full:
            broadcast = pending.pop(0)
            counters["broadcasts"] += 1
            for queue in queues:
                queue.append(broadcast[1])
        row_done = not pending and (broadcast is None or broadcast[0] == num_pe - 1)
        if row_done and waiting:
            entered, pending = edge, list(waiting.pop(0))
        elif not (waiting or pending or any(queues) or any(left for _, left in issuing)):
            break
    counters["cycles"] = (entered if last_issue is None else last_issue) + PIPELINE_EDGES
    return counters


def check_timing(config, matrix, x):
    _, counters = run_matrix(config, matrix, x)
    expected = stepped_scan(config, matrix, x != 0)
    assert {name: counters[name] for name in expected} == expected


@settings(max_examples=300)
@given(seed=seeds)
def test_timing_equals_the_machine_stepped_edge_by_edge(seed):
    rng = np.random.default_rng(seed)
    config = random_config(rng)
    rows, cols = rng.integers(1, [400, 80])
    matrix = random_matrix(rng, config, rows, cols, True)
    active = rng.random(cols) < rng.choice([0.0, 0.05, 0.4, 1.0])
    check_timing(config, matrix, active.astype(np.float32))


@pytest.mark.parametrize("num_pe", [1, 3])
@pytest.mark.parametrize("x", [[0.0] * 7, [0.0, 0, 0, 0, 0, 0, 1], [1.0] * 7])
@pytest.mark.parametrize("bias", [None, [0, 1], [0, 0]])
def test_timing_of_empty_columns_and_rows(num_pe, x, bias):
    codes = np.zeros((2, 7), np.uint8)
    codes[1, 2] = 1
    config = HardwareConfig(num_pe=num_pe, fifo_depth=2)
    check_timing(config, encode(codes, [0, 1], config, bias), np.array(x, np.float32))


def test_a_scan_without_an_entry_takes_its_last_row_and_the_pipeline():
    config = HardwareConfig(num_pe=4)
    matrix = encode(np.ones((4, 12), np.uint8), [0, 1], config)
    _, counters = run_matrix(config, matrix, np.zeros(12, np.float32))
    assert counters["cycles"] == 3 + PIPELINE_EDGES


# Transfers, layers and batches
