"""The sharing methods: one file each, defining `METHOD`.

A new file in this folder is a new method: nothing else lists them. Recipes, retraining and the docs
know it. The command line's help reads the files, so they import NumPy, and what needs it, inside
functions.
"""

from eie_backend.discover import discover
from eie_backend.machine.choices import Choice
from eie_backend.sharing.method import SharingMethod

DEFAULT = "best"

METHODS: dict[str, SharingMethod] = {
    method.name: method for method in discover(__name__, __path__, "METHOD")
}
INITIALIZATION: Choice[str] = Choice(
    "initialization",
    {
        name: METHODS[name].about
        for name in sorted(METHODS, key=lambda name: (name != DEFAULT, name))
    },
    DEFAULT,
)
