"""Figure 13: load balance by the number of PEs."""

import pytest

from eie_backend.reproduce import figure_8, figure_11
from eie_backend.reproduce.figure_12 import real_share
from eie_backend.reproduce.figure_13 import draw
from eie_backend.reproduce.shaded_bars import PES, rises
from eie_backend.show.drawing import rendered


@pytest.fixture(scope="module")
def result(results):
    return results("figure_13")


def test_the_papers_statements_hold(result):
    assert result.failures == []
    assert sum(value.tolerance is not None for value in result.values) == 1 + 8


def test_64_pes_are_figure_8_with_8_slots(result, results):
    balance = {name: value.ours for name, value in result.of("64 PEs").items()}
    queues = results(figure_8.KEY).of("8 slots")
    assert balance == {name: value.ours for name, value in queues.items()}


def test_speedup_is_pes_times_balance_times_real_work(result, runs, results):
    """The three figures say one thing: active non-zeros over cycles."""
    speedups = results(figure_11.KEY)
    for n in PES:
        for name, speedup in speedups.of(f"{n} PEs").items():
            overall, one = (
                result.of(f"{p} PEs")[name].ours * real_share(runs.with_pes(name, p))
                for p in (n, 1)
            )
            assert speedup.ours == pytest.approx(n * overall / one)


def test_a_share_that_falls_does_not_rise():
    assert rises([0.5, 0.4995, 0.9])
    assert not rises([0.5, 0.49, 0.9])


def test_the_picture_has_a_bar_per_layer_and_number_of_pes(result):
    made = []
    assert rendered(lambda: made.append(draw(result)) or made[0], "png").startswith(b"\x89PNG")
    assert len(made[0].axes[0].patches) == 9 * len(PES)
