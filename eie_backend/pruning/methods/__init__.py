"""The pruning methods: one file each, defining `METHOD`.

A new file in this folder is a new method: nothing else lists them. Recipes, the command line,
retraining and the docs know it. The command line's help reads the files, so they import NumPy, and
what needs it, inside functions.
"""

from eie_backend.discover import discover
from eie_backend.machine.choices import Choice
from eie_backend.pruning.method import PruningMethod

DEFAULT = "magnitude"

METHODS: dict[str, PruningMethod] = {
    method.name: method for method in discover(__name__, __path__, "METHOD")
}
PRUNING_METHOD: Choice[str] = Choice(
    "method",
    {
        name: METHODS[name].meaning
        for name in sorted(METHODS, key=lambda name: (name != DEFAULT, name))
    },
    DEFAULT,
)
LAYERWISE_METHODS = tuple(name for name in PRUNING_METHOD.values if METHODS[name].is_layerwise)
"""Methods that choose the weights of a layer by that layer alone, so that it can be tried alone."""
