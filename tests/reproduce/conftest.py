"""The nine layers, generated once for all tests of this folder, and with the real Alex-8."""

from functools import cache

import numpy as np
import pytest

from eie_backend.reproduce.catalog import CATALOG
from eie_backend.reproduce.runs import Runs
from eie_backend.workloads import read_alex8


@pytest.fixture(scope="session")
def runs():
    """Return runs of the generated layers, seed 0."""
    return Runs()


@pytest.fixture(scope="session")
def results(runs):
    """Return the result of a key in the catalog, of the generated layers; each is made once."""
    return cache(lambda key: CATALOG[key].reproduce(runs))


@pytest.fixture(scope="session")
def real_runs(runs, alex8, tmp_path_factory):
    """Return runs with the real Alex-8; the other layers are those of `runs`."""
    path = tmp_path_factory.mktemp("alex8") / "alex8.npz"
    np.savez(path, **alex8)
    made = Runs(path)
    made.layers = {**runs.layers, "Alex-8": read_alex8(path)}
    return made
