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
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers


def compress(mod: IRModule, recipe: Recipe | None = None) -> IRModule:
    """Prune the dense layers of a Relax module and share their weights.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights.
    recipe : Recipe, optional
        Density and bits per layer; by default nothing is pruned and 4 bits are shared.

    Returns
    -------
    IRModule
        Still plain Relax: the weights have many zeros and few values. It remembers the recipe.

    Raises
    ------
    RecipeError
        If the recipe names a layer that the model does not have.
    ModelError
        If weights are NaN or infinite.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), without its retraining.
    """
    recipe = recipe or Recipe()
    normal = DenseForm()(mod)
    names = [layer.name for layer in dense_layers(normal)]
    if unused := recipe.unused_patterns(names):
        raise RecipeError(
            f"recipe: {', '.join(map(repr, unused))} match no dense layer; the layers are "
            f"{', '.join(names) or 'none'}"
        )
    passes = [
        # Pruning first: shared values are the means of the weights that stay.
        Prune({name: recipe.density_of(name) for name in names}),
        ShareWeights({name: recipe.bits_of(name) for name in names}),
    ]
    compressed: IRModule = tvm.transform.Sequential(passes)(normal)
    return compressed.with_attr("eie.recipe", recipe.to_json())


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> IRModule:
        return compress(*args, **kwargs)


# `import eie_backend.compress.prune` binds this package to the name of the public function.
sys.modules[__name__].__class__ = _CallablePackage
