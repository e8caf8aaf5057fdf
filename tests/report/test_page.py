"""A page has every section and number, says what it lacks, and lets no name be more than a name."""

import json
import re
import sys
from base64 import b64decode
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

import eie_backend as eie
from eie_backend.errors import ExtraError, InputError
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.report import page
from eie_backend.report.sections import SECTIONS as DEFINED
from eie_backend.report.sections.accuracy import figure

SECTIONS = [
    "summary",
    "accuracy",
    "fidelity",
    "network",
    "layers",
    "roofline",
    "cycles",
    "pes",
    "queues",
    "energy",
    "weights",
    "program",
    "machine",
    "origin",
]


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and the texts of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script":
            self.scripts.append((self.tags[-1][1], data))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def ids(self):
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


@pytest.fixture(scope="module")
def made(report, labels, comparison):
    return page(report, labels=labels, comparison=comparison)


@pytest.fixture(scope="module")
def elements(made):
    return Elements(made)


def figures(text):
    """Return the pictures of each figure by its id."""
    found = re.findall(
        r'<figure id="([^"]+)".*?<script type="application/json">(.*?)</script>', text, re.DOTALL
    )
    return {name: json.loads(data) for name, data in found}


def test_sections_in_order(elements):
    assert [one["id"] for one in elements.all("section")] == SECTIONS


def test_a_section_has_the_title_of_the_docs_and_a_place_of_its_own(made):
    shown = [unescape(title) for title in re.findall(r'-title">([^<]+)</h2>', made)]
    assert shown == [section.title for section in DEFINED]
    assert len({section.place for section in DEFINED}) == len(DEFINED)


def test_same_run_same_bytes(made, compiled, network, x, labels):
    report = eie.profile(compiled, x, reference=network)
    assert page(report, labels=labels, comparison=eie.compare(compiled, network, x)) == made


def test_ids_are_unique_and_links_lead_somewhere(elements):
    assert len(set(elements.ids)) == len(elements.ids)
    targets = [one["href"] for one in elements.all("a") if not one["href"].startswith("data:")]
    assert {target[:1] for target in targets} == {"#"}
    assert {target[1:] for target in targets} <= set(elements.ids)


def test_nothing_is_loaded(elements):
    policy = elements.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none'")
    loading = ("src", "srcset", "action", "data", "poster")
    assert not [tag for tag, attrs in elements.tags if any(name in attrs for name in loading)]
    assert not elements.all("link")


def test_every_instruction_and_its_layer_lead_to_each_other(report, elements):
    rows = [one["id"] for one in elements.all("tr") if one.get("id", "").startswith("layer-")]
    assert rows == [f"layer-{number}" for number in range(len(report.layers))]
    program = report.programs[0]
    lines = [
        one["id"] for one in elements.all("span") if "line" in one.get("class", "") and "id" in one
    ]
    assert lines == [
        f"instruction-0-{number}" for number in range(len(program.setup) + len(program.steps))
    ]


def test_bars_add_up_to_the_layers_cycles(report, made):
    bars = figures(made)["cycles-figure"][0]["data"]
    assert [bar["name"] for bar in bars] == [category.name for category in CYCLE_CATEGORIES]
    sums = np.sum([bar["x"] for bar in bars], axis=0)
    expected = [layer.cycles_per_sample for layer in report.layers]
    np.testing.assert_allclose(sums, expected, rtol=2e-3)


def test_heat_map_has_a_column_per_pe(report, made):
    pictures = figures(made)["pes-figure"]
    slowest = max(report.layers, key=lambda layer: layer.cycles_per_sample)
    assert pictures[0]["name"] == slowest.name
    trace = pictures[0]["data"][0]
    assert trace["y"] == [*slowest.breakdown, "blocking"]
    # The seven categories of every PE are all of its edges.
    np.testing.assert_allclose(np.sum(trace["z"][:7], axis=0), 100, atol=0.4)
    assert len(trace["x"]) == report.config.num_pe


def test_roofline_points_lie_below_the_roof(report, made):
    roof, points = figures(made)["roofline-figure"][0]["data"]
    config = report.config
    assert max(roof["y"]) == config.num_pe
    bandwidth = config.num_pe * config.spmat_width_bits / 8
    for x, y in zip(points["x"], points["y"], strict=True):
        assert y <= min(config.num_pe, bandwidth * x)


def test_streamed_layers_have_a_roof_of_their_own(make_mlp, x):
    config = eie.HardwareConfig(num_pe=4, spmat_sram_bytes=128)
    mod = eie.from_onnx(make_mlp(48, 40, 10, batch=4))
    streamed = eie.profile(eie.compile(mod, config, calibration=x), x)
    traces = figures(page(streamed))["roofline-figure"][0]["data"]
    roof, points = (one for one in traces if "DRAM" in one["name"])
    assert roof["y"][0] == pytest.approx(config.dram_bytes_per_cycle * roof["x"][0])
    for x_, y in zip(points["x"], points["y"], strict=True):
        assert y < config.dram_bytes_per_cycle * x_


