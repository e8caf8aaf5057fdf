"""
10. Bring your own accelerator
==============================

A backend outside TVM's tree, on the wheel that everybody installs: how it hangs together, shown on
a machine that we invent here, in a hundred lines of Python.

The machine: a *vector unit* with 16 lanes of 16-bit fixed point (8 bits after the point). It knows
one thing, ``relu(a * x + b)`` value by value, which is what a batch norm with a ReLU comes to. It
takes a cycle for 16 values.
"""

# %%
# The machine
# -----------
#
# First comes something that computes: a simulator, or the driver of a real machine. TVM calls it
# by a global name. It gets tensors of the runtime, the last one for the result; ``from_dlpack``
# looks into them without a copy.

import numpy as np
import tvm
import tvm_ffi
from tvm import IRModule, relax
from tvm.ir import GlobalVar
from tvm.relax.dpl import is_const, is_op, wildcard
from tvm.relax.expr_functor import PyExprMutator, mutator

LANES, SCALE = 16, 256
counters = {"calls": 0, "cycles": 0, "saturations": 0}


def fixed(values):
    """Round to the unit's numbers, and count what does not fit."""
    rounded = np.rint(values.astype(np.float64) * SCALE)
    counters["saturations"] += int(np.count_nonzero(np.abs(rounded) > 32767))
    return np.clip(rounded, -32768, 32767)


