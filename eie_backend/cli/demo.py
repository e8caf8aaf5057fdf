"""``eie demo``: LeNet-300-100 on MNIST, from float32 to the simulated machine, in seconds."""

from __future__ import annotations

from importlib.resources import as_file, files
from io import BytesIO
from typing import Annotated, Any

import typer

from eie_backend.cli.console import show, table, working
from eie_backend.cli.execute import execute_runner
from eie_backend.cli.options import MACHINE, NUM_PE, machine_of

COMPRESSED = "lenet_300_100.eiez"
"""The shipped network that ``benchmarks/lenet.py`` pruned and retrained."""

BATCH = 100
CALIBRATION_SAMPLES = 100
EXAMPLE = """Example:

    eie demo --density 0.3 --num-pe 16
"""


def demo(
    density: Annotated[
        float, typer.Option(help="Share of weights kept in every layer without retraining.")
    ] = 0.15,
    machine: Annotated[str | None, MACHINE] = None,
    num_pe: Annotated[int | None, NUM_PE] = None,
) -> None:
    """Run 1,000 MNIST digits on the machine: LeNet-300-100 pruned in one shot, and retrained."""
    from eie_backend import compiler
    from eie_backend.cli.tables import report_table
    from eie_backend.frontend import from_onnx
    from eie_backend.machine.target import as_target
    from eie_backend.recipe import Recipe
    from eie_backend.show.quantities import number, size
    from eie_backend.simulator.runner import Runner

    images, labels = digits()
    target = as_target(machine_of(machine, num_pe=num_pe))
    with working("importing LeNet-300-100"):
        model = from_onnx(lenet(), {"batch": BATCH})
        retrained, about = compressed_lenet()

    def run(mod: Any, recipe: Recipe | None) -> Any:
        with working("pruning, sharing weights, calibrating, compiling"):
            prepared = compiler.prepare(mod, target, recipe, images[:CALIBRATION_SAMPLES])
            runner = Runner(compiler.build(prepared, target))
        return execute_runner(runner, images), pointer_bytes(runner.programs)

    with working("running float32 on this CPU"):
        host = accuracy(run_on_host(model, images), labels)
    one_shot = run(model, Recipe(density=density))
    best = run(retrained, None)

    before, file = float_bytes(model), len(data_file(COMPRESSED))
    names = ("float32 on this CPU", f"EIE, density {density:g}, 4 bits, one shot")
    networks: list[dict[str, Any]] = [
        {"name": names[0], "accuracy": host, "weight_bytes": before},
        _measured(names[1], one_shot[0], labels),
        _measured(f"EIE, {about}, retrained", best[0], labels),
    ]
    summary = table(
        "LeNet-300-100 on the first 1,000 MNIST test digits", "", "accuracy", "weights", "cycles"
    )
    for row in networks:
        cycles = number(row["cycles_per_sample"]) if "cycles_per_sample" in row else ""
        summary.add_row(row["name"], f"{row['accuracy']:.1%}", size(row["weight_bytes"]), cycles)
    show(
        {
            "container_bytes": file,
            "networks": networks,
            "pointer_bytes": best[1],
            "retrained": best[0].to_dict(),
        },
        summary,
        f"Of {size(machine_bytes(best[0]))}, {size(best[1])} are column pointers, one set per PE. "
        f"{COMPRESSED} with the whole network has {size(file)}: {before / file:.0f}x smaller.",
        report_table(best[0]),
    )


demo.__doc__ = f"{demo.__doc__}\n\n{EXAMPLE}"


def _measured(name: str, report: Any, labels: Any) -> dict[str, Any]:
    """Return a network's results on the machine."""
    return {
        "name": name,
        "accuracy": accuracy(report.outputs[0], labels),
        "cycles_per_sample": sum(layer.cycles_per_sample for layer in report.layers),
        "weight_bytes": machine_bytes(report),
    }


def data_file(name: str) -> bytes:
    """Return a shipped file."""
    return (files("eie_backend") / "data" / name).read_bytes()


def lenet() -> bytes:
    """Return the shipped LeNet-300-100 as ONNX bytes."""
    return data_file("lenet_300_100.onnx")


def compressed_lenet() -> tuple[Any, str]:
    """Return the shipped compressed LeNet-300-100 as a module, and its density and bits."""
    from eie_backend.frontend import from_onnx
    from eie_backend.storage.accounting import total
    from eie_backend.storage.container import read_eiez

    with as_file(files("eie_backend") / "data" / COMPRESSED) as path:
        contents = read_eiez(path)
    layers = contents.layers.values()
    bits = max(layer.values.bit_length() for layer in layers)
    about = f"density {total(layers).density:.2g}, {bits} bits"
    return from_onnx(contents.model, {"batch": BATCH}), about


def digits() -> tuple[Any, Any]:
    """Return the shipped test images (1000, 1, 28, 28) float32 in [0, 1] and their labels."""
    import numpy as np

    with np.load(BytesIO(data_file("mnist_test_1000.npz")), allow_pickle=False) as data:
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
    """Return the fraction of samples whose largest score is at the label."""
    return float((scores.argmax(axis=1) == labels).mean())


def pointer_bytes(programs: Any) -> int:
    """Return the bytes of all column pointers."""
    return sum(
        matrix.pointers.size * program.config.ptr_bits // 8
        for program in programs
        for matrix in program.matrices
    )


def float_bytes(model: Any) -> int:
    """Return the bytes of the dense layers in float32, with their biases."""
    from eie_backend.transform.layers import dense_layers

    layers = dense_layers(model)
    return sum(layer.weights.nbytes + 4 * layer.weights.shape[0] for layer in layers)


def machine_bytes(report: Any) -> int:
    """Return the bytes of all layers on the machine."""
    return sum(layer.storage_bytes for layer in report.layers)
