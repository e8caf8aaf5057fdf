"""
6. Add an instruction to the machine
====================================

From a row in the instruction set to the simulator, to a program that uses it, to its test.

The machine's activation functions, such as ReLU6, are *epilogues* of ``write_back``: two small
files each (CONTRIBUTING says which). We add what is none: an instruction that cuts off the sums
above a limit while they are in the registers, whatever comes next: ``cap``. It takes a checkout of
the project, which we copy, and a C++ compiler.
"""

# %%
# A copy of the sources to play with; the checkout stays as it is.

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import compiler
from eie_backend.compiler import stages
from eie_backend.machine.target import as_target

places = [Path.cwd(), *Path.cwd().resolve().parents, Path(eie.__file__).parents[1]]
checkout = next((p for p in places if (p / "runtime" / "CMakeLists.txt").exists()), None)
if checkout is None:
    raise SystemExit("this tutorial changes the sources: run it inside a clone of the repository")

copy = Path(tempfile.mkdtemp())
shutil.copytree(checkout / "eie_backend", copy / "eie_backend")
shutil.copytree(checkout / "schedules", copy / "eie_backend" / "schedules")
shutil.copytree(checkout / "runtime", copy / "runtime")
library = copy / "eie_backend" / "lib" / "libeie_runtime.so"
library.parent.mkdir()
library.write_bytes((files("eie_backend") / "lib" / library.name).read_bytes())
(copy / "docs").mkdir()


def python(*arguments):
    """Run Python with the copy in place of the installed package, and print what it says."""
    path = os.pathsep.join([str(copy), *(entry for entry in sys.path if entry)])
    done = subprocess.run(
        [sys.executable, "-S", *arguments],  # -S: what is installed editable would come first
        cwd=copy,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    print((done.stdout + done.stderr).replace(str(copy), "COPY").strip())
    assert done.returncode == 0


# %%
# The row
# -------
#
# An instruction is a file in ``eie_backend/isa/instructions/``: its name, number and fields, its
# meaning in words, and in code. Nothing else lists the instructions.

row = '''"""``cap``: cut off destination registers above a limit."""

from collections.abc import Mapping

import numpy as np

from eie_backend.isa.fields import Field, Instruction
from eie_backend.isa.state import MachineState


def _execute(state: MachineState, operands: Mapping[str, int]) -> None:
    state.acc = np.minimum(state.acc, state.acc.dtype.type(operands["limit"]))


INSTRUCTION = Instruction(
    name="cap",
    opcode=8,
    fields=(Field("limit", 32, "acc", "largest value that stays", signed=True),),
    meaning="Replace destination registers above a limit by the limit.",
    effect="acc[i] <- min(acc[i], limit)",
    source="design choice",
    execute=_execute,
)
'''
(copy / "eie_backend" / "isa" / "instructions" / "cap.py").write_text(row)

# %%
# The rest is derived: the operation of the dialect, encoder and decoder, the C++ structure and
# its decoder, and the page of the instruction set.

python("-m", "eie_backend.generate.__main__")

header = (copy / "runtime" / "generated" / "isa.h").read_text()
start = header.index("/// Replace destination registers")
print(header[start : header.index("};", start) + 2])

# %%
# The simulator
# -------------
#
# C++ now knows ``Cap`` as one more alternative of ``Operation``, and would not compile: the
# loader has to check its operands, and the machine to execute it. That is a function each. It
# takes no time on this machine, like ``clear``; if it did, both timed engines, ``event/`` and
# ``clock/``, would have to know, too.


def insert(file, before, text):
    path = copy / "runtime" / file
    source = path.read_text()
    assert source.count(before) == 1
    path.write_text(source.replace(before, text + before))


insert("image/program.cc", "  void Check(const Clear&) {}\n", "  void Check(const Cap&) {}\n\n")
insert(
    "machine/machine.cc",
    "  void Execute(const Clear&)",
    """  void Execute(const Cap& cap) {
    for (Word& sum : acc_) sum = std::min(sum, static_cast<Word>(cap.limit));
  }

""",
)

# %%
# That is all that changed by hand:

for file in ("image/program.cc", "machine/machine.cc"):
    difference = subprocess.run(
        ["git", "diff", "--no-index", "-U1", checkout / "runtime" / file, copy / "runtime" / file],
        capture_output=True,
        text=True,
        check=False,  # 1 says that there are differences
    )
    lines = difference.stdout.splitlines()
    shown = (line for line in lines if line[:1] in "+-@ " and line[:3] not in ("+++", "---"))
    print(file, *shown, sep="\n")

# %%
# The runtime is the machine and, in ``bridge``, what ties it to tvm-ffi, whose headers are all that
# it needs. (``pip install .`` builds it with CMake and optimises more; for this page it
# has to be quick.)

flags = subprocess.run(
    [sys.executable, "-m", "tvm_ffi.config", "--cxxflags"],
    capture_output=True,
    text=True,
    check=True,
).stdout.split()


def build(source):
    target = copy / f"{source.parent.name}_{source.stem}.o"
    command = ["g++", "-c", "-O0", "-fPIC", "-ffp-contract=off", *flags]
    subprocess.run([*command, f"-I{copy}/runtime", source, "-o", target], check=True)
    return target


with ThreadPoolExecutor() as pool:
    every = (copy / "runtime").glob("*/*.cc")
    sources = sorted(source for source in every if source.parent.name != "tests")
    objects = list(pool.map(build, sources))
library.unlink()
subprocess.run(["g++", "-shared", *objects, "-pthread", "-o", library], check=True)

# %%
# A program
# ---------
#
# Nothing generates ``cap`` yet, but programs are text (:doc:`/isa`). We compile a layer with a
# ReLU, and write the new instruction into its program.

rng = np.random.default_rng(0)
graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["x", "w"], ["s"], "fc"),
        helper.make_node("Relu", ["s"], ["y"], "relu"),
    ],
    "layer",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 20])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
    [numpy_helper.from_array(rng.normal(0, 2, (20, 8)).astype(np.float32), "w")],
)
opset = helper.make_opsetid("", 17)
mod = eie.from_onnx(helper.make_model(graph, opset_imports=[opset], ir_version=8))
machine = as_target(eie.HardwareConfig(num_pe=4))
prepared = compiler.prepare(mod, machine, arithmetic="float32")
(text,) = stages.emit("eie", mod, lambda: prepared, machine)
capped = text.replace("      eie.write_back", '      eie.cap "fc" limit = 6\n      eie.write_back')
(copy / "capped.mlir").write_text(capped)
print("\n".join(line for line in capped.splitlines() if line.startswith("      eie.")))

