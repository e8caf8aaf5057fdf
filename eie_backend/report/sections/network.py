"""The section on the network: its graph, with where each operator ran and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from plotly import graph_objects as go

from eie_backend.compiler.model_record import Node
from eie_backend.report.content import Choice, Figure, Note, Section
from eie_backend.report.plots import BLUE, GREY, ORANGE, plain, plain_data, short
from eie_backend.report.rows import Place, arrange
from eie_backend.report.run import NO_RECORD, Run
from eie_backend.report.section import ReportSection
from eie_backend.show.quantities import number

LOOKS = {
    "machine": ("on the machine", BLUE, "square"),
    "host": ("on the host", ORANGE, "circle"),
    "folded": ("folded when compiling", GREY, "diamond"),
    "": ("input or result", GREY, "triangle-down-open"),
}
"""Name, colour and shape of a node, by where it runs."""

ROW_PX, COLUMN_PX = 46, 200
TOOLTIP_CHARACTERS = 60


@dataclass(frozen=True)
class Box:
    """A node of the picture: one operator, or all operators of a layer."""

    name: str
    nodes: tuple[Node, ...]

    @property
    def runs_on(self) -> str:
        """Where it runs."""
        return self.nodes[0].runs_on

    @property
    def label(self) -> str:
        """The text next to the box."""
        first = self.nodes[0]
        return first.name if first.layer or not first.runs_on else first.operator


def network(run: Run) -> Section:
    """Return the graph, one node for all operators of a layer."""
    if run.record is None:
        what = "what ran where, and why"
        return Section("network", SECTION.title, "", (Note(NO_RECORD.format(what=what)),))
    nodes = run.record.nodes
    count = Counter(node.runs_on for node in nodes if node.runs_on)
    lead = f"Of {sum(count.values())} operators, {count['machine']} run on the machine"
    lead += f", as {len(run.layers)} layers" if run.layers else ""
    lead += f", and {count['host']} on the host."
    if count["folded"]:
        lead += f" {count['folded']} are computed when compiling, or became part of others."
    traces, layout, width = draw(nodes, run)
    reasons = Counter(node.reason for node in nodes if node.runs_on == "host")
    caption = "Data flow from top to bottom."
    if reasons:
        reason, times = reasons.most_common(1)[0]
        often = f", {times} times" if times > 1 else ""
        caption += f" The most frequent reason to stay on the host{often}: {reason}."
    figure = Figure(
        id="network-figure",
        label="Graph of the network's operators by where they run",
        caption=caption,
        choices=[Choice("", traces, layout, numbers(nodes))],
        min_width=width,
    )
    return Section("network", SECTION.title, lead, (figure,))


def numbers(nodes: Iterable[Node]) -> list[list[str]]:
    """Return the operators, one per row."""
    head = ["operator", "kind", "shape of its result", "runs on", "layer", "reason"]
    rows = [
        [node.name, node.operator, shape(node), node.runs_on, node.layer, node.reason]
        for node in nodes
    ]
    return [head, *rows]


def shape(node: Node) -> str:
    """Return the shape of a node's result."""
    return " x ".join(map(str, node.shape))


def boxes(nodes: Iterable[Node]) -> dict[str, Box]:
    """Return the box of each node, by the node's name."""
    together: dict[str, list[Node]] = {}
    for node in nodes:
        together.setdefault(f"layer {node.layer}" if node.layer else node.name, []).append(node)
    made = [Box(name, tuple(members)) for name, members in together.items()]
    return {node.name: box for box in made for node in box.nodes}


def draw(nodes: Sequence[Node], run: Run) -> tuple[list[Any], dict[str, Any], int]:
    """Return traces, layout and the width in pixels that the labels need."""
    box_of = boxes(nodes)
    all_boxes = {box.name: box for box in box_of.values()}
    edges = dict.fromkeys(
        (box_of[source].name, box_of[node.name].name)
        for node in nodes
        for source in node.inputs
        if source in box_of and box_of[source] is not box_of[node.name]
    )
    places, paths = arrange(list(all_boxes), list(edges))
    traces = [_edges(paths)]
    for runs_on in LOOKS:
        if shown := [box for box in all_boxes.values() if box.runs_on == runs_on]:
            traces.append(_boxes(runs_on, shown, places, run))
    columns, rows = (max(at[axis] for at in places.values()) for axis in (0, 1))
    layout = {
        "height": 70 + ROW_PX * (int(rows) + 1),
        "xaxis": {"visible": False, "range": [-0.2, columns + 1]},
        "yaxis": {"visible": False, "range": [rows + 0.5, -0.5]},
        "margin": {"l": 8, "r": 8, "t": 40, "b": 8},
    }
    return traces, layout, int(COLUMN_PX * (columns + 1))


def _edges(paths: Sequence[Sequence[Place]]) -> dict[str, Any]:
    ends: list[tuple[float | None, float | None]] = []
    for path in paths:
        ends += [*path, (None, None)]
    line = go.Scatter(
        x=[x for x, _ in ends],
        y=[y for _, y in ends],
        mode="lines",
        line={"color": GREY, "width": 1.2},
        hoverinfo="skip",
        showlegend=False,
    )
    return plain_data(line)


def _boxes(
    runs_on: str, shown: Sequence[Box], places: Mapping[str, Place], run: Run
) -> dict[str, Any]:
    name, color, symbol = LOOKS[runs_on]
    marks = go.Scatter(
        x=[places[box.name][0] for box in shown],
        y=[places[box.name][1] for box in shown],
        name=name,
        mode="markers+text",
        text=[_label(box, run) for box in shown],
        textposition="middle right",
        marker={"color": color, "size": 13, "symbol": symbol, "line": {"width": 1, "color": GREY}},
        customdata=[_tooltip(box, run) for box in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return plain_data(marks)


def _label(box: Box, run: Run) -> str:
    text = plain(short(box.label))
    cycles = _cycles(box, run)
    return f"{text}, {cycles}" if cycles else text


def _cycles(box: Box, run: Run) -> str:
    layer = box.nodes[0].layer
    cycles = run.cycles_of(layer) if layer else 0
    return f"{number(cycles)} cycles" if cycles else ""


def _tooltip(box: Box, run: Run) -> str:
    first, last = box.nodes[0], box.nodes[-1]
    operators = " + ".join(node.operator for node in box.nodes)
    lines = [f"<b>{plain(first.layer or first.name)}</b>", plain(_wrapped(operators))]
    if last.shape:
        lines.append(plain(f"result {shape(last)}"))
    if cycles := _cycles(box, run):
        lines.append(f"{cycles} per sample")
    if first.reason:
        lines.append(plain(_wrapped(first.reason)))
    return "<br>".join(lines).replace("\n", "<br>")


def _wrapped(text: str) -> str:
    return fill(text, TOOLTIP_CHARACTERS)


SECTION = ReportSection(
    place=30,
    title="Network",
    shows="the operators as a graph from top to bottom: squares run on the machine, circles on the "
    "host, diamonds were folded when compiling. All operators of a layer are one node. The "
    "table says why an operator is on the host",
    source="[supported operators](supported_ops.md)",
    make=network,
)
