"""The section on fidelity shows each layer's own and inherited error, whatever the numbers are."""

import json
import math

import pytest

from eie_backend.fidelity.comparison import Comparison, LayerComparison
from eie_backend.fidelity.measure import Fidelity
from eie_backend.report.fidelity_section import fidelity_section

pytest.importorskip("plotly", reason="needs the extra `viz`")

COUNTS = {"input": 0, "accumulator": 2, "output": 1}


def layer(name, own, *, source="", reason="", parts=()):
    numbers = [None] * 6 if own is None else [0.3, own, 0.2, 10.0, math.inf, 1.5]
    return LayerComparison(name, source or name, *numbers, COUNTS, 4, reason, parts)


@pytest.fixture(scope="module")
def section():
    parts = tuple(layer(f"conv1_w{k}", 0.01 + k / 100, source="conv1") for k in range(2))
    layers = (
        layer("conv1", 0.015, parts=parts),
        layer("<fc1>", 0.25),
        layer("fc2", None, reason="not compared: why"),
        layer("fc3", math.inf),
    )
    return fidelity_section(Comparison(Fidelity(7, 0.3, 9.5, 2.0, 0.875), layers, 7))


def parts_of(section, kind):
    return [part for part in section.parts if part.kind == kind]


def test_its_lead_names_the_layer_that_adds_most(section):
    assert "on 7 samples: fc3 adds most: without bound of its own" in section.lead
    assert "1 of 4 layers were not compared." in section.lead
    (note,) = parts_of(section, "note")
    assert note.text == "fc2: not compared: why."


def test_bars_of_the_layers_that_were_compared(section):
    (figure,) = parts_of(section, "figure")
    errors, ratios = figure.choices
    assert [trace["name"] for trace in errors.data] == ["own", "inherited"]
    assert errors.data[0]["x"] == [1.5, 25.0, 0.0]  # no bar is infinite
    assert errors.data[1]["x"] == [20.0] * 3
    assert [row[0] for row in errors.numbers[1:]] == ["conv1", "<fc1>", "fc3"]
    assert errors.numbers[-1] == ["fc3", "inf", "20"]
    assert ratios.numbers[1] == ["conv1", "10", "inf"]
    json.dumps(figure.pictures, allow_nan=False)


def test_a_row_for_each_layer_and_part(section):
    (table,) = parts_of(section, "table")
    assert [row[0].text for row in table.rows] == [
        *("conv1", "conv1_w0 (conv1)", "conv1_w1 (conv1)", "<fc1>", "fc2", "fc3")
    ]
    assert {len(row) for row in (*table.rows, table.total)} == {len(table.columns)}
    assert [cell.text for cell in table.rows[3]][1:5] == ["30%", "25%", "20%", "10.0"]
    assert [cell.text for cell in table.rows[4]][1:7] == [""] * 6
    assert table.rows[0][-2].text == "3"
    assert [cell.text for cell in table.total][:2] == ["all results", "30%"]
    (tiles,) = parts_of(section, "tiles")
    assert [row[1] for row in tiles.rows] == ["30%", "9.5 dB", "87.5%"]


def test_networks_of_which_nothing_was_compared_have_no_bars():
    found = Comparison(Fidelity(1, 0.0, math.inf, 0.0, None), (layer("fc1", None, reason="x"),), 1)
    section = fidelity_section(found)
    assert not parts_of(section, "figure")
    assert found.worst is None
    assert found.answer == (
        "no layer that was compared adds an error; the results are off by 0%; 1 of 1 layers were "
        "not compared."
    )
