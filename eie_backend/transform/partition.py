"""`Partition`: group the layers that the machine runs into ``eie`` functions."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.relax.dpl import DFPattern, is_const, is_op, wildcard
from tvm.relax.transform import FusionPattern, PatternCheckContext

from eie_backend.config import HardwareConfig
from eie_backend.transform.constraints import Candidate, why_not


def _pattern(bias: bool, relu: bool) -> tuple[DFPattern, Mapping[str, DFPattern]]:
    parts: dict[str, DFPattern] = {"input": wildcard(), "weights": is_const()}
    layer = parts["matmul"] = is_op("relax.matmul")(parts["input"], parts["weights"])
    if bias:
        parts["bias"] = is_const()
        add = is_op("relax.add")
        layer = add(layer, parts["bias"]) | add(parts["bias"], layer)
    return (is_op("relax.nn.relu")(layer) if relu else layer), parts


def patterns(config: HardwareConfig) -> list[FusionPattern]:
    """Return the composite patterns, longest first, each with the machine's constraints."""

    def runs_on_machine(context: PatternCheckContext) -> bool:
        matmul = context.annotated_expr["matmul"]
        name = context.value_to_bound_var[matmul].name
        if why_not(Candidate(name, matmul, config)) is not None:
            return False
        bias = context.annotated_expr.get("bias")
        outputs = int(matmul.ty.shape.values[-1])
        # A bias of another shape is a broadcast that stays on the host.
        return bias is None or (
            [int(extent) for extent in bias.value.shape][-1:] == [outputs]
            and bias.value.numpy().size == outputs
            and str(bias.value.dtype) == "float32"
        )

    return [
        FusionPattern(name, *_pattern(bias, relu), runs_on_machine)
        for name, bias, relu in (
            ("eie.dense_bias_relu", True, True),
            ("eie.dense_bias", True, False),
            ("eie.dense_relu", False, True),
            ("eie.dense", False, False),
        )
    ]


@tvm.transform.module_pass(opt_level=0, name="eie.Partition")
class Partition:
    """Move dense layers, with their bias and ReLU, into composite functions for the machine.

    Before -> after::

        lv = R.matmul(x, W1)             ->  lv = fused_eie(x)    # attr Codegen: "eie"
        lv1 = R.add(lv, b1)                    # in fused_eie, one function per layer:
        lv2 = R.nn.relu(lv1)                   #   "eie.dense_bias_relu": W1, b1
        lv3 = R.matmul(lv2, W2)                #   "eie.dense": W2

    1. A layer matches if every constraint of `eie_backend.transform.constraints` holds.
    2. Layers that follow one another land in one function: data stays on the machine.
    3. All other operations are left alone.

    Parameters
    ----------
    config : HardwareConfig
        The machine whose limits count.
    """

    def __init__(self, config: HardwareConfig) -> None:
        self.config = config

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the partitioned module."""
        passes = [
            relax.transform.FuseOpsByPattern(patterns(self.config), bind_constants=True),
            relax.transform.MergeCompositeFunctions(),
        ]
        partitioned: IRModule = tvm.transform.Sequential(passes)(mod)
        return partitioned
