"""`Run`: the steps of `retrain`, one after the other, from wherever a checkpoint left off.

A step changes the weights (`_begin`), trains (`_epoch`) and is recorded (`_end`). All that a run
remembers is in what `_save` writes: a run that starts from there does the same as one that went on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from eie_backend.compress.guards import guard
from eie_backend.compress.torch.checkpoint import save_checkpoint
from eie_backend.compress.torch.dropout import find_dropouts, scale_dropout
from eie_backend.compress.torch.epoch import Loss, batches_of, train_epoch
from eie_backend.compress.torch.layers import as_matrix, find_layers
from eie_backend.compress.torch.parametrizations import (
    make_plain,
    mask_weight,
    parametrization,
    set_mask,
    share_weight,
)
from eie_backend.compress.torch.plan import Plan
from eie_backend.compress.torch.progress import Progress
from eie_backend.compress.torch.randomness import (
    own_randomness,
    random_state,
    restore_random_state,
)
from eie_backend.compress.torch.records import (
    LayerState,
    Step,
    layer_state,
    step_from_dict,
    step_to_dict,
)
from eie_backend.compress.torch.training import Training
from eie_backend.errors import InputError, ModelError, TrainingError

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer, int], Any]
PRUNE, SHARE = "prune", "share"


@dataclass(frozen=True, eq=False)
class Task:
    """What `retrain` was called with, as far as training needs it."""

    loss: Loss
    loader: Iterable[Any]
    make_optimizer: MakeOptimizer
    make_scheduler: MakeScheduler | None
    evaluate: Callable[[nn.Module], float] | None
    training: Training
    folder: Path | None


@dataclass
class _Current:
    """The step that is going on."""

    accuracy_before: float | None
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0


class Run:
    """A model on its way through the steps of a plan.

    Parameters
    ----------
    model : nn.Module
        The copy that is changed.
    given : mapping of str to ndarray, shape (outputs, inputs x kernel), float32
        The weights of its layers before everything.
    plan, task, bar
        What to do, with what, and where to show progress.
    """

    def __init__(
        self,
        model: nn.Module,
        given: Mapping[str, NDArray[np.float32]],
        plan: Plan,
        task: Task,
        bar: Progress,
    ) -> None:
        self.model, self.given = model, given
        self.plan, self.task, self.bar = plan, task, bar
        self.layers = find_layers(model)
        self.dropouts = find_dropouts(model, self.layers)
        self.modes = {module: module.training for module in model.modules()}
        self.steps: list[Step] = []
        self._phase: str | None = None
        self._current: _Current | None = None
        self.optimizer, self.scheduler = self._make_optimizer(1.0, 0)
        self._clock = time.perf_counter()

    def start(self) -> None:
        """Record the given model."""
        accuracy = self._evaluate()
        self.steps = [Step("start", accuracy, accuracy, [], self._states(None), self._lap())]

    def finish(self, identity: Mapping[str, Any]) -> None:
        """Do all steps that are left; the model then has plain parameters."""
        for name in self.plan.steps[len(self.steps) - 1 :]:
            if self._current is None:
                self._current = self._begin(name)
                self._save(identity)
            while len(self._current.losses) < self._epochs(name):
                self._current.losses.append(self._epoch(name, len(self._current.losses) + 1))
                self._save(identity)
            self.steps.append(self._end(name, self._current))
            self._current = None
        self._save(identity)
        for dropout in self.dropouts:
            dropout.scale(1.0)
        self._set_modes(self.modes)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to where a run was when it saved `state`."""
        self.steps = [step_from_dict(step) for step in state["steps"]]
        self._current = state["current"] and _Current(**state["current"])
        if state["phase"] is not None:
            self._enter(state["phase"], {n: np.zeros_like(w) for n, w in self.given.items()})
        self.model.load_state_dict(state["model"])
        if state["phase"] is not None:
            self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self._scale_dropout()
        restore_random_state(self.task.loader, state["random"])

    def _save(self, identity: Mapping[str, Any]) -> None:
        if self._current is not None:
            self._current.seconds += self._lap()
        if self.task.folder is None:
            return
        state = {
            "identity": dict(identity),
            "steps": [step_to_dict(step) for step in self.steps],
            "current": self._current and asdict(self._current),
            "phase": self._phase,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler and self.scheduler.state_dict(),
            "random": random_state(self.task.loader),
        }
        save_checkpoint(self.task.folder, state)

    def _begin(self, name: str) -> _Current:
        """Change the weights: share them, or choose those that stay."""
        if name == SHARE:
            before = self._weights()
            self._enter(SHARE, {n: self.plan.shared(n, w) for n, w in before.items()})
            self._scale_dropout()
            guard(name, before, self._weights(), self.plan.bits)
        else:
            if self._phase is None:
                self._enter(PRUNE, self.given)
            if self.task.training.prune_every is None:
                self._prune(name, self._round)
        return _Current(self._evaluate())

    def _end(self, name: str, current: _Current) -> Step:
        """Check what the step has done and record it."""
        allowed = {
            layer.name: as_matrix(parametrization(layer.module).connections)
            for layer in self.layers
        }
        bits = self.plan.bits if name == SHARE else None
        if name == SHARE:
            self._leave()
        guard(name, allowed, self._weights(), bits)
        accuracy, states = self._evaluate(), self._states(bits)
        seconds = current.seconds + self._lap()
        return Step(name, current.accuracy_before, accuracy, current.losses, states, seconds)

    def _epoch(self, name: str, number: int) -> float:
        epochs = self._epochs(name)
        batches = batches_of(self.task.loader)
        every = self.task.training.prune_every
        before = self._epochs_done() * (batches or 0)

        def after_batch(done: int, loss: float) -> None:
            if self.scheduler is not None:
                self.scheduler.step()
            if every is not None and batches is not None and name != SHARE:
                in_round, of_round = (number - 1) * batches + done, epochs * batches
                if in_round % every == 0 or in_round == of_round:
                    self._prune(name, self._round - 1 + in_round / of_round)
            what = f"{name}, epoch {number} of {epochs}, loss {loss:.4f}"
            total = batches and batches * sum(map(self._epochs, self.plan.steps))
            self.bar.show(what, before + done, total)

        where = f"step {name!r}, epoch {number} of {epochs}"
        training = self.modes[self.model]
        self._set_modes(self.modes if training else dict.fromkeys(self.modes, True))
        task, optimizer = self.task, self.optimizer
        mean = train_epoch(self.model, task.loader, task.loss, optimizer, after_batch, where)
        if bad := [n for n, p in self.model.named_parameters() if not torch.isfinite(p).all()]:
            raise TrainingError(f"{where}: {', '.join(bad)} are NaN or infinite")
        return mean

    def _prune(self, name: str, progress: float) -> None:
        """Choose the weights that stay after `progress` rounds."""
        weights = self._weights()
        if self.task.training.regrow:
            weights = {
                layer.name: as_matrix(layer.module.parametrizations.weight.original)
                for layer in self.layers
            }
        masks = self.plan.masks(weights, progress)
        for layer in self.layers:
            set_mask(layer.module, masks[layer.name])
        self._scale_dropout()
        guard(name, weights, self._weights())

    def _enter(self, phase: str, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Parametrize all layers, by where `weights` are zero or by their values."""
        training = self.task.training
        if self._phase is not None:
            self._leave()
        for layer in self.layers:
            if phase == PRUNE:
                mask_weight(layer.module, weights[layer.name] != 0, training.regrow)
            else:
                share_weight(layer.module, weights[layer.name], self.plan.bits[layer.name])
        self._phase = phase
        if phase == PRUNE:
            epochs, factor = self.plan.rounds * training.prune_epochs, training.learning_rate_factor
        else:
            epochs, factor = training.share_epochs, training.share_learning_rate_factor
        self.optimizer, self.scheduler = self._make_optimizer(factor, epochs)

    def _leave(self) -> None:
        for layer in self.layers:
            make_plain(layer.module)
        self._phase = None

    def _make_optimizer(self, factor: float, epochs: int) -> tuple[torch.optim.Optimizer, Any]:
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        if not parameters:
            raise ModelError("model: no parameter requires a gradient; there is nothing to train")
        optimizer = self.task.make_optimizer(parameters)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise InputError(
                f"optimizer(parameters) returned a {type(optimizer).__name__}; it must return a "
                "torch.optim.Optimizer"
            )
        for group in optimizer.param_groups:
            group["lr"] *= factor
        batches = epochs * (batches_of(self.task.loader) or 0)
        if self.task.make_scheduler is None or not batches:
            return optimizer, None
        return optimizer, self.task.make_scheduler(optimizer, batches)

    def _scale_dropout(self) -> None:
        if self._phase is not None:
            left = {
                layer.name: float(parametrization(layer.module).connections.sum())
                / max(np.count_nonzero(self.given[layer.name]), 1)
                for layer in self.layers
            }
            scale_dropout(self.dropouts, left)

    def _evaluate(self) -> float | None:
        if self.task.evaluate is None:
            return None
        self._set_modes(dict.fromkeys(self.modes, False))
        with own_randomness(), torch.no_grad():
            return float(self.task.evaluate(self.model))

    def _set_modes(self, modes: Mapping[nn.Module, bool]) -> None:
        for module, training in modes.items():
            module.training = training

    def _weights(self) -> dict[str, NDArray[np.float32]]:
        return {layer.name: layer.matrix for layer in self.layers}

    def _states(self, bits: Mapping[str, int] | None) -> dict[str, LayerState]:
        return {
            name: layer_state(weights, self.given[name], None if bits is None else bits[name])
            for name, weights in self._weights().items()
        }

    @property
    def _round(self) -> int:
        """The round that is going on, from 1."""
        return len(self.steps)

    def _epochs(self, name: str) -> int:
        training = self.task.training
        return training.share_epochs if name == SHARE else training.prune_epochs

    def _epochs_done(self) -> int:
        current = len(self._current.losses) if self._current else 0
        return sum(len(step.losses) for step in self.steps) + current

    def _lap(self) -> float:
        now = time.perf_counter()
        passed, self._clock = now - self._clock, now
        return passed
