"""`Task`: the arguments of `retrain` that training needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from eie_backend.compress.torch.epoch import Loss, batches_of
from eie_backend.compress.torch.training import Training
from eie_backend.errors import InputError, ModelError

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer, int], Any]
SHARE = "share"


@dataclass(frozen=True, eq=False)
class Task:
    """Loss, data, optimizer, settings, and the folder of checkpoints."""

    loss: Loss
    loader: Iterable[Any]
    make_optimizer: MakeOptimizer
    make_scheduler: MakeScheduler | None
    evaluate: Callable[[nn.Module], float] | None
    training: Training
    folder: Path | None

    def epochs(self, step: str) -> int:
        """Return the number of epochs of a step."""
        return self.training.share_epochs if step == SHARE else self.training.prune_epochs

    def optimizer_for(
        self, model: nn.Module, factor: float, epochs: int
    ) -> tuple[torch.optim.Optimizer, Any]:
        """Return an optimizer with scaled learning rates, and its scheduler or None.

        Raises
        ------
        ModelError, InputError
            If nothing can be trained, or there is no optimizer.
        """
        parameters = [p for p in model.parameters() if p.requires_grad]
        if not parameters:
            raise ModelError(
                "model: no parameter requires a gradient; set requires_grad of those to train"
            )
        optimizer = self.make_optimizer(parameters)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise InputError(
                f"optimizer(parameters) returned a {type(optimizer).__name__}; it must return a "
                "torch.optim.Optimizer"
            )
        for group in optimizer.param_groups:
            group["lr"] *= factor
        batches = epochs * (batches_of(self.loader) or 0)
        if self.make_scheduler is None or not batches:
            return optimizer, None
        return optimizer, self.make_scheduler(optimizer, batches)
