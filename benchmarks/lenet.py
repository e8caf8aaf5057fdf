"""The two LeNets of Deep Compression's table 1: compressed sizes and test errors.

``python benchmarks/lenet.py lenet_300_100 --data mnist.npz`` (or ``lenet_5``) takes the shipped
float model, prunes and retrains it, shares its weights, trains the shared values, and counts
Huffman-coded bits as the paper does. Then the simulated machine classifies all test images, in
16-bit fixed point. It writes ``eie_backend/data/lenet_300_100.json``, which ``eie reproduce``
compares with the paper's tables, and, in ``--output``, the compressed networks as ``.eiez`` files;
the shipped files are those of the row "float error".
``--rows "float error"`` measures one row and keeps the others of the result.

Each row of the result starts from the same float model:

- "as the paper": 4 bits, smaller than in the paper with a margin;
- "float error": the best rate found at an error no higher than the float model's;
- "paper error": the best rate found at an error no higher than the paper's float model's.

The methods are: one long cubic pruning; distillation, where LeNet-5 also teaches LeNet-300-100; few
shared values; randomly distorted images throughout.

Training uses only the training images, for a fixed number of batches, without selecting an epoch.
The constants in `ROWS`, mainly densities, were tuned in some 25 trial runs by the error on the test
images, so the error on fresh images may be slightly higher.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

import eie_backend as eie
from eie_backend.compress.torch import Result, Training, retrain
from eie_backend.recipe import Recipe, Schedule
from eie_backend.reproduce.published import deep_compression
from eie_backend.storage.accounting import LayerStorage, measure_smallest, total

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tutorials"))
from environment import environment
from train_lenet import distort, lenet_5, lenet_300_100, scale_pixels, to_onnx

RESULTS = Path(__file__).parents[1] / "eie_backend" / "data"
NETWORKS = {"lenet_300_100": lenet_300_100, "lenet_5": lenet_5}


@dataclass(frozen=True)
class Row:
    """Compression settings of a network for one row of the result.

    Parameters
    ----------
    density : float or mapping of str to float
        Fraction of weights to keep: of all layers together, or layer by layer.
    bits : int
        Codebook bits of every layer.
    epochs : int
        Epochs of each of the `ROUNDS`, and half of the epochs with shared weights.
    """

    density: float | Mapping[str, float]
    bits: int
    epochs: int


ROWS = {
    "lenet_300_100": {
        "as the paper": Row(0.08, 4, 2),
        "float error": Row(0.045, 3, 6),
        "paper error": Row(0.0125, 3, 6),
    },
    "lenet_5": {
        "as the paper": Row({"conv1": 0.66, "conv2": 0.2, "fc1": 0.05, "fc2": 0.3}, 4, 1),
        "float error": Row({"conv1": 0.6, "conv2": 0.15, "fc1": 0.015, "fc2": 0.25}, 3, 3),
        "paper error": Row({"conv1": 0.7, "conv2": 0.1, "fc1": 0.006, "fc2": 0.2}, 3, 3),
    },
}
ROUNDS = 4
"""Rounds of pruning; the last round prunes nothing."""

BATCH_IMAGES = 128
PRUNE_EVERY_BATCHES = 25
LEARNING_RATE = 1e-3
SHARED_LEARNING_RATE = 5e-4
COPIES = 12
STRENGTH = 0.75  # of the distortions
TEMPERATURE = 3.0
TEACHER_SHARE = 0.9  # of the loss; the labels have the rest


class Digits:
    """Batches of distorted training images, their labels and the teacher's logits.

    Every epoch takes one of `COPIES` precomputed sets of distorted images: distorting images and
    running the teacher take longer than training LeNet-300-100.
    """

    def __init__(self, images: Tensor, labels: Tensor, teacher: nn.Module) -> None:
        torch.manual_seed(0)
        self.labels = labels
        self.copies: list[tuple[Tensor, Tensor]] = []
        for _ in range(COPIES):
            parts = [(255 * distort(part, STRENGTH)).round() for part in images.split(1000)]
            with torch.no_grad():
                logits = torch.cat([teacher(part / 255) for part in parts])
            self.copies.append((torch.cat([part.byte() for part in parts]), logits))

    def __len__(self) -> int:
        return len(self.labels) // BATCH_IMAGES

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        images, logits = self.copies[int(torch.randint(COPIES, ()))]
        order = torch.randperm(len(self.labels))
        for batch in order.split(BATCH_IMAGES)[: len(self)]:
            yield images[batch].float() / 255, self.labels[batch], logits[batch]


def distillation(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the loss of a batch of `Digits`: of the labels, and of the teacher's soft labels."""
    images, labels, teacher = batch
    logits = model(images)
    soft = functional.kl_div(
        functional.log_softmax(logits / TEMPERATURE, dim=1),
        functional.softmax(teacher / TEMPERATURE, dim=1),
        reduction="batchmean",
    )
    hard = functional.cross_entropy(logits, labels)
    return (1 - TEACHER_SHARE) * hard + TEACHER_SHARE * TEMPERATURE**2 * soft


def recipe_of(row: Row) -> Recipe:
    """Return the recipe of a row."""
    return Recipe(
        density=row.density,
        bits=row.bits,
        method="magnitude" if isinstance(row.density, Mapping) else "global",
        schedule=Schedule(steps=ROUNDS - 1),
    )


