"""`machine_code`: TVM's external code generator replaces the machine's functions."""

from __future__ import annotations

from tvm import IRModule, relax

from eie_backend.transform.attributes import options
from eie_backend.transform.partition import CODEGEN


def machine_code(partitioned: IRModule) -> IRModule:
    """Return a partitioned module with runtime modules of kind ``eie`` for its functions.

    ``relax.ext.eie`` makes their images. It receives only the functions, so the module's
    attributes are passed as options of the code generator.
    """
    built = relax.transform.RunCodegen({CODEGEN: options(partitioned)})(partitioned)
    # The images contain the weights; TVM would also put these constants into the library.
    return built.without_attr("const_name_to_constant")