def test_many_classes_show_those_with_errors():
    counts = np.diag(np.full(60, 5))
    counts[3, 50] = 2
    made = figure(counts, counts - np.diag(np.diag(counts)))
    (trace,) = made.choices[0].data
    assert {"3", "50"} <= set(trace["x"])
    assert len(trace["x"]) == 40
    assert "takes 3 for 50: 2 of 2 errors" in made.caption
    assert "the 40 of 60 classes" in made.caption
    assert made.choices[0].numbers[1] == ["3", "50", "2"]


def test_accuracy_counts_the_labels(labels, made):
    assert ">75.0%<" in made
    matrix = figures(made)["accuracy-figure"][0]["data"][0]
    assert np.sum(matrix["customdata"]) == len(labels)
    assert np.sum(matrix["z"]) == 4


def test_json_is_the_report(report, elements):
    (link,) = [one for one in elements.all("a") if "download" in one]
    data = json.loads(b64decode(link["href"].partition(",")[2]))
    assert data["layers"] == json.loads(report.to_json())["layers"]


def test_without_labels_there_is_no_accuracy_and_alone_no_fidelity(report):
    assert [one["id"] for one in Elements(page(report)).all("section")] == [
        name for name in SECTIONS if name not in ("accuracy", "fidelity")
    ]


def test_the_summary_says_how_the_answers_compare(report, made, labels):
    """The float network's accuracy stands beside the machine's."""
    right = (report.reference[0].argmax(-1) == labels).mean()
    assert f"Beside the float network: accuracy 75.00%, float {right:.2%}" in made


@pytest.mark.parametrize("graph", [None, "elided_0123456789abcdef"])
def test_no_record_says_what_to_do(report, graph):
    manifest = {k: v for k, v in report.manifest.items() if k not in ("graph", "weights")}
    if graph:
        manifest |= {"graph": graph, "weights": graph}
    programs = tuple(replace(program, manifest=manifest) for program in report.programs)
    text = page(replace(report, programs=programs, manifest=manifest))
    assert text.count("Compile the model again to see") == 2
    assert "network-figure" not in text


def test_functional_engine_says_that_it_counts_no_cycles(compiled, x):
    text = page(eie.profile(compiled, x, engine="functional"))
    assert "counts no cycles" in text
    assert not figures(text).keys() & {"roofline-figure", "cycles-figure", "pes-figure"}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(15, int), r"labels: shape \(15,\), expected \(16,\)"),
        (np.zeros((16, 10), int), r"labels: int64 of shape \(16, 10\), expected integers"),
        (np.zeros(16), r"labels: float64 of shape \(16,\), expected integers"),
        (np.full(16, 10), r"labels: 16 of 16 are outside 0..9"),
    ],
    ids=["count", "one_hot", "float", "class"],
)
def test_labels_that_do_not_fit(report, labels, message):
    with pytest.raises(InputError, match=message):
        page(report, labels=labels)


def test_labels_of_a_result_without_classes(report):
    other = replace(report, outputs=(np.zeros((16, 3, 10)),))
    with pytest.raises(InputError, match="leave the labels out"):
        page(other, labels=np.zeros(16, int))


def test_names_are_no_elements(hostile, harmless):
    hostile, harmless = (Elements(page(one)) for one in (hostile, harmless))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]


def test_names_are_no_markup_of_figures(hostile, harmless):
    """Plotly takes `<` for a tag and `%{` in a template for a variable."""

    def markup(text):
        traces = [
            trace
            for pictures in figures(text).values()
            for picture in pictures
            for trace in picture["data"]
        ]
        drawn = [json.dumps(trace) for trace in traces]
        return [trace.get("hovertemplate") for trace in traces], [d.count("<") for d in drawn]

    assert markup(page(hostile)) == markup(page(harmless))


def test_no_control_character_of_a_name_is_in_the_page(unprintable):
    text = page(unprintable)
    assert {c for c in text if not c.isprintable()} <= {"\n", "\t"}
    assert "fc1\\x00\\x01" in text


def test_large_networks_stay_small(large):
    text = page(large)
    assert len(text) < 10_000_000
    heat = figures(text)["pes-figure"]
    assert len(heat) == 100
    assert heat[0]["data"][0]["x"][:2] == ["0 to 3", "4 to 7"]
    assert "`eie profile --json`" not in text  # Code, not backquotes.
    assert "<code>eie profile --json</code> has them" in text


@pytest.mark.parametrize("package", ["plotly", "itables", "jinja2", "networkx"])
def test_missing_extra(report, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExtraError, match=rf"{package}.*'\.\[viz\]'"):
        page(report)
