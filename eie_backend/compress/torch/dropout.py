"""Scale dropout rates with the fraction of connections that pruning keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from torch import nn

from eie_backend.compress.torch.layers import Layer

# PyTorch has no public base class of its dropout modules.
_Dropout = nn.modules.dropout._DropoutNd


@dataclass(frozen=True, eq=False)
class Dropout:
    """A dropout module, its original rate, and the layer whose inputs it drops."""

    module: nn.Module
    rate: float
    layer: str

    def scale(self, remaining: float) -> None:
        """Set the rate for a layer with a fraction `remaining` of its connections."""
        self.module.p = self.rate * sqrt(remaining)


def find_dropouts(model: nn.Module, layers: Sequence[Layer]) -> list[Dropout]:
    """Return the dropout modules of a model, each with the next layer in module order.

    A dropout module after the last layer belongs to the last layer. Calls of ``functional.dropout``
    are not found.
    """
    names = {layer.module: layer.name for layer in layers}
    found: list[Dropout] = []
    following = layers[-1].name
    for module in reversed(list(model.modules())):
        following = names.get(module, following)
        if isinstance(module, _Dropout):
            found.append(Dropout(module, module.p, following))
    return found


def scale_dropout(dropouts: Sequence[Dropout], remaining: Mapping[str, float]) -> None:
    """Scale every rate by the square root of the fraction of remaining connections.

    Parameters
    ----------
    dropouts : sequence of Dropout
        The dropout modules of the model.
    remaining : mapping of str to float
        For each layer, its non-zero weights over those of the original model.

    Notes
    -----
    **Source**: Learning both Weights and Connections, equations 1 and 2:
    ``Dr = Do * sqrt(Cir / Cio)``. The paper counts the connections "in layer i" without saying on
    which side of it dropout lies; dropping a layer's inputs drops its connections, so here it is
    the layer that follows.
    """
    for dropout in dropouts:
        dropout.scale(remaining[dropout.layer])