def execute(x, a, b, y):
    x, a, b, result = (np.from_dlpack(tensor) for tensor in (x, a, b, y))
    products = fixed(x) * fixed(a) / SCALE
    np.divide(fixed(np.maximum(products + fixed(b), 0) / SCALE), SCALE, out=result)
    counters["calls"] += 1
    counters["cycles"] += -(-result.size // LANES)


tvm_ffi.register_global_func("vector_unit.execute", execute)

# %%
# Partition: what it can run
# --------------------------
#
# A pattern finds the operators, a check has the last word: nothing may match that the machine
# cannot do. What does not match stays with TVM; no operator is refused.

LIMIT = 1 << 16


def fits(context):
    """The unit's memory holds 65,536 values."""
    shape = context.matched_expr.ty.shape.values
    return bool(np.prod([int(extent) for extent in shape]) <= LIMIT)


def pattern():
    parts = {"x": wildcard(), "a": is_const(), "b": is_const()}
    scaled = is_op("relax.multiply")(parts["x"], parts["a"])
    shifted = is_op("relax.add")(scaled, parts["b"])
    return relax.transform.FusionPattern(
        "vector_unit.scale_shift_relu", is_op("relax.nn.relu")(shifted), parts, fits
    )


partition = relax.transform.FuseOpsByPattern([pattern()], bind_constants=False)

# %%
# Code generation: what it is told
# --------------------------------
#
# After partitioning, each match is a function of its own with the attribute ``Composite``. The
# unit needs no program beyond its operands, so a call of such a function becomes a call of the
# driver.


@tvm.transform.module_pass(opt_level=0, name="vector_unit.Lower")
class Lower:
    """Call the driver in place of the composite functions.

    Before -> after::

        lv = fused(x, a, b)  ->  lv = R.call_dps_packed("vector_unit.execute", (x, a, b))
    """

    def transform_module(self, mod: IRModule, _context: tvm.transform.PassContext) -> IRModule:
        @mutator
        class Rewrite(PyExprMutator):
            def visit_call_(self, call):
                call = super().visit_call_(call)
                if isinstance(call.op, GlobalVar) and is_ours(mod[call.op]):
                    return relax.call_dps_packed("vector_unit.execute", tuple(call.args), call.ty)
                return call

        rewrite = Rewrite(mod)
        return IRModule(
            {
                name: rewrite.visit_expr(function)
                for name, function in mod.functions_items()
                if not is_ours(function)
            }
        )


def is_ours(function):
    return str((function.attrs or {}).get("Composite", "")).startswith("vector_unit.")


# %%
# Hook in: one idempotent function
# --------------------------------
#
# Target *kinds* are made in C++, with headers that the wheel does not have. A *tag* is enough: a
# name for LLVM with one more key. TVM runs the pipeline called "default" when it builds; ours
# looks at the target and steps in for its own.


def register():
    tvm.target.register_tag("vector_unit", {"kind": "llvm", "keys": ["vector_unit", "cpu"]})
    pipelines = relax.pipeline.PIPELINE_MAP
    default = pipelines["default"]

    def factory(**options):
        @tvm.transform.module_pass(opt_level=0, name="vector_unit.dispatch")
        def pipeline(mod, _context):
            target = tvm.target.Target.current(allow_none=True)
            if target is not None and "vector_unit" in target.keys:
                mod = tvm.transform.Sequential([partition, Lower()])(mod)
            return default(**options)(mod)

        return pipeline

    pipelines["default"] = factory


register()

# %%
# Use it
# ------
#
# A model with two places for the unit, and an ``exp`` between them that it cannot do:

rng = np.random.default_rng(0)


def constant():
    return relax.const(rng.uniform(-1, 1, (4, 100)).astype(np.float32))


builder = relax.BlockBuilder()
x = relax.Var("x", relax.TensorType((4, 100), "float32"))
with builder.function("main", [x]):
    with builder.dataflow():
        value = builder.emit(relax.op.nn.relu(x * constant() + constant()))
        value = builder.emit(relax.op.exp(value))
        value = builder.emit(relax.op.nn.relu(value * constant() + constant()))
        result = builder.emit_output(value)
    builder.emit_func_output(result)
mod = builder.get()

print(tvm.transform.Sequential([partition, Lower()])(mod).script())

# %%


def run(target):
    machine = relax.VirtualMachine(tvm.compile(mod, target=target), tvm.cpu())
    return machine["main"](tvm.runtime.tensor(images)).numpy()


images = rng.normal(size=(4, 100)).astype(np.float32)
ours, reference = run("vector_unit"), run("llvm")
print(f"off by at most {np.abs(ours - reference).max():.4f}", counters)

# %%
# Two tests are worth having from the first day on: the values, against TVM's own LLVM build of
# the same module; and that the machine really ran, for a backend that never matches anything
# gives right values, too.

np.testing.assert_allclose(ours, reference, atol=0.05)  # ``exp`` enlarges a rounding
assert counters == {"calls": 2, "cycles": 2 * 25, "saturations": 0}

# %%
# And now for real
# ----------------
#
# What this page leaves out, and where this project has it, to be taken as a template:
#
# .. list-table::
#    :header-rows: 1
#    :widths: 40 60
#
#    * - your backend needs
#      - here it is in
#    * - ``import tvm`` knows the target, without importing you
#      - the entry point ``tvm.backends`` in ``pyproject.toml``; ``eie_backend/_register.py``
#    * - sizes of the machine that travel with the target
#      - ``eie_backend/config.py``, ``eie_backend/targets.py``
#    * - reasons why an operator is not run, for users and for a page
#      - ``eie_backend/transform/constraints.py``, ``eie_backend/placement.py``
#    * - chains of operators in one call, with weights inside
#      - ``FuseOpsByPattern(bind_constants=True)``, ``MergeCompositeFunctions``,
#        ``eie_backend/transform/partition.py``
#    * - programs, made by a code generator that TVM calls
#      - ``relax.ext.NAME`` and ``RunCodegen``: ``eie_backend/codegen/external.py``
#    * - loops cut for the machine's memories
#      - ``schedules/``, :doc:`tutorial 5 <05_own_schedule>`
#    * - an instruction set defined once
#      - ``eie_backend/isa/``, :doc:`tutorial 6 <06_new_instruction>`
#    * - a library that is exported, and loaded where no Python is
#      - a C++ runtime module against tvm-ffi's headers alone: ``runtime/src/module.cc``
#    * - a wheel with C++ in it that fits every Python
#      - scikit-build-core in ``pyproject.toml``, ``runtime/CMakeLists.txt``
#    * - versions of TVM that are known to work
#      - ``eie_backend/_versions.py``
