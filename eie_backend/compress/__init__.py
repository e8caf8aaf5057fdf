"""Deep Compression of Relax modules: prune, then share weights.

The package is also the function: ``eie_backend.compress(mod, recipe)``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import tvm
from tvm import IRModule

from eie_backend.compress.prune import Prune
from eie_backend.compress.share_weights import ShareWeights
from eie_backend.errors import RecipeError
from eie_backend.recipe import Recipe
from eie_backend.transform.dense_form import DenseForm, with_winograd
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.winograd import Mode


def compress(mod: IRModule, recipe: Recipe | None = None, winograd: Mode | None = None) -> IRModule:
    """Prune the dense layers and convolutions of a Relax module and share their weights.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights.
    recipe : Recipe, optional
        Density and bits per layer; by default nothing is pruned and 4 bits are shared.
    winograd : {"auto", "always", "never"}, optional
        Which 3x3 convolutions become Winograd products; "auto" where that takes fewer
        multiplications. By default what the module's attribute ``eie.winograd`` says, or "auto".

    Returns
    -------
    IRModule
        Still plain Relax: the weights have many zeros and few values. It remembers the recipe.

    Raises
    ------
    RecipeError
        If the recipe names a layer that the model does not have.
    ModelError
        If weights are NaN or infinite, or there is no such `winograd`.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), without its retraining.
    """
    recipe = recipe or Recipe()
    normal = DenseForm()(with_winograd(mod, winograd))
    layers = {layer.name: layer for layer in dense_layers(normal)}
    sources = list(dict.fromkeys(layer.source for layer in layers.values()))
    if unused := recipe.unused_patterns([*layers, *sources]):
        raise RecipeError(
            f"recipe: {', '.join(map(repr, unused))} match no dense layer; the layers are "
            f"{', '.join(sources) or 'none'}"
        )
    density = {n: recipe.density_of(*layer.names) for n, layer in layers.items()}
    passes = [
        # Pruning first: shared values are the means of the weights that stay.
        Prune({name: share / layers[name].groups for name, share in density.items()}),
        ShareWeights({n: recipe.bits_of(*layer.names) for n, layer in layers.items()}),
    ]
    compressed: IRModule = tvm.transform.Sequential(passes)(normal)
    return compressed.with_attr("eie.recipe", recipe.to_json())


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> IRModule:
        return compress(*args, **kwargs)


# `import eie_backend.compress.prune` binds this package to the name of the public function.
sys.modules[__name__].__class__ = _CallablePackage