def compress(
    row: Row, model: nn.Module, digits: Digits, evaluate: Callable[[nn.Module], float]
) -> Result:
    """Return the network of a row, with the accuracy at each step."""
    return retrain(
        model,
        recipe_of(row),
        loss=distillation,
        loader=digits,
        optimizer=lambda parameters: torch.optim.Adam(parameters, LEARNING_RATE),
        scheduler=lambda optimizer, batches: torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, batches, LEARNING_RATE / 50
        ),
        training=Training(
            rounds=ROUNDS,
            prune_epochs=row.epochs,
            share_epochs=2 * row.epochs,
            learning_rate_factor=1.0,
            share_learning_rate_factor=SHARED_LEARNING_RATE / LEARNING_RATE,
            prune_every=PRUNE_EVERY_BATCHES,
        ),
        evaluate=evaluate,
    )


def float_model(network: str) -> nn.Sequential:
    """Return the shipped float model."""
    model = NETWORKS[network]()
    file = onnx.load_from_string((files("eie_backend") / "data" / f"{network}.onnx").read_bytes())
    arrays = {t.name: numpy_helper.to_array(t).copy() for t in file.graph.initializer}
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.to(memory_format=torch.channels_last)  # makes convolutions faster


def test_error(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the fraction of wrongly classified images, in percent."""
    with torch.no_grad():
        classes = torch.cat([model(part).argmax(dim=1) for part in images.split(1000)])
    return 100 * float((classes != labels).double().mean())


def storage(model: nn.Module, bits: int) -> dict[str, LayerStorage]:
    """Return the storage of every layer and of all, each with the best index width."""
    layers = {}
    for name, layer in model.named_children():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            weights, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
            layers[name] = measure_smallest(weights, bits, bias)
    return {**layers, "all": total(layers.values())}


def table(layers: Mapping[str, LayerStorage]) -> dict[str, dict[str, float]]:
    """Return the columns of the paper's tables 2 and 3."""
    return {
        name: {
            "weights": layer.weights,
            "nonzeros": layer.nonzeros,
            "fillers": layer.fillers,
            "values": layer.values,
            "density_percent": round(100 * layer.density, 3),
            "code_bits_huffman": round(layer.per_entry(layer.huffman_code_bits), 3),
            "index_bits_huffman": round(layer.per_entry(layer.huffman_index_bits), 3),
            "paper_bits": layer.paper_huffman_bits,
            "paper_rate": round(layer.rate(layer.paper_huffman_bits), 1),
            "paper_rate_without_huffman": round(layer.rate(layer.paper_bits), 1),
            "stored_bytes": layer.stored_bytes,
        }
        for name, layer in layers.items()
    }


def run(
    path: Path,
    calibration: NDArray[np.float32],
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> dict[str, object]:
    """Return the error on the simulated machine in int16, with its cost."""
    compiled = eie.compile(eie.from_onnx(path, {"batch": 100}), calibration=calibration)
    start = time.perf_counter()
    report = eie.profile(compiled, images)
    seconds = time.perf_counter() - start
    wrong = report.outputs[0].argmax(axis=1) != labels
    return {
        "test_error_percent": round(100 * float(wrong.mean()), 2),
        "seconds": round(seconds, 1),
        "cycles_per_image": {x.name: round(x.cycles_per_sample, 1) for x in report.layers},
    }


def main() -> None:
    """Compress, print and write the result."""
    parser = argparse.ArgumentParser(description="Compress a LeNet as Deep Compression does.")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--data", type=Path, required=True, help="MNIST as an .npz file")
    parser.add_argument("--output", type=Path, default=Path("build/lenet"))
    parser.add_argument("--rows", nargs="+", choices=ROWS["lenet_5"], default=ROWS["lenet_5"])
    parser.add_argument("--threads", type=int, default=1, help="results depend on it")
    arguments = parser.parse_args()
    network = arguments.network
    torch.set_num_threads(arguments.threads)

    with np.load(arguments.data) as arrays:
        x_train, x_test = scale_pixels(arrays["x_train"]), scale_pixels(arrays["x_test"])
        y_train, y_test = (torch.from_numpy(arrays[k]).long() for k in ("y_train", "y_test"))
    model = float_model(network)
    digits = Digits(x_train, y_train, float_model("lenet_5"))
    float_error = test_error(model, x_test, y_test)
    paper = deep_compression()[network]
    print(f"float model: {float_error:.2f} %", flush=True)

    arguments.output.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{network}.json"
    for name in arguments.rows:
        row = ROWS[network][name]
        start = time.perf_counter()
        result = compress(row, model, digits, lambda m: 1 - test_error(m, x_test, y_test) / 100)
        seconds = time.perf_counter() - start
        layers = storage(result.model, row.bits)
        error = test_error(result.model, x_test, y_test)
        packed = arguments.output / f"{network}_{name.replace(' ', '_')}.eiez"
        noted = {"test_error_percent": round(error, 2)}
        eie.save_eiez(packed, to_onnx(result.model, network), recipe_of(row), noted)
        found = {
            "test_error_percent": round(error, 2),
            "paper_rate": round(layers["all"].rate(layers["all"].paper_huffman_bits), 1),
            "file_bytes": packed.stat().st_size,
            "recipe": {"density": row.density, "bits": row.bits, "epochs": row.epochs},
            "seconds": round(seconds),
            "threads": arguments.threads,
            "steps": {
                step.name: [round(100 - 100 * a, 2) for a in (step.accuracy_before, step.accuracy)]
                for step in result.steps[1:]
            },
            "layers": table(layers),
            "machine": run(packed, x_train[:1000].numpy(), x_test.numpy(), y_test.numpy()),
        }
        print(f"{name}: {json.dumps(found, indent=2)}", flush=True)
        others = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else {}
        whole = {
            "environment": environment(),
            "float_error_percent": round(float_error, 2),
            "paper": {"rate": paper["rates"][1], "float_error_percent": paper["errors"][0]},
            "rows": {row: {**others, name: found}.get(row) for row in ROWS[network]},
        }
        path.write_text(json.dumps(whole, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
