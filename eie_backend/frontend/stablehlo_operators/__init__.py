"""What StableHLO's operations become in Relax: a file per family.

Each file defines `CONVERTERS`, functions by operation; nothing lists the files.
"""

from collections.abc import Mapping

from eie_backend.discover import discover
from eie_backend.frontend.stablehlo_operators._operation import Conversion

FAMILIES: list[Mapping[str, Conversion]] = discover(__name__, __path__, "CONVERTERS")
CONVERTERS: Mapping[str, Conversion] = {
    name: convert for family in FAMILIES for name, convert in family.items()
}
"""By operation, with its dialect."""
