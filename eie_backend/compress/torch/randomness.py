"""The random states that a run depends on: seed them, save them, restore them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

LOADER_STATE = ("state_dict", "load_state_dict")
"""Methods of a loader that has its own state."""


@contextmanager
def own_randomness() -> Iterator[None]:
    """Restore the caller's global random states at the end, also after an exception."""
    state = random_state(None)
    try:
        yield
    finally:
        restore_random_state(None, state)


def seed_all(loader: Any, seed: int) -> None:
    """Seed PyTorch, NumPy, Python and the loader's own generators."""
    torch.manual_seed(seed)
    np.random.seed(seed % (1 << 32))  # noqa: NPY002 - users' transforms draw from the global one
    random.seed(seed)
    for generator in _generators(loader):
        generator.manual_seed(seed)


def random_state(loader: Any) -> dict[str, Any]:
    """Return all random states, in types that can be loaded safely."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    state = {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": (kind, [int(key) for key in keys], position, has_gauss, gauss),
        "python": random.getstate(),
        "generators": [generator.get_state() for generator in _generators(loader)],
    }
    if all(hasattr(loader, method) for method in LOADER_STATE):
        state["loader"] = loader.state_dict()
    return state


def restore_random_state(loader: Any, state: dict[str, Any]) -> None:
    """Restore all random states from the result of `random_state`."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    random.setstate(state["python"])
    for generator, saved in zip(_generators(loader), state["generators"], strict=True):
        generator.set_state(saved)
    if "loader" in state:
        loader.load_state_dict(state["loader"])


def _generators(loader: Any) -> list[torch.Generator]:
    """Return the generators of a ``DataLoader`` and its samplers, each once."""
    owners = [loader, *(getattr(loader, name, None) for name in ("sampler", "batch_sampler"))]
    owners.append(getattr(owners[2], "sampler", None))
    found = [getattr(owner, "generator", None) for owner in owners]
    return list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())
