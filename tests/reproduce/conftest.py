"""The nine generated layers, run once for all tests of the reproduction."""

import pytest

from eie_backend.reproduce.runs import Runs


@pytest.fixture(scope="session")
def runs():
    """Run the generated layers; nothing from outside the checkout."""
    return Runs()
