"""Figure 11: speedup by the number of PEs."""

import pytest

from eie_backend.reproduce.figure_11 import draw
from eie_backend.reproduce.shaded_bars import PES
from eie_backend.show.drawing import rendered


@pytest.fixture(scope="module")
def result(results):
    return results("figure_11")


def test_the_papers_statements_hold(result):
    assert result.failures == []
    assert sum(value.tolerance is not None for value in result.values) == 4


def test_only_nt_we_is_not_near_linear(result):
    assert [name for name, value in result.of("64 PEs").items() if value.ours < 0.9 * 64] == [
        "NT-We"
    ]


def test_cycles(runs, golden):
    text = "num_pe " + " ".join(map(str, PES)) + "\n"
    for name in runs.layers:
        text += " ".join([name, *(str(runs.with_pes(name, n).cycles) for n in PES)]) + "\n"
    golden("figure_11_cycles.txt", text)


def test_the_picture_has_a_bar_per_layer_and_number_of_pes(result):
    made = []
    assert rendered(lambda: made.append(draw(result)) or made[0], "png").startswith(b"\x89PNG")
    (axes,) = made[0].axes
    assert axes.get_yscale() == "log"
    assert len(axes.patches) == 9 * len(PES)
