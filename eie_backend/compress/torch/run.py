"""`Run`: the steps of `retrain` in order, starting from a checkpoint if there is one.

A step changes the weights (`_begin`), trains (`_epoch`) and is recorded (`_end`). `_save` writes
the complete state of a run, so a run that starts from there gives the same results as a run that
was never interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from rich.progress import Progress, TaskID
from torch import nn

from eie_backend.compress.torch.checkpoint import save_checkpoint
from eie_backend.compress.torch.epoch import batches_of, train_epoch
from eie_backend.compress.torch.plan import Plan
from eie_backend.compress.torch.randomness import (
    own_randomness,
    random_state,
    restore_random_state,
)
from eie_backend.compress.torch.records import RetrainingStep, step_from_dict, step_to_dict
from eie_backend.compress.torch.task import SHARE, Task
from eie_backend.compress.torch.weights import Matrices, Weights


@dataclass
class _Current:
    """The current step."""

    accuracy_before: float | None
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0


class Run:
    """The execution of a plan's steps on a model.

    Parameters
    ----------
    model : nn.Module
        The copy that the run changes.
    given : mapping of str to ndarray
        The original weights of its layers.
    plan, task, bar
        The steps, the training task, and the progress bar.

    Raises
    ------
    ModelError, InputError
        If nothing can be trained.
    """

    def __init__(
        self, model: nn.Module, given: Matrices, plan: Plan, task: Task, bar: Progress
    ) -> None:
        self.model, self.plan, self.task, self.bar = model, plan, task, bar
        self.weights = Weights(model, given, plan, task.training.regrow)
        self.modes = {module: module.training for module in model.modules()}
        self.steps: list[RetrainingStep] = []
        self._current: _Current | None = None
        self._clock = time.perf_counter()
        self._shown: TaskID | None = None
        # Create it once now, so that errors show before the first step.
        self.optimizer, self.scheduler = task.optimizer_for(model, 1.0, 1)

    def start(self) -> None:
        """Record the given model."""
        accuracy, states = self._evaluate(), self.weights.states(None)
        self.steps = [RetrainingStep("start", accuracy, accuracy, [], states, self._lap())]

    def finish(self, identity: Mapping[str, Any]) -> None:
        """Run all remaining steps; the model then has plain parameters."""
        for name in self.plan.steps[len(self.steps) - 1 :]:
            if self._current is None:
                self._current = self._begin(name)
                self._save(identity)
            while len(self._current.losses) < self.task.epochs(name):
                self._current.losses.append(self._epoch(name, self._current))
                self._save(identity)
            self.steps.append(self._end(name, self._current))
            self._current = None
            self._save(identity)
        self._set_modes(self.modes)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the run from the saved `state`."""
        self.steps = [step_from_dict(step) for step in state["steps"]]
        self._current = state["current"] and _Current(**state["current"])
        if state["phase"] != "plain":
            self.weights.become(state["phase"])
            self._new_optimizer()
            self.optimizer.load_state_dict(state["optimizer"])
            if self.scheduler is not None:
                self.scheduler.load_state_dict(state["scheduler"])
        self.model.load_state_dict(state["model"])
        self.weights.refresh()
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
            "phase": self.weights.phase,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler and self.scheduler.state_dict(),
            "random": random_state(self.task.loader),
        }
        save_checkpoint(self.task.folder, state)

    def _begin(self, name: str) -> _Current:
        """Change the weights at the start of a step: share them, or prune."""
        if name == SHARE:
            self.weights.share(name)
            self._new_optimizer()
        else:
            if self.weights.phase == "plain":
                self.weights.become("prune", self.weights.given)
                self._new_optimizer()
            if self.task.training.prune_every is None:
                self.weights.prune(name, len(self.steps))
        return _Current(self._evaluate())

    def _end(self, name: str, current: _Current) -> RetrainingStep:
        """Check what the step has done and record it."""
        if name != SHARE and self.task.training.prune_every is not None:
            self.weights.prune(name, len(self.steps))
        states = self.weights.settle(name, last=name == SHARE)
        accuracy = self._evaluate()
        seconds = current.seconds + self._lap()
        return RetrainingStep(
            name, current.accuracy_before, accuracy, current.losses, states, seconds
        )

    def _epoch(self, name: str, current: _Current) -> float:
        task, batches = self.task, batches_of(self.task.loader) or 0
        epochs, done_epochs = task.epochs(name), len(current.losses)
        before = batches * (done_epochs + sum(len(step.losses) for step in self.steps))
        total = batches * sum(map(task.epochs, self.plan.steps)) or None
        every = None if name == SHARE else task.training.prune_every

        if self._shown is None:
            # Add the task only now: epochs restored from a checkpoint took no time in this run.
            self._shown = self.bar.add_task(name, total=total, completed=before)
        shown = self._shown

        def after_batch(number: int, loss: float) -> None:
            if self.scheduler is not None:
                self.scheduler.step()
            done = done_epochs * batches + number
            if every is not None and done % every == 0:
                self.weights.prune(name, len(self.steps) - 1 + done / (epochs * batches))
            what = f"{name}, epoch {done_epochs + 1} of {epochs}, loss {loss:.4f}"
            self.bar.update(shown, description=what, completed=before + number)

        training = self.modes[self.model]
        self._set_modes(self.modes if training else dict.fromkeys(self.modes, True))
        where = f"step {name!r}, epoch {done_epochs + 1} of {epochs}"
        return train_epoch(
            self.model, task.loader, task.loss, self.optimizer, after_batch, where, self._remedy()
        )

    def _remedy(self) -> str:
        """Return the remedy for a loss that is not a number."""
        kept = f"; {self.task.folder} holds the state before this epoch" if self.task.folder else ""
        return (
            "lower the learning rate (Training.learning_rate_factor, share_learning_rate_factor) "
            f"and look for faulty data{kept}; other settings are another run, in another folder"
        )

    def _new_optimizer(self) -> None:
        """Create the optimizer of a phase: of all pruning rounds, or of the shared weights."""
        training = self.task.training
        if self.weights.phase == "share":
            epochs, factor = training.share_epochs, training.share_learning_rate_factor
        else:
            epochs, factor = self.plan.rounds * training.prune_epochs, training.learning_rate_factor
        self.optimizer, self.scheduler = self.task.optimizer_for(self.model, factor, epochs)

    def _evaluate(self) -> float | None:
        if self.task.evaluate is None:
            return None
        self._set_modes(dict.fromkeys(self.modes, False))
        with own_randomness(), torch.no_grad():
            return float(self.task.evaluate(self.model))

    def _set_modes(self, modes: Mapping[nn.Module, bool]) -> None:
        for module, training in modes.items():
            module.training = training

    def _lap(self) -> float:
        now = time.perf_counter()
        passed, self._clock = now - self._clock, now
        return passed
