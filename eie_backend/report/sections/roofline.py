"""The roofline section: each layer's rate of multiplications, against memory and PE limits.

Source: Williams et al., "Roofline", CACM 2009, with EIE's axes: multiplications with weights per
byte of encoded weights, and per cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from typing import Any

from plotly import graph_objects as go

from eie_backend.config import ENTRY_BITS
from eie_backend.profiler import LayerProfile
from eie_backend.report.content import Choice, Figure, Section
from eie_backend.report.plots import BLUE, VERMILION, plain, plain_data, short
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection

MOST_LABELS = 12
"""Most points with a visible name; the other names are in tooltips only."""


@dataclass(frozen=True)
class Point:
    """A layer: multiplications per byte of weights read, and per cycle."""

    name: str
    intensity: float
    rate: float


def roofline(run: Run) -> Section | None:
    """Return the roofline of the weight SRAMs and, where weights are streamed, of the DRAM."""
    sram, dram = sram_points(run), dram_points(run)
    if not sram:
        return None
    config = run.report.config
    peak = config.num_pe
    sram_bytes = peak * config.spmat_width_bits // 8
    low = min([0.05, *(point.intensity for point in (*sram, *dram))]) / 2
    high = max([1.0, *(point.intensity for point in (*sram, *dram))]) * 2
    span = low, high
    traces = [_roof("weight SRAM", sram_bytes, peak, span, BLUE)]
    if dram:
        traces.append(_roof("DRAM", config.dram_bytes_per_cycle, peak, span, VERMILION))
    traces.append(_points("weights in SRAM", sram, BLUE, "circle"))
    if dram:
        traces.append(_points("weights streamed from DRAM", dram, VERMILION, "diamond-open"))
    lowest = min(point.rate for point in (*sram, *dram))
    layout = {
        "height": 460,
        "xaxis": {
            "type": "log",
            "title": {"text": "multiplications per byte of weights"},
            "dtick": "D2",
            "tickformat": "~g",
        },
        "yaxis": {
            "type": "log",
            "title": {"text": "multiplications per cycle"},
            "dtick": "D2",
            "tickformat": "~g",
            "range": [log10(min(lowest, peak / 100) / 2), log10(2 * peak)],
        },
    }
    fastest = max(sram, key=lambda point: point.rate)
    figure = Figure(
        id="roofline-figure",
        label="Roofline: multiplications per cycle against multiplications per byte of weights",
        caption=(
            f"{fastest.name} comes nearest to the peak of {peak} multiplications per cycle: "
            f"{fastest.rate:.1f}, {fastest.rate / peak:.0%}. "
            + (
                "Below the roof, PEs wait for work, not for their memory."
                if not dram
                else "Streamed layers cannot pass the DRAM's roof, however fast the PEs are."
            )
        ),
        choices=[Choice("", traces, layout, numbers(run, sram, dram))],
    )
    entries = config.spmat_width_bits // ENTRY_BITS
    lead = (
        f"A PE reads at most one word of {entries} entries per cycle and multiplies at most once. "
        "At the roof's corner a word serves one entry; at 1 multiplication per byte, all of its "
        "entries. Multiplications with zeros are never done and not counted."
    )
    return Section("roofline", SECTION.title, lead, (figure,))


def sram_points(run: Run) -> list[Point]:
    """Return the layers' points for the weight SRAM, by the words that they read."""
    word = run.report.config.spmat_width_bits // 8
    return [
        Point(one.name, macs(one) / (one.counters["spmat_reads"] * word), _rate(one))
        for one in run.layers
        if macs(one) and one.counters["spmat_reads"] and one.counters["cycles"]
    ]


def dram_points(run: Run) -> list[Point]:
    """Return the DRAM points of layers that load weights for every sample; time includes loads."""
    streamed = {
        program.layers[step.layer]
        for program in run.report.programs
        for step in program.steps
        if step.instruction == "load_matrix"
    }
    return [
        Point(
            one.name,
            macs(one) / one.counters["load_bytes"],
            macs(one) / (one.counters["cycles"] + one.counters["load_cycles"]),
        )
        for one in run.layers
        if one.name in streamed and macs(one) and one.counters["cycles"]
    ]


def macs(layer: LayerProfile) -> int:
    """Return the number of multiplications with a weight, over all samples."""
    return layer.counters["entries"] - layer.counters["padding_entries"]


def numbers(run: Run, sram: list[Point], dram: list[Point]) -> list[list[str]]:
    """Return the points as rows, with the rate of a dense machine that takes the same time."""
    layers = {layer.name: layer for layer in run.layers}
    clock = run.report.config.clock_mhz
    head = [
        "layer",
        "weights from",
        "multiplications per byte",
        "per cycle",
        "billions per second",
        "of a dense layer, billions per second",
    ]
    rows = [head]
    for source, points in (("SRAM", sram), ("DRAM", dram)):
        for point in points:
            layer = layers[point.name]
            dense = layer.weights * layer.vectors * layer.samples / macs(layer) * point.rate
            rows.append(
                [
                    point.name,
                    source,
                    f"{point.intensity:.3f}",
                    f"{point.rate:.2f}",
                    f"{point.rate * clock / 1000:.2f}",
                    f"{dense * clock / 1000:,.1f}",
                ]
            )
    return rows


def _rate(layer: LayerProfile) -> float:
    return macs(layer) / layer.counters["cycles"]


def _roof(
    memory: str, bandwidth: int, peak: int, span: tuple[float, float], color: str
) -> dict[str, Any]:
    name = f"{memory}, {bandwidth:,} bytes per cycle"
    low, high = span
    corners = sorted({low, min(max(peak / bandwidth, low), high), high})
    line = go.Scatter(
        x=corners,
        y=[min(peak, bandwidth * x) for x in corners],
        name=name,
        mode="lines",
        line={"color": color, "width": 2, "dash": "solid" if color == BLUE else "dash"},
        hovertemplate=f"{name}<br>%{{y:,.4~g}} multiplications per cycle<extra></extra>",
    )
    return plain_data(line)


def _points(name: str, points: list[Point], color: str, symbol: str) -> dict[str, Any]:
    named = len(points) <= MOST_LABELS
    marks = go.Scatter(
        x=[point.intensity for point in points],
        y=[point.rate for point in points],
        name=name,
        mode="markers+text" if named else "markers",
        text=[plain(short(point.name)) for point in points],
        textposition="bottom center",
        customdata=[plain(point.name) for point in points],
        marker={"color": color, "size": 11, "symbol": symbol},
        hovertemplate=(
            "<b>%{customdata}</b><br>%{x:.3f} multiplications per byte<br>"
            "%{y:.2f} per cycle<extra></extra>"
        ),
    )
    return plain_data(marks)


SECTION = ReportSection(
    place=50,
    title="Roofline",
    shows="multiplications per cycle against multiplications per byte of encoded weights: see "
    "below",
    source="`entries`, `padding_entries`, `spmat_reads`",
    make=roofline,
)
