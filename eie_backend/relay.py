"""The classic calls: ``relay.build`` and a graph module, on top of Relax.

::

    lib = eie_backend.relay.build(mod, target="eie", params=params)
    module = eie_backend.relay.GraphModule(lib["default"](tvm.cpu()))
    module.set_input("image", image)
    module.run()
    scores = module.get_output(0).numpy()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import tvm
from numpy.typing import ArrayLike
from tvm import IRModule, relax
from tvm.target import Target

from eie_backend.compiler import compile as compile_module
from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.inputs import as_array
from eie_backend.library import export_library, load


class GraphExecutorFactory:
    """What `build` returns; ``factory["default"](device)`` makes a runnable module."""

    def __init__(self, executable: relax.VMExecutable) -> None:
        self.executable = executable

    def __getitem__(self, name: str) -> Callable[[Any], relax.VirtualMachine]:
        if name != "default":
            raise KeyError(f"a factory has only the entry 'default', not {name!r}")
        return lambda device: relax.VirtualMachine(self.executable, device)

    def export_library(self, path: str | PathLike[str]) -> None:
        """Write a shared library that `load_module` reads; see `eie_backend.export_library`."""
        export_library(self.executable, path)


def build(
    mod: IRModule,
    target: Target | HardwareConfig | str = "eie",
    params: Mapping[str, ArrayLike] | None = None,
) -> GraphExecutorFactory:
    """Build a Relax module for the machine, with the classic signature.

    Parameters
    ----------
    mod : IRModule
        A Relax module with a function `main`.
    target : Target, HardwareConfig or str
        An eie target.
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
        values = {name: _tensor(value) for name, value in params.items()}
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
    return GraphExecutorFactory(compile_module(mod, target))


def load_module(path: str | PathLike[str]) -> GraphExecutorFactory:
    """Load a library written by `GraphExecutorFactory.export_library`."""
    return GraphExecutorFactory(load(path))


def _tensor(value: ArrayLike | tvm.runtime.Tensor) -> tvm.runtime.Tensor:
    return tvm.runtime.tensor(as_array(value))


class GraphModule:
    """Runs a model by the classic steps: `set_input`, `run`, `get_output`.

    Parameters
    ----------
    module : relax.VirtualMachine
        ``factory["default"](device)``.
    """

    def __init__(self, module: relax.VirtualMachine) -> None:
        self._machine = module
        arity = int(module.module["get_function_arity"]("main"))
        name = module.module["get_function_param_name"]
        self._inputs: dict[str, Any] = {str(name("main", i)): None for i in range(arity)}
        self._outputs: list[Any] = []

    def set_input(
        self, key: str | int | None = None, value: ArrayLike | None = None, **inputs: ArrayLike
    ) -> None:
        """Set inputs, by name or number, or several by keyword.

        Raises
        ------
        InputError
            If the model has no such input.
        """
        named = dict(inputs) if key is None else {**inputs, self._name(key): value}
        for name, array in named.items():
            self._inputs[self._name(name)] = _tensor(array)

    def run(self, **inputs: ArrayLike) -> None:
        """Run the model, after setting `inputs`.

        Raises
        ------
        InputError
            If an input was never set.
        """
        for name, array in inputs.items():
            self.set_input(name, array)
        if missing := [name for name, value in self._inputs.items() if value is None]:
            raise InputError(f"inputs {', '.join(missing)} are not set; call set_input first")
        result = self._machine["main"](*self._inputs.values())
        single = isinstance(result, tvm.runtime.Tensor)
        self._outputs = [result] if single else list(result)

    def get_output(self, index: int) -> tvm.runtime.Tensor:
        """Return an output of the last `run`."""
        return self._outputs[index]

    def get_input(self, key: str | int) -> tvm.runtime.Tensor:
        """Return an input as it was set."""
        return self._inputs[self._name(key)]

    def get_num_inputs(self) -> int:
        """Return the number of inputs."""
        return len(self._inputs)

    def get_num_outputs(self) -> int:
        """Return the number of outputs of the last `run`."""
        return len(self._outputs)

    def _name(self, key: str | int) -> str:
        names = list(self._inputs)
        if isinstance(key, int) and 0 <= key < len(names):
            return names[key]
        if key not in self._inputs:
            raise InputError(f"the model has no input {key!r}; it has {', '.join(names)}")
        return str(key)
