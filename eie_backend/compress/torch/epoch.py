"""One epoch of training, with errors that name the batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from eie_backend.errors import InputError, TrainingError

Loss = Callable[[nn.Module, Any], Tensor]
LABEL_FAULTS = ("out of bounds", "out of range", "must be smaller than num_classes")
"""Parts of PyTorch's messages about labels that a loss, an embedding or ``one_hot`` rejects."""


def train_epoch(
    model: nn.Module,
    loader: Iterable[Any],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    after_batch: Callable[[int, float], None],
    where: str,
    remedy: str,
) -> float:
    """Train for one epoch and return the mean of the batches' losses.

    Parameters
    ----------
    model : nn.Module
        The model, in training mode.
    loader, loss, optimizer
        As in `retrain`.
    after_batch : callable
        Called with the number of batches done and the loss after every batch's update.
    where, remedy : str
        For messages: the current step, and the remedy when a number is NaN or infinite.

    Raises
    ------
    InputError
        If there are no batches, a loss is not a scalar with a gradient, or labels are out of range.
    TrainingError
        If a loss, or a parameter after the last batch, is NaN or infinite.
    """
    losses = []
    for number, batch in enumerate(loader, start=1):
        place = f"{where}, batch {number}"
        optimizer.zero_grad()
        value = _loss(model, batch, loss, place)
        losses.append(float(value.detach()))
        if not math.isfinite(losses[-1]):
            raise TrainingError(f"{place}: the loss is {losses[-1]}; {remedy}")
        value.backward()
        optimizer.step()
        after_batch(number, losses[-1])
    if not losses:
        raise InputError(f"{where}: the loader has no batches; give it data")
    if bad := [n for n, p in model.named_parameters() if not torch.isfinite(p).all()]:
        raise TrainingError(f"{where}: {', '.join(bad)} became NaN or infinite; {remedy}")
    return math.fsum(losses) / len(losses)


def batches_of(loader: Iterable[Any]) -> int | None:
    """Return the number of batches of an epoch, or None if the loader has no length."""
    try:
        return len(loader)  # type: ignore[arg-type]
    except TypeError:
        return None


def _loss(model: nn.Module, batch: Any, loss: Loss, place: str) -> Tensor:
    try:
        value = loss(model, batch)
    except (IndexError, RuntimeError) as error:
        if any(fault in str(error) for fault in LABEL_FAULTS):
            raise InputError(
                f"{place}: the loss failed: {error}{_labels(batch)}; labels must lie in 0 to "
                "classes - 1: correct the data or the model's outputs"
            ) from error
        raise
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        grad = " without gradient" if isinstance(value, Tensor) and not value.requires_grad else ""
        raise InputError(
            f"{place}: loss(model, batch) returned {got}{grad}; it must return a scalar tensor "
            "computed from model's outputs"
        )
    return value


def _labels(batch: Any) -> str:
    """Describe the integer labels of a batch of (inputs, labels), for a message."""
    labels = batch[-1] if isinstance(batch, (tuple, list)) and batch else None
    if not isinstance(labels, Tensor) or labels.is_floating_point() or not labels.numel():
        return ""
    return f" (this batch's labels run from {int(labels.min())} to {int(labels.max())})"
