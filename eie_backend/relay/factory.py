"""``relay.build``: a library whose entry "default" makes runnable modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import tvm
from numpy.typing import ArrayLike
from tvm import IRModule, relax
from tvm.target import Target

from eie_backend.codegen.library import export_library, load
from eie_backend.codegen.linked import linked
from eie_backend.compiler import compile as compile_module
from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.transform.inputs import as_array


class GraphExecutorFactory:
    """The result of `build`; ``factory["default"](device)`` creates a runnable module."""

    def __init__(self, executable: relax.VMExecutable) -> None:
        self.executable = executable

    def __getitem__(self, name: str) -> Callable[[Any], relax.VirtualMachine]:
        if name != "default":
            raise KeyError(f"a factory has only the entry 'default', not {name!r}")
        return lambda device: relax.VirtualMachine(linked(self.executable), device)

    def export_library(self, path: str | PathLike[str]) -> None:
        """Write a shared library that `load_module` reads; see `eie_backend.export_library`."""
        export_library(self.executable, path)


def build(
    mod: IRModule,
    target: Target | HardwareConfig | str | None = None,
    params: Mapping[str, ArrayLike] | None = None,
) -> GraphExecutorFactory:
    """Build a Relax module for the machine, with the classic signature.

    Parameters
    ----------
    mod : IRModule
        A Relax module with a function `main`.
    target : Target, HardwareConfig or str, optional
        An eie target; if omitted, the current one (``with tvm.target.Target("eie"):``), or else
        the paper's machine.
    params : mapping of str to array, optional
        Values of the parameters of `main` that are weights, by name; they become constants.

    Returns
    -------
    GraphExecutorFactory

    Raises
    ------
    InputError
        If `params` names something that `main` does not take.
    ModelError
        If the machine can run no layer.

    Notes
    -----
    Relay left TVM in 0.20; this keeps its call, not its IR.
    """
    if params:
        names = {str(param.name) for param in mod["main"].params}
        if unknown := sorted(params.keys() - names):
            raise InputError(
                f"params {', '.join(unknown)}: main has no such parameter; it takes "
                f"{', '.join(sorted(names))}"
            )
        values = {name: tvm.runtime.tensor(as_array(value)) for name, value in params.items()}
        shapes = {str(p.name): tuple(p.ty.shape.values) for p in mod["main"].params}
        wrong = [n for n, v in values.items() if tuple(map(int, v.shape)) != shapes[n]]
        if wrong:
            raise InputError(
                "; ".join(
                    f"params {name}: shape {tuple(map(int, values[name].shape))}, main takes "
                    f"({', '.join(map(str, shapes[name]))})"
                    for name in wrong
                )
            )
        mod = relax.transform.BindParams("main", values)(mod)
    return GraphExecutorFactory(compile_module(mod, target or Target.current(allow_none=True)))


def load_module(path: str | PathLike[str]) -> GraphExecutorFactory:
    """Load a library written by `GraphExecutorFactory.export_library`."""
    return GraphExecutorFactory(load(path))
