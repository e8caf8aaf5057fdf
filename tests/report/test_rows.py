"""Rows of a graph: all edges go down, no two nodes are in one place, no edge runs through one."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eie_backend.report.rows import arrange


@st.composite
def graphs(draw):
    """Return names and edges from earlier names to later ones."""
    count = draw(st.integers(1, 12))
    ends = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = {(min(pair), max(pair)) for pair in draw(st.lists(ends)) if pair[0] != pair[1]}
    return [f"n{at}" for at in range(count)], [(f"n{a}", f"n{b}") for a, b in sorted(edges)]


@given(graphs())
def test_edges_go_down_and_pass_by_the_nodes(graph):
    names, edges = graph
    places, paths = arrange(names, edges)
    assert list(places) == names
    for (source, target), path in zip(edges, paths, strict=True):
        assert (path[0], path[-1]) == (places[source], places[target])
        rows = [row for _, row in path]
        assert rows == list(range(rows[0], rows[-1] + 1))
    stops = [at for path in paths for at in path[1:-1]]
    taken = sorted([*places.values(), *stops], key=lambda at: (at[1], at[0]))
    for (left, row), (right, other) in pairwise(taken):
        assert row != other or right - left > 0.999


def test_a_chain_is_straight():
    places, _ = arrange("abc", [("a", "b"), ("b", "c")])
    assert places == {"a": (0, 0), "b": (0, 1), "c": (0, 2)}


def test_a_cycle_shares_a_row():
    """Operators of a layer are one node, and what runs between them both reads and feeds it."""
    places, _ = arrange("abcd", [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")])
    assert [places[name][1] for name in "abcd"] == [0, 1, 1, 2]
