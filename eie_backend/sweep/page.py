"""`page`: a sweep as one self-contained HTML page: the front, pictures and all designs."""

from __future__ import annotations

from typing import Any

from eie_backend.report.content import Cell, Choice, Column, Figure, Section, Table, Tiles
from eie_backend.report.page import html, require_viz
from eie_backend.simulator.saturation import Saturated
from eie_backend.sweep.pictures import KINDS, kinds, pairs
from eie_backend.sweep.run import Row, Sweep
from eie_backend.sweep.shown import MEASURES, answer, axis, in_units, named, reasons, shown
from eie_backend.sweep.space import label
from eie_backend.sweep.spec import OBJECTIVES

STATES = {
    "measured": "compressed, compiled and simulated",
    "ruled out": "not measured: the numbers are what the analytical model expects",
    "impossible": "the machine cannot run it, or the recipe does not fit",
}

LOST = (
    "In these designs, more than one in a thousand of a layer's values did not fit its number "
    "formats, so that results may be wrong; calibrate with samples like the data, or take another "
    "arithmetic."
)


def page(found: Sweep) -> str:
    """Return a sweep as an HTML page; equal outcomes give equal bytes.

    Raises
    ------
    ExtraError
        If the packages that draw a page are not installed (extra ``viz``).
    """
    require_viz()
    sections = [
        Section("summary", "In short", answer(found), (Tiles(_tiles(found)),)),
        Section("front", "The front", _front_lead(found), (_table(found, found.front, "front"),)),
        Section("pictures", "Pictures", "Each point is a measured design.", (_figure(found),)),
        Section("designs", "All designs", "", (_table(found, found.rows, "designs"),)),
    ]
    if any(row.outcome.saturated for row in found.rows):
        sections.append(Section("saturated", "Values that do not fit", LOST, (_saturated(found),)))
    if why := reasons(found):
        sections.append(Section("impossible", "Impossible designs", "", (_reasons(why),)))
    return html(f"eie sweep {found.spec.name}", sections)


def _tiles(found: Sweep) -> list[tuple[str, str, str]]:
    tiles = [("designs", f"{len(found.rows):,}", f"{len(found.front):,} on the front")]
    for objective in found.spec.objectives:
        if found.front:
            pick = max if objective == "accuracy" else min
            best = pick(found.front, key=lambda row: in_units(row, objective))
            title = "highest" if objective == "accuracy" else "lowest"
            title = f"{title} {MEASURES[objective].title}"
            value = f"{shown(best, objective)} {MEASURES[objective].unit}".rstrip()
            tiles.append((title, value, named(best, found.spec.varied)))
    return tiles


def _front_lead(found: Sweep) -> str:
    names = ", ".join(found.spec.objectives)
    return f"No measured design is better than one of these in one of {names} and as good in all."


def _table(found: Sweep, rows: tuple[Row, ...], name: str) -> Table:
    columns = [Column("design", doc="Number in the order of the plan.")]
    columns += [Column(label(path)) for path in found.spec.varied]
    columns += [Column(MEASURES[one].title, MEASURES[one].unit) for one in OBJECTIVES]
    columns.append(Column("state", doc="; ".join(f"{k}: {v}" for k, v in STATES.items()) + "."))
    numbers = {id(row): number for number, row in enumerate(found.rows)}
    return Table(
        id=f"{name}-table",
        label="Designs on the front" if name == "front" else "All designs",
        columns=columns,
        rows=[_cells(found, row, numbers[id(row)]) for row in rows],
        sortable=True,
    )


def _cells(found: Sweep, row: Row, number: int) -> list[Cell]:
    cells = [Cell(str(number), number)]
    for path in found.spec.varied:
        value = row.values[path]
        cells.append(Cell(str(value), None if isinstance(value, str) else value))
    if row.state == "impossible":
        return [*cells, *[Cell("")] * len(OBJECTIVES), Cell(row.state, link="impossible")]
    cells += [Cell(shown(row, one), in_units(row, one)) for one in OBJECTIVES]
    return [*cells, Cell(row.state)]


def _saturated(found: Sweep) -> Table:
    return Table(
        id="saturated-table",
        label="Designs with values that do not fit their formats",
        columns=[Column("design"), *map(Column, Saturated._fields)],
        rows=[
            [Cell(str(number), number), Cell(one.layer), *(Cell(f"{n:,}", n) for n in one[1:])]
            for number, row in enumerate(found.rows)
            for one in row.outcome.saturated
        ],
        sortable=True,
    )


def _reasons(why: dict[str, int]) -> Table:
    return Table(
        id="impossible-table",
        label="Why designs are impossible",
        columns=[Column("reason"), Column("designs")],
        rows=[[Cell(reason), Cell(f"{count:,}", count)] for reason, count in why.items()],
    )


def _figure(found: Sweep) -> Figure:
    return Figure(
        id="front-figure",
        label="Measured designs, and those on the front",
        caption="Designs on the front stand out; a design's parameters are in its tooltip.",
        choices=[_choice(found, across, up) for across, up in pairs(found)],
        choose="Objectives",
    )


def _choice(found: Sweep, across: str, up: str) -> Choice:
    from plotly import graph_objects as go

    from eie_backend.report.plots import plain, plain_data

    x, y = MEASURES[across], MEASURES[up]
    groups = kinds(found)
    traces = [
        plain_data(
            go.Scatter(
                x=[in_units(row, across) for row in groups[kind]],
                y=[in_units(row, up) for row in groups[kind]],
                name=kind,
                mode="markers",
                customdata=[plain(named(row, found.spec.varied)) for row in groups[kind]],
                marker={"color": color, "size": 6 if kind == "measured" else 9},
                hovertemplate=(
                    f"%{{customdata}}<br>{y.title} %{{y}} {y.unit}<br>"
                    f"{x.title} %{{x}} {x.unit}<extra>{kind}</extra>"
                ),
            )
        )
        for kind, color, _ in KINDS
    ]
    layout: dict[str, Any] = {
        "height": 460,
        "xaxis": {
            "title": {"text": axis(across)},
            "type": "linear" if across == "accuracy" else "log",
        },
        "yaxis": {"title": {"text": axis(up)}},
    }
    head = [", ".join(label(path) for path in found.spec.varied), x.title, y.title]
    rows = [
        [named(row, found.spec.varied), shown(row, across), shown(row, up)] for row in found.front
    ]
    return Choice(f"{up} against {across}", traces, layout, [head, *rows])
