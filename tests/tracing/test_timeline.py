"""The picture of a trace: what is drawn adds up to the breakdown, edge by edge."""

from collections import Counter

import numpy as np
import pytest
from matplotlib.patches import PathPatch

import eie_backend as eie
from eie_backend import HardwareConfig, encode, simulate, trace_layer
from eie_backend.errors import ConfigError
from eie_backend.tracing import timeline

CONFIG = HardwareConfig(num_pe=2, fifo_depth=2)


@pytest.fixture
def drawn(monkeypatch):
    """Return the figures that are drawn in the test."""
    figures, draw = [], timeline.draw_timeline

    def keep(*args):
        figures.append(draw(*args))
        return figures[-1]

    monkeypatch.setattr(timeline, "draw_timeline", keep)
    return figures


def widths(figure):
    """Return how many edges are filled, by label and row."""
    found = Counter()
    for patch in figure.axes[0].patches:
        if isinstance(patch, PathPatch):
            for corners in patch.get_path().vertices.reshape(-1, 5, 2):
                (left, bottom), (right, _) = corners[0], corners[2]
                found[patch.get_label(), int(np.floor(bottom))] += round(right - left)
    return found


def layer(seed, config, rows=24, cols=30):
    rng = np.random.default_rng(seed)
    codes = (rng.random((rows, cols)) < rng.random((rows, 1)) ** 2).astype(np.uint8)
    codes[4 * config.num_pe :, ::3] = 0
    x = rng.normal(size=cols) * (rng.random(cols) < 0.6)
    return encode(codes, [0, 0.5], config), x


@pytest.mark.parametrize("seed", range(3))
def test_rows_add_up_to_the_breakdown(drawn, seed):
    config = HardwareConfig(num_pe=3, fifo_depth=3, codebook_bits=7)
    matrix, x = layer(seed, config)
    run = simulate(matrix, x, config)
    trace_layer(matrix, x, config, form="svg")
    found = widths(drawn[0])
    for look in timeline.LOOKS:
        own = [name for name in look.names if name in run.breakdown]
        for pe in range(config.num_pe) if own else ():
            edges = sum(int(run.breakdown[name][pe]) for name in own)
            assert found[", ".join(look.names), pe] == edges


def test_windows_add_up(drawn):
    matrix, x = layer(0, CONFIG)
    whole = trace_layer(matrix, x, CONFIG, form="svg")
    for window in ((1, 20), (20, None)):
        trace_layer(matrix, x, CONFIG, form="svg", window=window)
    whole_figure, *parts = drawn
    assert widths(whole_figure) == sum(map(widths, parts), Counter())
    assert parts[0].axes[0].get_xlim() == (0.5, 19.5)
    assert parts[1].axes[0].get_xlim() == (19.5, whole.stop - 0.5)


def test_by_hand(drawn):
    """Scan, enter the row, broadcast at 2, multiply from 3: PE 0 both columns, PE 1 the first."""
    matrix = encode([[1, 1], [1, 0]], [0, 0.5], HardwareConfig(num_pe=2))
    made = trace_layer(matrix, [1.0, 1.0], HardwareConfig(num_pe=2), form="svg")
    found = widths(drawn[0])
    assert found["broadcast", -1] == 2
    assert [found["multiply", pe] for pe in (0, 1)] == [2, 1]
    assert [found["empty_column", pe] for pe in (0, 1)] == [0, 1]
    assert sum(count for (_, row), count in found.items() if row == 0) == made.cycles


def test_a_full_queue_is_at_the_top_of_its_row(drawn):
    config = HardwareConfig(num_pe=2, fifo_depth=4)
    codes = np.zeros((16, 12), np.uint8)
    codes[::2] = 1  # all work is PE 0's
    run = simulate(encode(codes, [0, 0.5], config), np.ones(12), config)
    trace_layer(encode(codes, [0, 0.5], config), np.ones(12), config, form="svg")
    assert run.blocking[0] > 0
    lines = [line for line in drawn[0].axes[0].lines if line.get_label() == "act_queue"]
    tops = [pe + 0.97 - min(line.get_ydata()) for pe, line in enumerate(lines)]
    assert tops[0] == pytest.approx(0.9)
    assert tops[1] < 0.9


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_the_same_bytes_again(form):
    matrix, x = layer(1, CONFIG)
    first = trace_layer(matrix, x, CONFIG, form=form)
    assert trace_layer(matrix, x, CONFIG, form=form) == first
    assert first.data[:5] == {"svg": b"<?xml", "png": b"\x89PNG\r", "pdf": b"%PDF-"}[form]


def test_too_many_edges_ask_for_a_window(monkeypatch):
    matrix, x = layer(0, CONFIG)
    monkeypatch.setattr(timeline, "MOST_EDGES", 20)
    with pytest.raises(ConfigError, match=r"it shows up to 20; choose a window, for example 1:"):
        trace_layer(matrix, x, CONFIG, form="svg")
    assert trace_layer(matrix, x, CONFIG, form="svg", window=(5, 25)).stop == 25


def test_layers_are_named_where_they_begin(drawn, make_mlp):
    x = np.random.default_rng(4).normal(size=(2, 40)).astype(np.float32)
    model = eie.compile(
        eie.from_onnx(make_mlp(40, 30, 10, batch=2)), HardwareConfig(num_pe=4, act_registers=4)
    )
    eie.trace(model, x, "svg")
    cycles = eie.trace(model, x, layer="fc1").cycles
    places = {text.get_text().strip(): text.get_position()[0] for text in drawn[0].axes[0].texts}
    assert places == {"fc1": 0.5, "fc2": cycles + 0.5}


def test_notebooks_show_pictures_and_terminals_no_bytes():
    matrix, x = layer(0, CONFIG)
    assert trace_layer(matrix, x, CONFIG, form="svg")._repr_html_().startswith("<img alt=")
    trace = trace_layer(matrix, x, CONFIG, form="vcd")
    assert trace._repr_html_() is None
    assert len(repr(trace)) < 100
