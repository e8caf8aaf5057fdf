"""``eie demo``: LeNet-300-100 on MNIST, from float32 to the simulated machine, in seconds."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any

import typer

from eie_backend.cli.console import out, table, working
from eie_backend.cli.execute import execute_runner
from eie_backend.cli.tables import report_table, size

BATCH = 100
CALIBRATION_SAMPLES = 100
EXAMPLE = """Example:

    eie demo --density 0.3 --num-pe 16
"""


def demo(
    density: Annotated[float, typer.Option(help="Share of weights kept in every layer.")] = 0.15,
    num_pe: Annotated[int, typer.Option(help="Processing elements.")] = 64,
) -> None:
    """Compress and compile the shipped LeNet-300-100 and run 1,000 MNIST digits on the machine."""
    from eie_backend import HardwareConfig, Recipe, compiler, from_onnx
    from eie_backend.profiler import Runner
    from eie_backend.targets import as_target

    images, labels = digits()
    with working("importing LeNet-300-100"):
        model = from_onnx(lenet(), {"batch": BATCH})
    with working("running float32 on this CPU"):
        host = accuracy(run_on_host(model, images), labels)
    with working("pruning, sharing weights, calibrating, compiling"):
        machine = as_target(HardwareConfig(num_pe=num_pe))
        prepared = compiler.prepare(
            model, machine, Recipe(density=density), images[:CALIBRATION_SAMPLES]
        )
        runner = Runner(compiler.build(prepared, machine))
    report = execute_runner(runner, images)
    simulated = accuracy(report.outputs[0], labels)

    before, after = sizes(model, report)
    summary = table("LeNet-300-100 on the first 1,000 MNIST test digits", "", "accuracy", "size")
    summary.add_row("float32 on this CPU", f"{host:.1%}", size(before))
    name = f"EIE {report.arithmetic}, density {density:g}, 4 bits"
    summary.add_row(name, f"{simulated:.1%}", f"{size(after)} ({before / after:.1f}x smaller)")
    out.print(summary)
    pointers = pointer_bytes(runner.programs)
    out.print(f"Of {size(after)}, {size(pointers)} are column pointers, one set per PE.")
    out.print(report_table(report))


demo.__doc__ = f"{demo.__doc__}\n\n{EXAMPLE}"


def lenet() -> bytes:
    """Return the shipped LeNet-300-100 as ONNX bytes."""
    return (files("eie_backend") / "data" / "lenet_300_100.onnx").read_bytes()


def digits() -> tuple[Any, Any]:
    """Return the shipped test images (1000, 1, 28, 28) float32 in [0, 1] and their labels."""
    import numpy as np

    with (files("eie_backend") / "data" / "mnist_test_1000.npz").open("rb") as file:
        data = np.load(file, allow_pickle=False)
        images, labels = data["images"], data["labels"]
    return (images[:, None] / np.float32(255)).astype(np.float32), labels


def run_on_host(model: Any, images: Any) -> Any:
    """Return the float model's outputs, computed by TVM on the CPU."""
    import numpy as np
    import tvm

    machine = tvm.relax.VirtualMachine(tvm.compile(model, target="llvm"), tvm.cpu())
    batches = images.reshape(-1, BATCH, *images.shape[1:])
    return np.concatenate([machine["main"](tvm.runtime.tensor(b)).numpy() for b in batches])


def accuracy(scores: Any, labels: Any) -> float:
    """Return the share of samples whose largest score is at the label."""
    return float((scores.argmax(axis=1) == labels).mean())


def pointer_bytes(programs: Any) -> int:
    """Return the bytes of all column pointers."""
    return sum(
        matrix.pointers.size * program.config.ptr_bits // 8
        for program in programs
        for matrix in program.matrices
    )


def sizes(model: Any, report: Any) -> tuple[int, int]:
    """Return the bytes of the dense layers before, in float32, and after, on the machine."""
    from eie_backend.transform.layers import dense_layers

    weights = sum(layer.weights.nbytes for layer in dense_layers(model))
    biases = sum(4 * layer.weights.shape[0] for layer in dense_layers(model))
    return weights + biases, sum(layer.storage_bytes for layer in report.layers)
