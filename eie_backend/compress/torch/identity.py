"""The identity of a run, so that a run does not continue another run's checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

import torch
from torch import nn

from eie_backend.compress.torch.training import Training
from eie_backend.errors import CheckpointError
from eie_backend.recipe import Recipe


def identity(
    model: nn.Module,
    recipe: Recipe,
    training: Training,
    optimizer: torch.optim.Optimizer,
    seed: int,
    num_pe: int,
) -> dict[str, str]:
    """Return the settings that identify a run, by name; the model and its weights as a hash."""
    digest = hashlib.sha256(repr(model).encode())
    for name, value in model.state_dict().items():
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    return {
        "model": digest.hexdigest(),
        "recipe": recipe.to_json(),
        "training": json.dumps(asdict(training), sort_keys=True),
        "optimizer": f"{type(optimizer).__name__} {groups}",
        "seed": str(seed),
        "num_pe": str(num_pe),
    }


def check_same(saved: Mapping[str, str], mine: Mapping[str, str], folder: object) -> None:
    """Check that a checkpoint is of this run.

    Raises
    ------
    CheckpointError
        If it is of another run; the message names all differences.
    """
    differences = [
        name if name == "model" else f"{name} ({saved.get(name)} there, {value} here)"
        for name, value in mine.items()
        if saved.get(name) != value
    ]
    if differences:
        raise CheckpointError(
            f"{folder}: the checkpoint is of a run with another {', '.join(differences)}; give "
            "another folder to start anew, or the same arguments to continue"
        )
