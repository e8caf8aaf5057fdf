"""Everything here runs on one thread."""

from importlib.util import find_spec

import pytest


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors are faster so, and results do not depend on the machine's cores."""
    if find_spec("torch") is None:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
