"""Recorded steps as a picture: a row per unit, filled by the unit's activity at every edge.

An idle activity of PEs looks like the CCU's activity that causes it: `held_back` and `waiting`,
`empty_row` and `starved`, `row` and `scan`. The line in a row is the PE's queue length; the top of
the row is a full queue. Fillings also differ in height and hatching, so colours are not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError
from eie_backend.isa.program import Program
from eie_backend.show.drawing import COLORS, rendered
from eie_backend.tracing.edges import ACTIVITIES, Slices, ccu_slices, pe_slices, queue_lengths
from eie_backend.tracing.recording import RecordedStep, Recording, Request

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_EDGES = 2000
"""Most edges in one picture; with more, edges would be indistinguishable."""
WIDTH = 9.0
ROW_HEIGHT, MOST_HEIGHT = 0.24, 9.0
"""Height of a row, and largest height of a picture, in inches."""


class Look(NamedTuple):
    """The filling of a slice; `height` is a fraction of the row's height, from the bottom."""

    color: str
    height: float
    hatch: str
    names: tuple[str, ...]


LOOKS = (
    Look(COLORS[2], 0.9, "", ("broadcast",)),
    Look(COLORS[0], 0.9, "", ("multiply",)),
    Look(COLORS[4], 0.9, "////", ("padding",)),
    Look(COLORS[5], 0.55, "", ("empty_column",)),
    Look(COLORS[1], 0.9, "xxxx", ("held_back", "waiting")),
    Look(COLORS[3], 0.35, "", ("empty_row", "starved")),
    Look("0.35", 0.35, "||||", ("row", "scan")),
    Look("0.8", 0.12, "", ("drain",)),
)


def timeline_picture(recording: Recording, request: Request, form: str) -> tuple[bytes, int]:
    """Return a picture as a file, and the edge after the last one that it shows.

    Raises
    ------
    ConfigError
        If there are more edges than a picture can show.
    ExtraError
        If Matplotlib is not installed (extra ``viz``).
    """
    stop = min(request.stop, recording.cycles + 1)
    edges = stop - request.start
    if edges > MOST_EDGES:
        raise ConfigError(
            f"{edges} edges in one picture: it shows up to {MOST_EDGES}; choose a window, for "
            f"example {request.start}:{request.start + MOST_EDGES}"
        )
    return rendered(lambda: draw_timeline(recording, request.start, stop), form), stop


def draw_timeline(recording: Recording, start: int, stop: int) -> Figure:
    """Draw the activities of the CCU and every PE from edge `start` up to `stop`."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    num_pe = max(program.config.num_pe for program, _ in recording.runs)
    row_height = min(ROW_HEIGHT, MOST_HEIGHT / (num_pe + 1))
    figure = Figure(figsize=(WIDTH, 1.3 + row_height * (num_pe + 1)), layout="constrained")
    ax = figure.add_subplot()
    layers: dict[str, int] = {}
    for program, recorded, first, end in _mvms(recording, start, stop):
        layers.setdefault(program.layers[recorded.step.layer], first + recorded.before)
        _fill(ax, _slices(recorded, first, end))
        _draw_queues(ax, program.config, recorded, first, end, 4 * row_height)
    for name, edge in layers.items():
        ax.axvline(edge - 0.5, color="0.3", linewidth=0.8)
        ax.text(edge - 0.5, -1.1, f" {name}", fontsize=8, parse_math=False)
    rows = np.arange(0, num_pe, -(-num_pe // 32))
    ax.set_yticks(np.append(-1, rows) + 0.5, ["ccu", *(f"pe {k}" for k in rows)])
    ax.set(xlim=(start - 0.5, stop - 0.5), ylim=(num_pe, -1), xlabel="clock edge")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(visible=False, axis="y")
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(once.values(), once.keys(), frameon=False, loc="outside lower center", ncols=5)
    return figure


def _mvms(
    recording: Recording, start: int, stop: int
) -> Iterator[tuple[Program, RecordedStep, int, int]]:
    """Yield each mvm in the window, with the range of its own edges there."""
    for program, steps in recording.runs:
        for recorded in steps:
            first = max(start - recorded.before, 1)
            end = min(stop - recorded.before, recorded.cycles + 1)
            if first < end:
                yield program, recorded, first, end


def _slices(recorded: RecordedStep, first: int, end: int) -> Slices:
    """Return an mvm's slices, with edges of the whole run; the CCU is unit -1."""
    ccu = ccu_slices(recorded, first, end)
    pes = pe_slices(recorded, first, end)
    joined = Slices(*map(np.concatenate, zip(ccu, pes, strict=True)))
    before = recorded.before
    return joined._replace(
        unit=np.append(ccu.unit - 1, pes.unit),
        start=joined.start + before,
        stop=joined.stop + before,
    )


def _fill(ax: Axes, slices: Slices) -> None:
    """Draw slices; edge t covers t - 1/2 to t + 1/2."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for look in LOOKS:
        chosen = np.isin(slices.name, [ACTIVITIES.index(name) for name in look.names])
        if not chosen.any():
            continue
        left, right = slices.start[chosen] - 0.5, slices.stop[chosen] - 0.5
        bottom = slices.unit[chosen] + 0.97
        top = bottom - look.height
        corners = [(left, bottom), (left, top), (right, top), (right, bottom), (left, bottom)]
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
        path = Path(np.array(corners).transpose(2, 0, 1).reshape(-1, 2), codes * left.size)
        label = ", ".join(look.names)
        style = {"facecolor": look.color, "edgecolor": "white", "linewidth": 0.3}
        ax.add_patch(PathPatch(path, label=label, hatch=look.hatch, **style))


def _draw_queues(
    ax: Axes, config: HardwareConfig, recorded: RecordedStep, first: int, end: int, width: float
) -> None:
    """Draw each queue's length after every edge, as a line in its PE's row."""
    lengths = queue_lengths(recorded, first, end)
    for pe in range(config.num_pe):
        own = lengths.unit == pe
        held = np.concatenate([[0], lengths.length[own]])
        edges = np.concatenate([[first], lengths.edge[own], [end]]) + recorded.before
        ax.step(
            edges - 0.5,
            pe + 0.97 - 0.9 * np.append(held, held[-1]) / config.queue_columns,
            where="post",
            color="black",
            linewidth=width,
            label="act_queue",
        )
