"""The self-test, run as a program: a tiny network from compilation to a fresh process.

Prints a line of JSON for each step that it comes to the end of, up to the first fault.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REINSTALL = "install eie again: `pip install --force-reinstall --no-deps .` in its folder"
REPORT = "report it, with what `eie doctor --plain` prints"
LINKS = "see the C++ compiler above; if that is ok, " + REPORT
CPU_FEATURES = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "amx-tile", "neon", "sve")
"""Worth a word in a report about speed."""

SIZES = (24, 16, 10)
BATCH = 4
LIBRARY, ARRAYS = Path("doctor.so"), Path("doctor.npz")


def loaded() -> str:
    """Load the C++ simulator."""
    from eie_backend.runtime import runtime

    runtime()
    return "loads"


def autoload() -> str:
    """Import TVM, which must know the target without our help."""
    import tvm

    tvm.target.Target("eie")
    return "`import tvm` makes the target known"


def llvm() -> str:
    """Ask LLVM for the CPU that it compiles for."""
    import tvm
    from tvm.target import codegen

    cpu = codegen.llvm_get_system_cpu()
    known = codegen.llvm_get_cpu_features(tvm.target.Target({"kind": "llvm", "mcpu": cpu}))
    features = ", ".join(feature for feature in CPU_FEATURES if feature in known)
    return f"{codegen.llvm_version_major()}, for {cpu}: {features}"


def compiles() -> str:
    """Compile a network of two layers."""
    network()
    return f"{len(SIZES) - 1} layers"


def engines() -> str:
    """Run it on all engines and compare with TVM on this CPU and with NumPy."""
    import numpy as np
    import tvm

    from eie_backend.machine.choices import ENGINE
    from eie_backend.profiler import run

    model = network()
    machine = tvm.relax.VirtualMachine(tvm.compile(model.module, target="llvm"), tvm.cpu())
    results: dict[str, Any] = {
        "TVM on this CPU": machine["main"](tvm.runtime.tensor(model.inputs)).numpy()
    }
    results |= {engine: run(model.executable, model.inputs, engine)[0] for engine in ENGINE.values}
    for name, found in results.items():
        np.testing.assert_allclose(found, model.outputs, rtol=1e-5, atol=1e-5, err_msg=name)
    return f"{', '.join(results)} and NumPy agree"


def exports() -> str:
    """Link a library."""
    import numpy as np

    from eie_backend.codegen.library import export_library

    model = network()
    export_library(model.executable, LIBRARY)
    np.savez(ARRAYS, inputs=model.inputs, outputs=model.outputs)
    return f"{LIBRARY.stat().st_size:,} bytes"


def loads() -> str:
    """Load the library in a fresh process and run it there."""
    command = [sys.executable, "-m", "eie_backend.doctor.self_test", str(LIBRARY)]
    done = subprocess.run(  # noqa: S603 - Python with this module
        command, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise RuntimeError(f"exit code {done.returncode}: {''.join(last)}")
    return "the same results"


def in_a_fresh_process(library: Path) -> None:
    """Run a library on the inputs beside it and compare."""
    import numpy as np

    from eie_backend.profiler import run

    with np.load(ARRAYS) as arrays:
        found = np.asarray(run(library, arrays["inputs"])[0], np.float32)
        np.testing.assert_allclose(found, arrays["outputs"], rtol=1e-5, atol=1e-5)


class SelfTestStep(NamedTuple):
    """A step of the self-test and what to do if it fails."""

    name: str
    run: Callable[[], str]
    remedy: str


STEPS = (
    SelfTestStep("C++ runtime", loaded, REINSTALL),
    SelfTestStep("TVM's entry point", autoload, REINSTALL),
    SelfTestStep("LLVM", llvm, REPORT),
    SelfTestStep("self-test: compile", compiles, REPORT),
    SelfTestStep("self-test: run", engines, REPORT),
    SelfTestStep("self-test: export", exports, LINKS),
    SelfTestStep("self-test: load", loads, REPORT),
)


@dataclass(frozen=True)
class Network:
    """A compiled network, with inputs and the outputs that NumPy computes."""

    module: Any
    executable: Any
    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]


@cache
def network() -> Network:
    """Return two dense layers in float32 whose few values are not changed by sharing."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    from eie_backend.compiler import compile
    from eie_backend.frontend import from_onnx

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(BATCH, SIZES[0])).astype(np.float32)
    first, second = (
        np.float32(0.25) * rng.integers(-3, 4, shape).astype(np.float32)
        for shape in pairwise(SIZES)
    )
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["h"], "fc1"),
        helper.make_node("Relu", ["h"], ["r"], "relu1"),
        helper.make_node("MatMul", ["r", "w"], ["y"], "fc2"),
    ]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, size])
        for name, size in (("x", SIZES[0]), ("y", SIZES[-1]))
    )
    weights = [numpy_helper.from_array(first, "v"), numpy_helper.from_array(second, "w")]
    graph = helper.make_graph(nodes, "doctor", [x], [y], weights)
    opsets = [helper.make_opsetid("", 17)]
    module = from_onnx(helper.make_model(graph, opset_imports=opsets, ir_version=8))
    executable = compile(module, arithmetic="float32")
    hidden = np.maximum(inputs @ first, np.float32(0))
    return Network(module, executable, inputs, hidden @ second)


def main() -> None:
    """Run the steps, or with a library's name, that library."""
    if sys.argv[1:]:
        in_a_fresh_process(Path(sys.argv[1]))
        return
    for step in STEPS:
        started, fault = perf_counter(), False
        try:
            found = step.run()
        except Exception as error:  # whatever it is, it is what a report must say
            reason = " ".join(str(error).split())
            found, fault = f"{type(error).__name__}: {reason}", True
        found = f"{found}, {perf_counter() - started:.1f} s"
        sys.stdout.write(json.dumps({"found": found, "fault": fault}) + "\n")
        sys.stdout.flush()
        if fault:
            return


if __name__ == "__main__":
    main()
