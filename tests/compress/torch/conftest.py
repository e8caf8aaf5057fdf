"""A small task and networks for it; everything here needs PyTorch."""

import pytest


@pytest.fixture(autouse=True)
def one_thread():
    """Run on one thread: small tensors are faster, and results are the same on all machines."""
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
