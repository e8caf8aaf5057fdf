"""``graph_executor``: run a built model by `set_input`, `run`, `get_output`."""

from __future__ import annotations

from typing import Any

import tvm
from numpy.typing import ArrayLike
from tvm import relax

from eie_backend.errors import InputError
from eie_backend.simulator.not_finite import count, tell
from eie_backend.transform.inputs import as_array


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
        """Set inputs, by name or number, or several by keyword; a `NotFiniteWarning` tells of NaN.

        Raises
        ------
        InputError
            If the model has no such input.
        """
        named = dict(inputs) if key is None else {**inputs, self._name(key): value}
        arrays = {self._name(name): as_array(array) for name, array in named.items()}
        tell(count(arrays))
        self._inputs |= {name: tvm.runtime.tensor(array) for name, array in arrays.items()}

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

    def get_output(self, index: int, out: tvm.runtime.Tensor | None = None) -> tvm.runtime.Tensor:
        """Return an output of the last `run`, or copy it into `out`."""
        output = self._outputs[index]
        return output if out is None else out.copyfrom(output)

    def get_input(self, key: str | int) -> tvm.runtime.Tensor:
        """Return the current value of an input."""
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
