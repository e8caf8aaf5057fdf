"""Pictures of the front: accuracy, or the first objective, against each other objective."""

from __future__ import annotations

from typing import Any

from eie_backend.show.drawing import COLORS, HEIGHT, MARKS, WIDTH, rendered
from eie_backend.sweep.run import Row, Sweep
from eie_backend.sweep.shown import axis, in_units

KINDS = (("measured", "#B8B8B8", "."), ("front", COLORS[1], MARKS[0]))


def picture(found: Sweep, form: str = "svg") -> bytes:
    """Return the picture in a form of `rendered`."""
    return rendered(lambda: _drawn(found), form)


def pairs(found: Sweep) -> list[tuple[str, str]]:
    """Return the pairs of objectives to draw: the first with each of the others."""
    first, *others = found.spec.objectives
    return [(other, first) for other in others] or [("cycles", first)]


def kinds(found: Sweep) -> dict[str, list[Row]]:
    """Return the measured designs in two groups: dominated designs, and the front."""
    best = {id(row) for row in found.front}
    rows = [row for row in found.rows if row.state == "measured"]
    return {"measured": [row for row in rows if id(row) not in best], "front": list(found.front)}


def _drawn(found: Sweep) -> Any:
    from matplotlib import pyplot as plt

    of = pairs(found)
    figure, axes = plt.subplots(
        1, len(of), figsize=(WIDTH * len(of), HEIGHT), layout="constrained", squeeze=False
    )
    groups = kinds(found)
    for diagram, (across, up) in zip(axes[0], of, strict=True):
        for kind, color, mark in KINDS:
            rows = groups[kind]
            diagram.plot(
                [in_units(row, across) for row in rows],
                [in_units(row, up) for row in rows],
                mark,
                color=color,
                label=kind,
                markersize=4 if kind == "measured" else 5,
            )
        if across != "accuracy":
            diagram.set_xscale("log")
        diagram.set(xlabel=axis(across), ylabel=axis(up))
    axes[0][0].legend(frameon=False)
    plt.close(figure)
    return figure
