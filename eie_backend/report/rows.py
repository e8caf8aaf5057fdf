"""Layered drawing of a directed graph: nodes in rows, so that all edges go down.

Source: Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures" (1981): rows by generation, dummy nodes of long edges in the rows between, order by the
mean position of the neighbours.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

import networkx as nx

Place: TypeAlias = tuple[float, float]
"""Column (may be fractional) and row, both from 0."""

SWEEPS = 12


def arrange(
    names: Sequence[str], edges: Sequence[tuple[str, str]]
) -> tuple[dict[str, Place], list[list[Place]]]:
    """Return the position of each node, and the positions through which each edge goes.

    A node's row is its topological generation; nodes of a cycle share a row. An edge that crosses
    other rows has a position in each of them, so that it does not run through a node.

    Examples
    --------
    >>> places, paths = arrange("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    >>> [places[name][1] for name in "abc"], [len(path) for path in paths]
    ([0, 1, 2], [2, 2, 3])
    """
    row = _generations(names, edges)
    graph = nx.Graph()
    graph.add_nodes_from(names)
    routes: list[list[Hashable]] = []
    for number, (source, target) in enumerate(edges):
        stops = [(number, between) for between in range(row[source] + 1, row[target])]
        row.update((stop, stop[1]) for stop in stops)
        routes.append([source, *stops, target])
        nx.add_path(graph, routes[-1])
    column = _columns(graph, row)
    places = {node: (column[node], row[node]) for node in graph}
    return {name: places[name] for name in names}, [[places[at] for at in path] for path in routes]


def _generations(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[Hashable, int]:
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(edges)
    parts = nx.condensation(graph)
    return {
        name: row
        for row, generation in enumerate(nx.topological_generations(parts))
        for part in generation
        for name in parts.nodes[part]["members"]
    }


def _columns(graph: nx.Graph, row: dict[Hashable, int]) -> dict[Hashable, float]:
    """Return columns, at least 1 apart within a row and each near the mean of its neighbours."""
    rows: list[list[Hashable]] = [[] for _ in range(max(row.values(), default=-1) + 1)]
    for node in graph:
        rows[row[node]].append(node)
    column = {node: float(at) for members in rows for at, node in enumerate(members)}
    for sweep in range(SWEEPS):
        for members in rows if sweep % 2 == 0 else reversed(rows):
            wanted = {
                node: _mean([column[n] for n in graph[node]] or [column[node]]) for node in members
            }
            members.sort(key=wanted.__getitem__)
            taken: list[float] = []
            for node in members:
                taken.append(max([wanted[node], *(at + 1 for at in taken[-1:])]))
            shift = _mean([wanted[node] - at for node, at in zip(members, taken, strict=True)])
            column.update((node, at + shift) for node, at in zip(members, taken, strict=True))
    left = min(column.values(), default=0.0)
    return {node: at - left for node, at in column.items()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
