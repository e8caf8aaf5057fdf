"""What explains the two layers of Table IV that generated layers miss."""

import pytest

from eie_backend.reproduce import uneven
from eie_backend.reproduce.runs import Runs


@pytest.fixture(scope="module")
def result(results):
    return results(uneven.KEY)


@pytest.mark.nightly
def test_a_layer_as_dense_and_uneven_as_the_real_one_takes_its_time(result):
    assert not result.failures
    actual = result.of("actual")
    even, real = actual["Alex-8 with real densities"], actual["Alex-8 uneven as well"]
    assert abs(real.difference) < abs(even.difference) < abs(actual["Alex-8 even"].difference)


@pytest.mark.nightly
def test_unevenness_alone_does_not_explain_vgg_6(result):
    for item in ("VGG-6 even", "VGG-6 uneven", "VGG-6 in seven batches"):
        # Table IV's layers are within 12 %; this one is off by more than twice that.
        assert result.of("actual")[item].difference < -0.24


@pytest.mark.nightly
def test_uneven_layers_take_longer(result):
    actual = result.of("actual")
    names = {item.partition(" ")[0] for item in actual}
    assert len(names) == 9
    for name in names:
        assert actual[f"{name} uneven"].ours > actual[f"{name} even"].ours


def test_runs_say_which_structure_they_have():
    runs = Runs(structure=uneven.UNEVEN)
    assert "columns' by 8.0%" in runs.note()
