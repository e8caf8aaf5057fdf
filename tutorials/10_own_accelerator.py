"""
10. Bring your own accelerator
==============================

A backend outside TVM's tree, on the wheel that everybody installs: how it hangs together, shown on
a machine that we invent here, in some hundred lines of Python and no C++.

The machine: a *vector unit* with 16 lanes of 16-bit fixed point (8 bits after the point) and a few
vector registers. It has one instruction, ``relu(a * x + b)`` value by value, which is what a batch
norm with a ReLU comes to. It takes a cycle for 16 values.
"""

# %%
# The machine
# -----------
#
# First comes something that computes: a simulator, or the driver of a real machine. A program is
# text here: its instructions, each with the register that it writes, the one that it reads, and
# its constants. TVM calls the driver by a global name; the last tensors are for the results.

import json
import tempfile
from pathlib import Path

import numpy as np
import tvm
import tvm_ffi
from tvm import relax, te, tirx
from tvm.relax.dpl import is_const, is_op, wildcard

LANES, SCALE, LARGEST = 16, 256, 32767
counters = {"programs": 0, "cycles": 0, "saturations": 0}


def fixed(values):
    """Round to the unit's numbers, and count what does not fit."""
    rounded = np.rint(values)
    counters["saturations"] += int(np.count_nonzero(np.abs(rounded) > LARGEST))
    return np.clip(rounded, -LARGEST, LARGEST)


