"""What holds for every sharing method, also for one that is not written yet."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eie_backend.compress.share_weights import share
from eie_backend.sharing import methods
from eie_backend.sharing.cluster import cluster
from eie_backend.sharing.method import SharingMethod
from eie_backend.sharing.methods import INITIALIZATION, METHODS


@pytest.mark.parametrize("method", METHODS)
@given(
    values=st.lists(st.floats(-(2.0**20), 2.0**20, width=32), min_size=9, max_size=60, unique=True),
    count=st.integers(1, 9),
)
@example([0.0, 2.0, 3.0, 4.0, 5.0, 4.297626698956947e-09, 9.999999960041972e-13, -1.0, -65535.0], 6)
def test_ascending_values_within_the_weights_the_same_each_time(method, values, count):
    ordered = np.sort(np.array(values, np.float32))
    found = cluster(ordered, count, method)
    assert (found.dtype, found.shape) == (np.float32, (count,))
    assert (np.diff(found) >= 0).all()
    assert np.isfinite(found).all()
    assert found.tolist() == cluster(ordered, count, method).tolist()


def test_best_is_the_first():
    assert INITIALIZATION.values[0] == INITIALIZATION.default == "best"
    assert {"best", "linear", "density", "random"} == METHODS.keys()


def test_a_new_method_is_all_that_sharing_needs(monkeypatch):
    """A file would define this: powers of two, as for a machine that shifts."""

    def powers(ordered, count):
        return 2.0 ** np.arange(count) / 4

    monkeypatch.setitem(methods.METHODS, "powers", SharingMethod("powers", "powers of 2", powers))
    weights = np.array([[0.3, 0.6, 0.9, 0], [0.1, 0.52, 0.8, 1.2]], np.float32)
    assert share(weights, 2, "powers").tolist() == [[0.25, 0.5, 1, 0], [0.25, 0.5, 1, 1]]