# %%
# The test
# --------
#
# The meaning in Python and the machine in C++ were written apart. They must agree to the bit, and
# with the layer's definition. In the project this would be a test in ``tests/isa/``, beside a
# FileCheck test of the text; those of encoding and decoding find a new instruction by themselves.

test = """
import numpy as np
import tvm
import tvm_ffi

from eie_backend.isa.image import encode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.isa.source_file import assemble


def test_values_above_the_limit_are_cut_off():
    (program,) = assemble(open("capped.mlir").read())
    x = np.random.default_rng(1).normal(size=(3, 20)).astype(np.float32)
    meant, _ = interpret(program, x)
    assert 0 < (meant == 6).sum() < meant.size and meant.max() == 6 and meant.min() == 0
    load = tvm_ffi.get_global_func("ffi.Module.load_from_bytes.eie")
    simulated = np.zeros_like(meant)
    load(encode_image(program))[program.symbol](*map(tvm_ffi.from_dlpack, (x, simulated)))
    assert simulated.tobytes() == meant.tobytes()
    print(simulated.round(2))


test_values_above_the_limit_are_cut_off()
"""
(copy / "test_cap.py").write_text(test)
python("test_cap.py")

# %%
# A test should be seen to fail. With the wrong comparison in C++ it would: try ``std::max``.
#
# Next would come the compiler: a pattern for ``minimum`` in ``partition.py``, a kernel, an
# intrinsic in ``schedules/intrinsics.py``, and a line in ``codegen/`` that turns it into ``cap``.
#
# Clean up:

shutil.rmtree(copy)
