"""`Weights`: the layers' weights while they are masked or shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from eie_backend.compress.guards import guard
from eie_backend.compress.torch.dropout import find_dropouts, scale_dropout
from eie_backend.compress.torch.layers import as_matrix, find_layers
from eie_backend.compress.torch.parametrizations import (
    make_plain,
    mask_weight,
    parametrization,
    set_mask,
    share_weight,
)
from eie_backend.compress.torch.plan import Plan
from eie_backend.compress.torch.records import LayerState, layer_state

Matrices = Mapping[str, NDArray[np.float32]]
"""Weights (outputs, inputs x kernel) by layer name."""

Phase = Literal["plain", "prune", "share"]


class Weights:
    """The weights of a model's layers, and the dropout modules that depend on them.

    Parameters
    ----------
    model : nn.Module
        The model to change.
    given : mapping of str to ndarray
        The original weights of the layers that are pruned and shared.
    plan : Plan
        The plan of pruning and sharing.
    regrow : bool
        Whether masked weights continue to learn, so that a later mask can restore them.
    """

    def __init__(self, model: nn.Module, given: Matrices, plan: Plan, regrow: bool) -> None:
        self.given, self.plan, self.regrow = given, plan, regrow
        every = find_layers(model)
        self.layers = {layer.name: layer for layer in every if layer.name in given}
        # A layer that keeps all its weights still takes a dropout that others share.
        self._whole = dict.fromkeys((layer.name for layer in every), 1.0)
        self._dropouts = find_dropouts(model, every)
        self.phase: Phase = "plain"
        self._connections: dict[str, NDArray[np.bool_]] = {}

    def matrices(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights that the layers compute with."""
        return {name: layer.matrix for name, layer in self.layers.items()}

    def become(self, phase: Phase, weights: Matrices | None = None) -> None:
        """Parametrize all layers for a phase.

        `weights` are pruned or shared already, and define the masks or codebooks; without
        `weights`, masks and codebooks are loaded later.
        """
        weights = weights or {name: np.zeros_like(matrix) for name, matrix in self.given.items()}
        for name, layer in self.layers.items():
            if self.phase != "plain":
                make_plain(layer.module)
            if phase == "prune":
                mask_weight(layer.module, weights[name] != 0, self.regrow)
            elif phase == "share":
                share_weight(layer.module, weights[name], self.plan.bits[name])
        self.phase = phase
        self.refresh()

    def prune(self, step: str, progress: float) -> None:
        """Choose the weights to keep after a number of rounds."""
        before = self.matrices()
        if self.regrow:
            before = {
                name: as_matrix(layer.module.parametrizations.weight.original)
                for name, layer in self.layers.items()
            }
        for name, mask in self.plan.masks(before, progress).items():
            set_mask(self.layers[name].module, mask)
        guard(step, before, self.matrices())
        self.refresh()

    def share(self, step: str) -> None:
        """Give every layer its codebook."""
        before = self.matrices()
        self.become("share", {name: self.plan.shared(name, w) for name, w in before.items()})
        guard(step, before, self.matrices(), self.plan.bits)

    def settle(self, step: str, last: bool) -> dict[str, LayerState]:
        """Check that training left zeros zero, and return the layers' states.

        The `last` step leaves plain parameters behind.
        """
        allowed = {name: mask.astype(np.float32) for name, mask in self._connections.items()}
        if last:
            self.become("plain")
        bits = self.plan.bits if last else None
        guard(step, allowed, self.matrices(), bits)
        return self.states(bits)

    def states(self, bits: Mapping[str, int] | None) -> dict[str, LayerState]:
        """Return the states of all layers; with `bits`, layers have shared weights."""
        return {
            name: layer_state(weights, self.given[name], None if bits is None else bits[name])
            for name, weights in self.matrices().items()
        }

    def refresh(self) -> None:
        """Record the positions of non-zero weights, and scale dropout by their number."""
        self._connections = {}
        remaining = dict(self._whole)
        if self.phase != "plain":
            for name, layer in self.layers.items():
                connections = parametrization(layer.module).connections
                # Copy, so that `settle` detects a later change of masks or codes.
                self._connections[name] = connections.flatten(1).cpu().numpy().copy()
                given = max(int(np.count_nonzero(self.given[name])), 1)
                remaining[name] = int(np.count_nonzero(self._connections[name])) / given
        scale_dropout(self._dropouts, remaining)
