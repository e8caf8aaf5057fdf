"""Deep Compression of Relax modules: prune, then share weights.

The package is also the function: ``eie_backend.compress(mod, recipe)``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from tvm import IRModule

from eie_backend.compress.steps import compression_steps
from eie_backend.config import HardwareConfig
from eie_backend.machine.choices import WinogradMode
from eie_backend.recipe import AnyRecipe


def compress(
    mod: IRModule,
    recipe: AnyRecipe = None,
    winograd: WinogradMode | None = None,
    config: HardwareConfig | None = None,
) -> IRModule:
    """Prune the dense layers and convolutions of a Relax module and share their weights.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights.
    recipe : Recipe, mapping or path, optional
        How each layer is pruned and its weights are shared; by default nothing is pruned and 4
        bits are shared.
    winograd : {"auto", "always", "never"}, optional
        Which 3x3 convolutions become Winograd products; "auto" where that takes fewer
        multiplications. By default what the module's attribute ``eie.winograd`` says, or "auto".
    config : HardwareConfig, optional
        The machine, whose PEs "balanced" pruning counts; the paper's 64-PE design by default.

    Returns
    -------
    IRModule
        Still plain Relax: the weights have many zeros and few values. It remembers the recipe.

    Raises
    ------
    RecipeError
        If the recipe names a layer that the model does not have, gives one both a density and a
        quality, or leaves one without weights; all faults at once.
    ModelError
        If weights are NaN or infinite, or there is no such `winograd`.
    GuardError
        If a step broke what it must keep (see `eie_backend.compress.guards`): a fault of ours.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), without its retraining.
    """
    for step in compression_steps(mod, recipe, winograd, config):
        mod = step.mod
    return mod


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> IRModule:
        return compress(*args, **kwargs)


# `import eie_backend.compress.prune` binds this package to the name of the public function.
sys.modules[__name__].__class__ = _CallablePackage
