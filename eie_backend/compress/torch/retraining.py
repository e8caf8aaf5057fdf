"""`retrain`: prune a PyTorch model and share its weights, with training after every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from eie_backend.compress.torch.checkpoint import load_checkpoint
from eie_backend.compress.torch.epoch import Loss, batches_of
from eie_backend.compress.torch.identity import check_same, identity
from eie_backend.compress.torch.layers import find_layers
from eie_backend.compress.torch.plan import make_plan
from eie_backend.compress.torch.randomness import own_randomness, seed_all
from eie_backend.compress.torch.records import Result
from eie_backend.compress.torch.run import Run
from eie_backend.compress.torch.task import MakeOptimizer, MakeScheduler, Task
from eie_backend.compress.torch.training import Training
from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.recipe import Recipe, paper_recipe
from eie_backend.show.progress_bar import progress_bar


def retrain(
    model: nn.Module,
    recipe: Recipe | None = None,
    *,
    loss: Loss,
    loader: Iterable[Any],
    optimizer: MakeOptimizer | None = None,
    scheduler: MakeScheduler | None = None,
    training: Training | None = None,
    evaluate: Callable[[nn.Module], float] | None = None,
    seed: int = 0,
    checkpoints: str | PathLike[str] | None = None,
    config: HardwareConfig | None = None,
    progress: bool = True,
) -> Result:
    """Compress a model: prune and retrain in rounds, then share weights and train them.

    Parameters
    ----------
    model : nn.Module
        A trained model. It is not changed: a copy is. Every ``nn.Linear`` and ``nn.Conv1d``,
        ``2d`` and ``3d`` in it is a layer, with the name that `from_pytorch` gives it; a layer
        whose weights need no gradient is pruned and shared, but not trained. Modules in evaluation
        mode inside a model in training mode, such as a frozen batch norm, are trained in evaluation
        mode.
    recipe : Recipe, optional
        Density, bits, method and schedule per layer; by default `paper_recipe`. A `quality` becomes
        the density that it gives in the given model.
    loss : callable
        ``loss(model, batch)`` returns the scalar tensor to minimise.
    loader : iterable
        Batches of any kind; every epoch iterates over it once.
    optimizer : callable, optional
        ``optimizer(parameters)`` returns the optimizer of the original training; `training` scales
        its learning rates. The default is Adam with PyTorch's rates. One optimizer serves all
        rounds of pruning, and another one the shared weights.
    scheduler : callable, optional
        ``scheduler(optimizer, batches)`` returns a learning rate scheduler; its ``step()`` is
        called after each of the optimizer's `batches`.
    training : Training, optional
        Rounds, epochs, learning rates.
    evaluate : callable, optional
        ``evaluate(model)`` returns the accuracy for the record of a step. It is called in
        evaluation mode, without gradients, and does not affect the run's random states.
    seed : int
        Seed of PyTorch, NumPy, Python and the loader's generators; `retrain` restores the global
        ones when it returns.
    checkpoints : path, optional
        Folder in which the run's state is saved after every step and epoch; the same call continues
        from there.
    config : HardwareConfig, optional
        The machine; pruning methods that count PEs, such as "balanced", use its `num_pe`.
    progress : bool
        Show a progress bar on standard error if that is a terminal.

    Returns
    -------
    Result
        The compressed model, with plain parameters, and a record of every step.

    Raises
    ------
    RecipeError, ModelError
        If the recipe does not fit the model, or the model cannot be compressed.
    InputError
        If the loader, the loss or labels are not as above.
    TrainingError
        If the loss is NaN or infinite.
    CheckpointError
        If a checkpoint cannot be written or read, or is of another run.
    GuardError
        If a step violates an invariant: zeros stay zero, at most ``2**bits`` values.

    Notes
    -----
    The same call gives the same bits with the same PyTorch on the same machine with the same number
    of threads (``torch.set_num_threads``), also if the process is killed at any point and called
    again. This requires that the loader's order and transforms draw from the global generators of
    PyTorch, NumPy or Python, from ``loader.generator`` or its sampler's, or have their own state
    in ``loader.state_dict()`` and ``load_state_dict``. Workers that persist over epochs
    (``persistent_workers``) have random states that cannot be saved. On a GPU,
    ``torch.use_deterministic_algorithms(True)`` is needed as well.

    **Source**: Deep Compression (ICLR 2016), sections 2 and 3; Learning both Weights and
    Connections (NIPS 2015), section 3.
    """
    if iter(loader) is loader:
        raise InputError(
            f"loader: a {type(loader).__name__} ends after one epoch; give something that can be "
            "iterated again, such as a DataLoader or a list of batches"
        )
    training = training or Training()
    if batches_of(loader) is None and (scheduler or training.prune_every):
        raise InputError(
            f"loader: a {type(loader).__name__} has no length, which `scheduler` and `prune_every` "
            "need; give it __len__, the batches of an epoch"
        )
    num_pe = (config or HardwareConfig()).num_pe
    found = find_layers(model)
    recipe = (recipe or paper_recipe()).for_layers(found)
    # A layer on the host is trained like the rest, but keeps all its weights.
    given = [layer for layer in found if recipe.runs_on_of(*layer.names) == "machine"]
    plan = make_plan(given, recipe, training, num_pe, [layer.name for layer in found])
    copy = deepcopy(model)
    folder = None if checkpoints is None else Path(checkpoints)
    task = Task(loss, loader, optimizer or torch.optim.Adam, scheduler, evaluate, training, folder)
    with own_randomness(), progress_bar(Console(stderr=True), progress) as bar:
        run = Run(copy, {layer.name: layer.matrix for layer in given}, plan, task, bar)
        mine = identity(copy, recipe, training, run.optimizer, seed, num_pe)
        if folder is not None and (state := load_checkpoint(folder)) is not None:
            check_same(state["identity"], mine, folder)
            run.restore(state)
        else:
            seed_all(loader, seed)
            run.start()
        run.finish(mine)
    return Result(copy, recipe, run.steps)
