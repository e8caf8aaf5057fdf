"""Find the layers of a PyTorch model whose weights can be pruned and shared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import parametrize

from eie_backend.errors import ModelError
from eie_backend.names.rule import aliases, identifier, source_name
from eie_backend.names.unique import unique_names

KINDS = {nn.Linear: "@dense", nn.Conv1d: "@conv", nn.Conv2d: "@conv", nn.Conv3d: "@conv"}


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer or a convolution: its name, as `from_pytorch` gives it, its module and kind.

    `aliases` are what else it is called: by the path of its module in the model.
    """

    name: str
    module: nn.Module
    kind: str
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, str, str]:
        """What a recipe may call it, as in `DenseLayer.names`."""
        return self.name, self.name, self.kind

    @property
    def weight(self) -> torch.Tensor:
        """The weights that the layer computes with, after any parametrization."""
        return self.module.weight.detach()

    @property
    def matrix(self) -> NDArray[np.float32]:
        """Those weights as (outputs, inputs x kernel), float32."""
        return as_matrix(self.weight)


def as_matrix(weight: torch.Tensor) -> NDArray[np.float32]:
    """Return a weight tensor as a float32 array (outputs, inputs x kernel), a copy if need be."""
    matrix: NDArray[np.float32] = weight.detach().float().cpu().flatten(1).numpy()
    return matrix


def find_layers(model: nn.Module) -> list[Layer]:
    """Return the layers of a model, in the order of its modules.

    Raises
    ------
    ModelError
        If there are none, or a layer's weights are tied, parametrized, not initialised, or not
        finite; the message names every such layer.
    """
    owners: dict[nn.Parameter, list[str]] = {}
    found: list[tuple[str, nn.Module, str]] = []
    for name, module in model.named_modules():
        for own, parameter in module._parameters.items():
            if parameter is not None:
                owners.setdefault(parameter, []).append(f"{name}.{own}" if name else own)
        for base, kind in KINDS.items():
            if isinstance(module, base):
                found.append((f"{name or type(model).__name__.lower()}.weight", module, kind))
    names = unique_names([identifier(source_name(weight)) for weight, *_ in found])
    layers = [
        Layer(name, module, kind, aliases(name, weight))
        for name, (weight, module, kind) in zip(names, found, strict=True)
    ]
    faults = [fault for layer in layers for fault in _faults(layer, owners)]
    if not layers:
        kinds = ", ".join(f"nn.{base.__name__}" for base in KINDS)
        faults.append(f"model: no layer to compress; it needs one of {kinds}")
    if faults:
        raise ModelError("; ".join(faults))
    return layers


def _faults(layer: Layer, owners: dict[nn.Parameter, list[str]]) -> Iterator[str]:
    weight = layer.module._parameters.get("weight")
    if parametrize.is_parametrized(layer.module, "weight"):
        yield (
            f"{layer.name}: its weight is parametrized already; make it plain first: "
            "torch.nn.utils.parametrize.remove_parametrizations(module, 'weight')"
        )
    elif weight is None:
        yield (
            f"{layer.name}: its weight is computed by a hook, such as those of "
            "torch.nn.utils.prune; make it a plain parameter first: prune.remove(module, 'weight')"
        )
    elif nn.parameter.is_lazy(weight):
        yield f"{layer.name}: its weight is not initialised; call the model once first"
    elif len(owners[weight]) > 1:
        yield (
            f"{layer.name}: its weight is tied ({' = '.join(owners[weight])}): pruning one would "
            "change the other; give it a copy: nn.Parameter(weight.detach().clone())"
        )
    elif bad := int((~torch.isfinite(weight)).sum()):
        yield f"{layer.name}: {bad} of {weight.numel()} weights are NaN or infinite; repair them"
