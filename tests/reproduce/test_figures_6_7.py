"""Figures 6 and 7: the paper's bars beside ours, on a logarithmic axis."""

from itertools import pairwise

import pytest

from eie_backend.reproduce import figure_6, figure_7
from eie_backend.reproduce.published import published
from eie_backend.show.drawing import rendered

pytest.importorskip("matplotlib", reason="needs the extra `viz`")


@pytest.fixture(params=[figure_6, figure_7], ids=lambda module: module.KEY)
def drawn(request, results):
    result = results(request.param.KEY)
    return request.param, result, request.param.draw(result)


def test_bars_have_the_values(drawn):
    module, result, figure = drawn
    (axes,) = figure.axes
    labels = published()[module.KEY]["labels"]
    bars = {c.get_label(): [bar.get_height() for bar in c] for c in axes.containers}
    assert list(bars) == [*list(labels)[:-1], "EIE, paper", "EIE, ours"]
    for series, heights in bars.items():
        if series in labels:
            assert heights == labels[series]
    ours = result.of(module.QUANTITY)
    assert bars["EIE, ours"] == [value.ours for value in ours.values()]
    assert bars["EIE, paper"] == [value.paper for value in ours.values()]
    assert len(ours) == 10


def test_the_axis_is_logarithmic_and_nothing_is_cut(drawn):
    (axes,) = drawn[2].axes
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    heights = [bar.get_height() for container in axes.containers for bar in container]
    assert low < min(heights)
    assert max(heights) < high
    assert [text.get_text() for text in axes.get_xticklabels()][-1] == "geometric mean"


def test_bars_of_a_group_do_not_overlap(drawn):
    (axes,) = drawn[2].axes
    bars = [bar for container in axes.containers for bar in container]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
    assert all(after[0] >= before[1] - 1e-9 for before, after in pairwise(edges))


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_result_gives_the_same_file(form, results):
    result = results(figure_6.KEY)
    first, second = (rendered(lambda: figure_6.draw(result), form) for _ in range(2))
    assert first == second


def test_energy_of_neuraltalk_is_derived_from_the_labels():
    """75, 67 and 77 W, as far as 0.6 W for EIE holds there too."""
    microjoule = figure_7.dense_microjoules()["CPU"][6:]
    times = published()["table_4"]["baselines"]["CPU"][figure_6.DENSE][6:]
    watts = [energy / us for energy, us in zip(microjoule, times, strict=True)]
    assert watts == pytest.approx([75.3, 66.8, 77.0], abs=0.1)
