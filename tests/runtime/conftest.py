"""Programs are drawn at random, and saturate at random: nobody is told of it here."""

import pytest

from eie_backend.simulator.unrecorded import untold


@pytest.fixture(autouse=True, scope="module")
def quiet():
    with untold():
        yield
