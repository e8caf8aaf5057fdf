"""`machine_code`: TVM's external code generator replaces the machine's functions."""

from __future__ import annotations

from tvm import IRModule, relax

from eie_backend.transform.attributes import options
from eie_backend.transform.partition import CODEGEN


def machine_code(partitioned: IRModule) -> IRModule:
    """Return a partitioned module with runtime modules of kind ``eie`` for its functions.

    Their images are made by ``relax.ext.eie``, which sees functions alone; what travels on the
    module is handed over as the code generator's options.
    """
    built = relax.transform.RunCodegen({CODEGEN: options(partitioned)})(partitioned)
    # The weights are in the images; TVM would put these constants into the library, too.
    return built.without_attr("const_name_to_constant")