@tvm_ffi.register_global_func("vector_unit.execute", override=True)
def execute(text, *tensors):
    program = json.loads(text)
    counters["programs"] += 1
    registers = {
        name: fixed(tensor.numpy() * SCALE)
        for name, tensor in zip(program["inputs"], tensors, strict=False)
    }
    for target, source, a, b in program["instructions"]:
        product = np.asarray(a) * registers[source] / SCALE
        registers[target] = fixed(np.maximum(product + np.asarray(b), 0))
        counters["cycles"] += -(-registers[target].size // LANES)
    results = tensors[len(program["inputs"]) :]
    for name, result in zip(program["outputs"], results, strict=True):
        result.copyfrom((registers[name] / SCALE).astype(np.float32))


# %%
# Partition: what it can run
# --------------------------
#
# A pattern finds the operators, and a check has the last word: nothing may match that the machine
# cannot do. What does not match stays with TVM; no operator is refused.


def runs_on_unit(context):
    """Values are float32 of a known shape, and constants are numbers that the unit has."""
    result = context.matched_expr.ty
    is_known = all(isinstance(extent, tirx.IntImm) for extent in result.shape.values)
    if result.dtype != "float32" or not is_known:
        return False
    constants = [context.annotated_expr[part].value.numpy() for part in ("a", "b")]
    return all(np.abs(constant).max() * SCALE <= LARGEST for constant in constants)


def pattern():
    parts = {"x": wildcard(), "a": is_const(), "b": is_const()}
    scaled = is_op("relax.multiply")(parts["x"], parts["a"])
    shifted = is_op("relax.add")(scaled, parts["b"])
    result, name = is_op("relax.nn.relu")(shifted), "vector_unit.scale_shift_relu"
    return relax.transform.FusionPattern(name, result, parts, runs_on_unit)


# %%
# ``FuseOpsByPattern`` makes each match a function with the attribute ``Composite``, its constants
# inside. ``MergeCompositeFunctions`` gathers neighbours into one function with the attribute
# ``Codegen``: values between them stay on the machine. ``RunCodegen`` hands these functions to
# ``relax.ext.vector_unit``, which comes next.

backend = tvm.transform.Sequential(
    [
        relax.transform.FuseOpsByPattern([pattern()], bind_constants=True),
        relax.transform.MergeCompositeFunctions(),
        relax.transform.RunCodegen(),
    ]
)

# %%
# Code generation: what it is told
# --------------------------------
#
# From Relax to a program of the machine: a composite is an instruction, a variable a register.


def generate(function):
    """Return the program of a partitioned function."""
    composites, instructions = {}, []
    registers = {parameter: parameter.name for parameter in function.params}
    for binding in [b for block in function.body.blocks for b in block.bindings]:
        if isinstance(binding.value, relax.Function):
            scale, shift, _relu = binding.value.body.blocks[0].bindings
            numbers = [b.value.args[1].value.numpy() * SCALE for b in (scale, shift)]
            composites[binding.var] = [np.rint(values).tolist() for values in numbers]
        elif isinstance(binding.value, relax.Var):  # one more name
            registers[binding.var] = registers[binding.value]
        else:
            registers[binding.var] = binding.var.name
            source = registers[binding.value.args[0]]
            instructions.append([binding.var.name, source, *composites[binding.value.op]])
    results = function.body.body
    results = results.fields if isinstance(results, relax.Tuple) else [results]
    return {
        "inputs": [registers[parameter] for parameter in function.params],
        "outputs": [registers[result] for result in results],
        "instructions": instructions,
    }


# %%
# The generator returns runtime modules. A real backend brings its own kind of module, in C++; LLVM
# can make one without, from a function that calls the driver with the program as a constant.


def codegen(functions, _options, _constant_names):
    calls = {}
    for function in functions:
        program = json.dumps(generate(function))
        symbol = str(function.attrs["global_symbol"])
        inputs = [te.placeholder(p.ty.shape.values, "float32", p.name) for p in function.params]
        fields = getattr(function.ret_ty, "fields", [function.ret_ty])
        outputs = te.extern(
            [field.shape.values for field in fields],
            inputs,
            lambda ins, outs, program=program: tirx.call_packed(
                "vector_unit.execute", program, *ins, *outs
            ),
            dtype=["float32"] * len(fields),
        )
        results = outputs if isinstance(outputs, list) else [outputs]
        call = te.create_prim_func([*inputs, *results])
        calls[symbol] = call.with_attr("global_symbol", symbol)
    return [tvm.compile(tvm.IRModule(calls), target="llvm").mod]


# %%
# Hook in: one function, called once
# ----------------------------------
#
# Target *kinds* are made in C++, with headers that the wheel does not have. A *tag* is enough: a
# name for LLVM with one more key. TVM runs the pipeline called "default" when it builds; ours
# looks at the target and steps in for its own.


def register():
    tvm_ffi.register_global_func("relax.ext.vector_unit", codegen, override=True)
    tvm.target.register_tag("vector_unit", {"kind": "llvm", "keys": ["vector_unit", "cpu"]})
    pipelines = relax.pipeline.PIPELINE_MAP
    default = pipelines["default"]

    def factory(**options):
        @tvm.transform.module_pass(opt_level=0, name="vector_unit.dispatch")
        def pipeline(mod, _context):
            target = tvm.target.Target.current(allow_none=True)
            if target is not None and "vector_unit" in target.keys:
                mod = backend(mod)
            return default(**options)(mod)

        return pipeline

    pipelines["default"] = factory


register()

# %%
# Use it
# ------
#
# A model with three places for the unit, and an ``exp`` that it cannot do:

rng = np.random.default_rng(0)


def scale_shift_relu(value):
    a, b = (relax.const(rng.uniform(-1, 1, (4, 3)).astype(np.float32)) for _ in range(2))
    return relax.op.nn.relu(value * a + b)


builder = relax.BlockBuilder()
x = relax.Var("x", relax.TensorType((4, 3), "float32"))
with builder.function("main", [x]):
    with builder.dataflow():
        value = builder.emit(scale_shift_relu(scale_shift_relu(x)))
        value = builder.emit(scale_shift_relu(relax.op.exp(value)))
        result = builder.emit_output(value)
    builder.emit_func_output(result)
mod = builder.get()

# %%
# After the three passes ``main`` is all that is left in Relax. Where a match was, it calls a
# symbol of one of our modules:

print(backend(mod)["main"].script(show_meta=False))

# %%
# TVM's own entry point does the same, and LLVM's build of the same module is the judge.

images = rng.normal(size=(4, 3)).astype(np.float32)


def run(library):
    machine = relax.VirtualMachine(library, tvm.cpu())
    return machine["main"](tvm.runtime.tensor(images)).numpy()


library = tvm.compile(mod, target="vector_unit")
ours, reference = run(library), run(tvm.compile(mod, target="llvm"))
print(f"off by at most {np.abs(ours - reference).max():.4f}", counters)

# %%
# Two tests are worth having from the first day on: the values; and that the machine really ran,
# for a backend that never matches anything gives right values, too. Two programs ran: the first
# two matches are one.

np.testing.assert_allclose(ours, reference, atol=0.02)
assert counters == {"programs": 2, "cycles": 3, "saturations": 0}

# %%
# The programs are in the library: it can be exported, and runs wherever the driver is.

path = Path(tempfile.mkdtemp()) / "model.so"
library.export_library(path)
assert run(tvm.runtime.load_module(str(path))).tobytes() == ours.tobytes()

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
#      - ``eie_backend/config.py``, ``eie_backend/machine/target.py``
#    * - reasons why an operator is not run, for users and for a page
#      - ``eie_backend/transform/constraints.py``, ``eie_backend/compiler/placement.py``
#    * - patterns with such checks, and layers that keep their names
#      - ``eie_backend/transform/partition.py``
#    * - a code generator that takes more than one step
#      - ``eie_backend/compiler/pipeline.py``: a table over tiled TIR to programs and images
#    * - loops cut for the machine's memories
#      - ``schedules/``, :doc:`tutorial 5 <05_own_schedule>`
#    * - an instruction set defined once
#      - ``eie_backend/isa/``, :doc:`tutorial 6 <06_new_instruction>`
#    * - a driver in C++, in a library that loads where no Python is
#      - a runtime module of a kind of its own, with ``SaveToBytes``, against tvm-ffi's headers
#        alone: ``runtime/bridge/module.cc``
#    * - a wheel with C++ in it that fits every Python
#      - scikit-build-core in ``pyproject.toml``, ``runtime/CMakeLists.txt``
#    * - versions of TVM that are known to work
#      - ``eie_backend/_versions.py``
