"""Vectors that are alive together never overlap; a chain fits if its neighbours do."""

import re
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.codegen.act_rows import allocate_rows
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError

PE = 4


def machine(rows):
    return HardwareConfig(num_pe=PE, act_sram_bytes=2 * rows)


def rows_of(size):
    return -(-size // PE)


@st.composite
def trees(draw):
    """Return (sizes, sources, results) of layers that each read an earlier vector."""
    layers = draw(st.integers(1, 7))
    sizes = draw(st.lists(st.integers(1, 40), min_size=layers + 1, max_size=layers + 1))
    sources = [draw(st.integers(0, layer)) for layer in range(layers)]
    leaves = {layer for layer in range(layers) if layer + 1 not in sources}
    extra = draw(st.sets(st.integers(0, layers - 1)))
    return sizes, sources, draw(st.permutations(sorted(leaves | extra)))


def lifetimes(sizes, sources, results):
    """Return first and last moment of each vector; layer i runs at moment i + 1."""
    lives = []
    for vector in range(len(sizes)):
        moments = [layer + 1 for layer, source in enumerate(sources) if source == vector]
        if vector - 1 in results:
            moments.append(len(sizes))  # stored after the last layer
        lives.append((vector, max(moments, default=vector)))
    return lives


def check(sizes, sources, results, config):
    starts = allocate_rows(sizes, sources, results, config)
    spans = [(start, start + rows_of(size)) for start, size in zip(starts, sizes, strict=True)]
    assert all(start >= 0 and stop <= config.act_rows for start, stop in spans)
    lives = lifetimes(sizes, sources, results)
    for one, other in combinations(range(len(sizes)), 2):
        together = lives[one][0] <= lives[other][1] and lives[other][0] <= lives[one][1]
        apart = spans[one][1] <= spans[other][0] or spans[other][1] <= spans[one][0]
        assert apart or not together, (one, other, spans, lives)
    return starts


@given(trees())
def test_vectors_alive_together_never_overlap_in_a_large_sram(tree):
    check(*tree, machine(1024))


@given(trees(), st.integers(2, 40))
def test_vectors_alive_together_never_overlap_in_a_small_sram(tree, rows):
    try:
        check(*tree, machine(rows))
    except ModelError:
        total = sum(map(rows_of, tree[0]))
        assert total > rows


@given(st.lists(st.integers(1, 60), min_size=2, max_size=8), st.integers(-1, 2))
def test_a_chain_fits_if_and_only_if_its_neighbours_do(sizes, spare):
    need = max(rows_of(one) + rows_of(other) for one, other in pairwise(sizes))
    layers = len(sizes) - 1
    chain = (sizes, list(range(layers)), [layers - 1])
    if spare >= 0:
        check(*chain, machine(need + spare))
    else:
        with pytest.raises(ModelError, match="raise num_pe or act_sram_bytes"):
            allocate_rows(*chain, machine(max(need - 1, 1)))


def test_neighbours_lie_at_opposite_ends():
    assert allocate_rows([8, 4, 12, 4], [0, 1, 2], [2], machine(10)) == [0, 9, 0, 9]


def test_a_result_is_kept_until_the_end():
    starts = check([4, 8, 4, 8], [0, 1, 2], [0, 2], machine(5))
    assert starts[3] != starts[1]


def test_an_input_is_replaced_when_it_is_read():
    # Three rows hold a chain of five vectors of one row, and a result of the first layer.
    check([4] * 5, [0, 1, 2, 3], [0, 3], machine(3))


def test_the_message_tells_what_is_held_together():
    message = (
        "activations of 6 rows must be held together; the activation SRAM has 5: "
        "raise num_pe or act_sram_bytes"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        allocate_rows([8, 4, 12], [0, 0], [0, 1], machine(5))
