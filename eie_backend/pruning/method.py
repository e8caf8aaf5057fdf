"""`PruningMethod`: a way to choose the weights that stay, and what others must know about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eie_backend.machine.nonzeros import NonZeros

Keep: TypeAlias = (
    "Callable[[Mapping[str, NDArray[np.float32]], Mapping[str, float], int], "
    "dict[str, NDArray[np.bool_]]]"
)


@dataclass(frozen=True)
class PruningMethod:
    """A pruning method; a file in `eie_backend.pruning.methods` defines each as `METHOD`.

    Attributes
    ----------
    name : str
        What recipes and the command line call it.
    meaning : str
        Which weights go, for the command line's help.
    about : str
        Which weights stay, in Markdown, for ``docs/compression.md``.
    keep : callable
        ``keep(weights, density, num_pe)`` returns a mask (outputs, inputs) of the weights that stay
        for each of `weights`, float32 matrices (outputs, inputs) by layer: those that have this
        method and a density in (0, 1). Compiling, searching and retraining all call it.
    is_layerwise : bool
        Whether the mask of a layer follows from that layer alone, so that the layer can be tried
        alone.
    counts_pes : bool
        Whether masks depend on the number of PEs.
    stays : callable, optional
        ``stays(weights, density)`` returns a layer's non-zero weights that stay, or None if all do:
        the same as `keep`, but without a mask, for layers that hardly fit into memory.
    """

    name: str
    meaning: str
    about: str
    keep: Keep
    is_layerwise: bool = True
    counts_pes: bool = False
    stays: Callable[[NDArray[np.float32], float], NonZeros | None] | None = None
