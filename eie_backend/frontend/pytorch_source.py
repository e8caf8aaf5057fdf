"""`PytorchSource`: a PyTorch model, run by PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.export import ExportedProgram
from torch.utils._pytree import tree_leaves, tree_map_only
from tvm import IRModule

from eie_backend.verification.source import Arrays, Operator

HALVES = (torch.float16, torch.bfloat16)

RECURRENT = tuple(f"aten.{name}.input" for name in ("gru", "lstm", "rnn_relu", "rnn_tanh"))
RECURRENT_TRAINS = 6
"""The argument that says whether they train."""


class PytorchSource:
    """An exported program, and the module that it was exported of.

    Parameters
    ----------
    program : ExportedProgram
        The program.
    module : callable
        Computes the results: the module as it was given, in evaluation mode, or the program's.
    imported : callable
        Imports a module of a single operator, with its example inputs.
    """

    runtime = "PyTorch"
    version = str(torch.__version__)
    cause, remedy = "TVM's converter is wrong", "use other operators"

    def __init__(
        self,
        program: ExportedProgram,
        module: Callable[..., Any],
        imported: Callable[[nn.Module, tuple[Any, ...]], IRModule],
    ) -> None:
        self._program, self._module, self._imported = program, module, imported

    @property
    def halves(self) -> bool:
        """Whether a value is in half precision."""
        values = tree_leaves([node.meta.get("val") for node in self._program.graph.nodes])
        return any(getattr(one, "dtype", None) in HALVES for one in values)

    @property
    def random(self) -> Sequence[str]:
        """Nodes that use random numbers, at least in training."""
        return random_nodes(self._program)

    def outputs(self, inputs: Arrays) -> Arrays:
        """Return the results; may raise what PyTorch raises."""
        with torch.no_grad():
            args, kwargs = self._nested(inputs)
            return arrays(self._module(*args, **kwargs))

    def operators(self, inputs: Arrays) -> Iterator[Operator]:
        """Yield the calls of the program's graph with their values, in its order."""
        recorder = _Recorder(self._program)
        with torch.no_grad():
            recorder.run(*self._lifted(inputs))
        varying = {
            spec.arg.name
            for spec in self._program.graph_signature.input_specs
            if spec.target is None
        }
        for node in self._program.graph.nodes:
            if not varying & {one.name for one in node.all_input_nodes}:
                continue
            varying.add(node.name)
            if node not in recorder.calls:
                continue
            args, kwargs, result = recorder.calls[node]
            if not arrays(result):
                continue  # an assertion
            alone = _Alone(node, args, kwargs, varying)
            yield Operator(
                node.name,
                str(node.target),
                arrays(alone.inputs),
                arrays(result),
                partial(self._imported, alone, tuple(alone.inputs)),
            )

    def _lifted(self, inputs: Arrays) -> list[Any]:
        """Return the arguments of the program's graph: its parameters are among them."""
        kept = {**self._program.state_dict, **self._program.constants}
        given = iter(_tensors(inputs))
        specs = self._program.graph_signature.input_specs
        return [next(given) if spec.target is None else kept[spec.target] for spec in specs]

    def _nested(self, inputs: Arrays) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments as the example has them."""
        given = iter(_tensors(inputs))
        args, kwargs = tree_map_only(
            torch.Tensor, lambda _: next(given), self._program.example_inputs
        )
        return args, kwargs


class _Recorder(torch.fx.Interpreter):
    """Keeps what each call of a function got and returned."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__(program.graph_module)
        self.calls: dict[torch.fx.Node, tuple[Any, Any, Any]] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        """Run a node and note it."""
        result = super().run_node(n)
        if n.op == "call_function" and isinstance(n.target, torch._ops.OpOverload):
            self.calls[n] = (*self.fetch_args_kwargs_from_env(n), result)
        return result


class _Alone(nn.Module):
    """One call: what varies is its input, all else a part of it."""

    def __init__(self, node: torch.fx.Node, args: Any, kwargs: Any, varying: set[str]) -> None:
        super().__init__()
        self.target, self.given = node.target, (args, kwargs)
        self.inputs: list[torch.Tensor] = []
        self.places: list[int | str] = []
        tensors = [one for one in tree_leaves(self.given) if isinstance(one, torch.Tensor)]
        for tensor, source in zip(tensors, _tensor_nodes(node), strict=True):
            if source.name in varying:
                self.places.append(len(self.inputs))
                self.inputs.append(tensor)
            else:
                self.places.append(f"constant{len(self.places)}")
                self.register_buffer(str(self.places[-1]), tensor.detach())

    def forward(self, *inputs: torch.Tensor) -> Any:
        """Return what the call returns."""
        places = iter(self.places)

        def filled(_: torch.Tensor) -> torch.Tensor:
            place = next(places)
            return getattr(self, place) if isinstance(place, str) else inputs[place]

        args, kwargs = tree_map_only(torch.Tensor, filled, self.given)
        return self.target(*args, **kwargs)


def random_nodes(program: ExportedProgram) -> list[str]:
    """Return the nodes of a program that use random numbers."""
    nodes = [node for node in program.graph.nodes if _is_random(node)]
    return [f"node {node.name!r} ({node.target})" for node in nodes]


def changing_buffers(program: ExportedProgram) -> list[str]:
    """Return the buffers that each call of a program changes."""
    return [*program.graph_signature.buffers_to_mutate.values()]


def _tensors(inputs: Arrays) -> list[torch.Tensor]:
    return [torch.from_numpy(np.array(x)) for x in inputs]


def _is_random(node: torch.fx.Node) -> bool:
    if str(node.target) in RECURRENT and not node.args[RECURRENT_TRAINS]:
        return False  # dropout between layers is for training
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _tensor_nodes(node: torch.fx.Node) -> list[torch.fx.Node]:
    leaves = tree_leaves((node.args, node.kwargs))
    return [one for one in leaves if isinstance(one, torch.fx.Node)]


def arrays(values: Any) -> list[NDArray[Any]]:
    """Return the tensors in nested values as arrays."""
    leaves = [one.detach().cpu() for one in tree_leaves(values) if isinstance(one, torch.Tensor)]
    # NumPy has no bfloat16.
    return [(one.float() if one.dtype == torch.bfloat16 else one).numpy() for one in leaves]
