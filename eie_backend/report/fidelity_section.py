"""`fidelity_section`: a `Comparison` as a section of a page: own and inherited errors by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from eie_backend.fidelity.comparison import Comparison, LayerComparison, levels
from eie_backend.fidelity.measure import Fidelity
from eie_backend.fidelity.told import share
from eie_backend.report.content import Cell, Choice, Column, Figure, Note, Section, Table, Tiles
from eie_backend.report.plots import BLUE, GREY, ORANGE, VERMILION, stacked

TITLE = "Fidelity"

COLUMNS = (
    Column("layer"),
    Column("error", doc="of the whole run: norm of the difference over that of the float results"),
    Column("own", doc="on the float network's inputs: of its weights and number formats alone"),
    Column("inherited", doc="how far its results move because its inputs are the machine's"),
    Column("SQNR", "dB", doc="energy of the float results over that of the difference"),
    Column("own SQNR", "dB", doc="the same on the float network's inputs"),
    Column("largest", doc="largest difference of a value"),
    Column("saturated", doc="values that did not fit their format"),
    Column("vectors", doc="that were compared: a convolution has one for each position"),
)


def fidelity_section(found: Comparison) -> Section:
    """Return the section: the answer, the model's numbers, pictures and a table of the layers."""
    whole = found.fidelity
    tiles = [
        ("relative error", share(whole.relative_error), "of the results, mean over samples"),
        ("SQNR", f"{_number(whole.sqnr_db, '.1f')} dB", "signal to quantisation noise"),
    ]
    if whole.agreement is not None:
        tiles.append(("agreement", f"{whole.agreement:.1%}", "of the samples: same largest output"))
    compared = [layer for layer in found.layers if not layer.reason]
    figures = [_figure(found, compared)] if compared else []
    notes = [Note(f"{one.name}: {one.reason}.") for one in found.layers if one.reason]
    lead = (
        f"The machine beside the float network, on {found.samples:,} samples: {found.answer} The "
        "own error of a layer is that on the float network's inputs; what it inherited is how far "
        "its results move because its inputs are the machine's."
    )
    return Section("fidelity", TITLE, lead, (Tiles(tiles), *figures, _table(found), *notes))


def _figure(found: Comparison, layers: Sequence[LayerComparison]) -> Figure:
    errors = {
        "own": (VERMILION, [_percent(layer.own_error) for layer in layers]),
        "inherited": (GREY, [_percent(layer.inherited_error) for layer in layers]),
    }
    ratios = {
        "whole run": (BLUE, [layer.sqnr_db for layer in layers]),
        "on exact inputs": (ORANGE, [layer.own_sqnr_db for layer in layers]),
    }
    worst = found.worst
    caption = "No layer adds an error of its own."
    if worst is not None:
        caption = f"{worst.name} has the largest error of its own: {share(worst.own_error or 0.0)}."
    return Figure(
        id="fidelity-figure",
        label="Bars: errors of each layer, its own and inherited",
        caption=caption,
        choices=[
            _choice("Relative error", layers, errors, "%"),
            _choice("SQNR", layers, ratios, "dB"),
        ],
        choose="Show",
    )


def _choice(
    title: str,
    layers: Sequence[LayerComparison],
    parts: dict[str, tuple[str, list[float | None]]],
    unit: str,
) -> Choice:
    """Return bars beside one another; what is infinite has none, and a row in the numbers."""
    names = [layer.name for layer in layers]
    shown = [
        (part, color, [one if one is not None and math.isfinite(one) else 0.0 for one in values])
        for part, (color, values) in parts.items()
    ]
    axis = f"{title} in {unit}"
    data, layout = stacked(names, shown, axis, unit)
    numbers = zip(names, *(values for _, values in parts.values()), strict=True)
    head = [f"layer ({axis})", *parts]
    table = [head, *([name, *(_number(one, ".3g") for one in row)] for name, *row in numbers)]
    return Choice(title, data, {**layout, "barmode": "group"}, table)


def _table(found: Comparison) -> Table:
    rows = [
        [Cell(f"{layer.name} ({layer.source})" if level == "part" else layer.name), *_cells(layer)]
        for level, layer in levels(found.layers)
    ]
    return Table(
        id="fidelity-table",
        label="Errors of each layer",
        columns=COLUMNS,
        rows=rows,
        total=[Cell("all results"), *_cells(found.fidelity)],
        sortable=True,
    )


def _cells(found: LayerComparison | Fidelity) -> list[Cell]:
    """Return the cells behind the name; what is not told is empty."""
    errors = [getattr(found, f"{kind}_error", None) for kind in ("relative", "own", "inherited")]
    numbers = [found.sqnr_db, getattr(found, "own_sqnr_db", None)]
    cells = [Cell("" if one is None else share(one), _order(one)) for one in errors]
    cells += [Cell(_number(one, ".1f"), _order(one)) for one in numbers]
    largest = found.largest_difference
    cells.append(Cell(_number(largest, ".3g"), _order(largest)))
    if isinstance(found, Fidelity):
        return [*cells, Cell(""), Cell("")]
    saturated = sum(found.saturations.values())
    return [*cells, Cell(f"{saturated:,}", saturated), Cell(f"{found.rows:,}", found.rows)]


def _number(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)


def _order(value: float | None) -> float | None:
    """Return a number that a page can sort by."""
    return value if value is not None and math.isfinite(value) else None


def _percent(share_of_one: float | None) -> float | None:
    return None if share_of_one is None else 100 * share_of_one
