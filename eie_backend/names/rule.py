"""The rule that names a layer of any source: by its parameter, else its module, else its node.

A network has the same names in PyTorch and in the ONNX file that was exported from it, and a file
that is only read has those of the module that it would be imported as.
"""

from __future__ import annotations

import re
from keyword import iskeyword


def identifier(name: str) -> str:
    """Return a layer's name as a variable's name that TVMScript can parse.

    Examples
    --------
    >>> identifier("/block/fc1/Gemm"), identifier("0.weight")
    ('block_fc1_Gemm', 'layer_0_weight')
    """
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return plain if plain.isidentifier() and not iskeyword(plain) else f"layer_{plain}"


def owner(parameter: str) -> str:
    """Return what has the weights of that name, or "" if no framework names weights so.

    Examples
    --------
    >>> owner("net.1.weight"), owner("lstm.weight_ih_l0"), owner("onnx::MatMul_12")
    ('net.1', 'lstm.ih_l0', '')
    """
    path, _, own = parameter.rpartition(".")
    words = own.split("_")
    if not path or "weight" not in words:
        return ""
    return ".".join([path, *filter(None, ["_".join(word for word in words if word != "weight")])])


def source_name(parameter: str = "", module: str = "", node: str = "") -> str:
    """Return the name that a layer gets, before it becomes an identifier.

    Parameters
    ----------
    parameter : str
        What the source calls its weights.
    module : str
        The path of the module whose only layer it is.
    node : str
        What the source calls the operation.

    Examples
    --------
    >>> source_name("net.1.weight", "net.1", "node_linear"), source_name("val_3", "", "node_MatMul")
    ('net.1', 'node_MatMul')
    """
    return owner(parameter) or module or node


def aliases(name: str, parameter: str = "", module: str = "", node: str = "") -> tuple[str, ...]:
    """Return the other names of a layer in its source, if it is called `name`.

    A parameter whose owner became the name is left out: it is found by that.

    Examples
    --------
    >>> aliases("net_1", "net.1.weight", "", "node_linear"), aliases("fc", "w", "", "fc")
    (('net.1', 'node_linear'), ('w',))
    """
    path = parameter.removesuffix(".weight")
    names = [path if path == owner(parameter) else "", parameter, module, node]
    known = name, parameter if identifier(owner(parameter)) == name else name
    return tuple(dict.fromkeys(one for one in names if one and one not in known))
