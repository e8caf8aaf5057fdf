"""What notebooks show: complete, escaped, and without colours of its own."""

from html.parser import HTMLParser

import numpy as np
import pytest

import eie_backend as eie
from eie_backend import HardwareConfig, encode, simulate
from eie_backend.compress.report import CompressionReport, ReportedStep
from eie_backend.isa.program import Program
from eie_backend.show import html
from eie_backend.storage.accounting import LayerStorage

EVIL = "<script>alert('fc')</script>&"
CONFIG = HardwareConfig(num_pe=2)
MATRIX = encode([[1, 0], [0, 2], [1, 2]], [0.0, 0.5, -1.0], CONFIG)


class Page(HTMLParser):
    """Elements and cells; every element that opens closes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.cells = [], set(), []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag != "img":
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


@pytest.fixture(scope="module")
def profiled(make_mlp):
    x = np.random.default_rng(4).normal(size=(2, 12)).astype(np.float32)
    model = eie.compile(eie.from_onnx(make_mlp(12, 8, 3, batch=2)), HardwareConfig(num_pe=4))
    return eie.profile(model, x)


def compression(name="fc1"):
    storage = LayerStorage(weights=100, nonzeros=20, values=3, huffman_code_bits=40)
    steps = (ReportedStep("float", 0.9), ReportedStep(name, None))
    return CompressionReport(eie.Recipe(density={name: 0.2}), {name: storage}, steps, 7)


def shown(report):
    run = simulate(MATRIX, [1.0, 2.0], CONFIG)
    packed = compression(EVIL)
    return [report, report.programs[0], CONFIG, MATRIX, run, packed, packed.recipe]


def test_all_are_well_formed_and_leave_colours_to_the_page(profiled):
    for thing in shown(profiled):
        text = thing._repr_html_()
        assert {"table", "caption"} <= Page(text).tags
        assert "color" not in text
        assert "script" not in Page(text).tags


def test_all_are_short_in_a_terminal(profiled):
    for thing in shown(profiled)[:2] + shown(profiled)[3:6]:
        assert len(repr(thing)) < 120


def test_a_table():
    text = html.table("a & b", ["n", "name"], [[1234, "<x>"]])
    assert text == (
        "<table>\n<caption>a &amp; b</caption>\n"
        '<thead><tr><th scope="col">n</th><th scope="col">name</th></tr></thead>\n<tbody>\n'
        '<tr><td style="text-align: right">1,234</td>'
        '<td style="text-align: left">&lt;x&gt;</td></tr>\n</tbody>\n</table>'
    )


def test_names_of_a_model_are_text():
    program = Program(EVIL, CONFIG, "int16", 2, 3, (EVIL,), (MATRIX,), (), (), ())
    for thing in (program, compression(EVIL), compression(EVIL).recipe):
        assert EVIL not in thing._repr_html_()
        assert "&lt;script&gt;" in thing._repr_html_()


def test_a_config_has_every_field():
    cells = Page(CONFIG._repr_html_()).cells
    for name, value in CONFIG.to_dict().items():
        assert cells[cells.index(name) + 1] == f"{value:,}"


def test_a_matrix_has_a_bar_per_pe():
    text = MATRIX._repr_html_()
    assert text.count("<meter") == CONFIG.num_pe
    assert "4 of 6: 66.7%" in Page(text).cells
    assert "0 0.5 -1" in text


def test_a_report_has_a_row_per_layer_and_their_sum(profiled):
    cells = Page(profiled._repr_html_()).cells
    cycles = [layer.cycles_per_sample for layer in profiled.layers]
    for layer in profiled.layers:
        assert cells[cells.index(layer.name) + 1] == f"{layer.cycles_per_sample:,.1f}"
    assert cells[cells.index("all layers") + 1] == f"{sum(cycles):,.1f}"


def test_a_program_shows_its_text_without_constants(profiled):
    text = profiled.programs[0]._repr_html_()
    assert "<details>" in text
    assert "eie.mvm" in text


def test_a_long_program_is_cut(profiled, monkeypatch):
    monkeypatch.setattr(html, "MOST_LINES", 3)
    assert "more lines" in profiled.programs[0]._repr_html_()


@pytest.mark.notebook
@pytest.mark.filterwarnings("default")
def test_a_notebook_shows_html():
    nbclient = pytest.importorskip("nbclient", reason="needs the extra `docs`")
    nbformat = pytest.importorskip("nbformat", reason="needs the extra `docs`")
    pytest.importorskip("ipykernel", reason="needs the extra `docs`")
    cell = nbformat.v4.new_code_cell("import eie_backend as eie\neie.HardwareConfig(num_pe=7)")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    patience = dict.fromkeys(("timeout", "startup_timeout", "iopub_timeout"), 600)
    nbclient.NotebookClient(notebook, **patience).execute()
    (output,) = notebook.cells[0].outputs
    assert output.data["text/html"] == HardwareConfig(num_pe=7)._repr_html_()
    assert "num_pe=7" in output.data["text/plain"]
