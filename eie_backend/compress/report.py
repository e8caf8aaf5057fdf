"""`CompressionReport`: a compressed network's size and accuracy, as in the paper and in bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from eie_backend.compress.findings import Cost, Point, SearchResult, Sensitivity, Setting
from eie_backend.recipe import Recipe, recipe_from_dict
from eie_backend.show.html import Number, table
from eie_backend.storage.accounting import LayerStorage


@dataclass(frozen=True)
class ReportedStep:
    """A step of compression: the accuracy after it, and what it changed.

    `drift` is, by layer, the norm of the change over the norm of the weights before the step, or,
    with retraining, before all steps. `accuracy_untrained` is, for a step with retraining, the
    accuracy after pruning or sharing and before training.
    """

    name: str
    accuracy: float | None
    drift: Mapping[str, float] = field(default_factory=dict)
    accuracy_untrained: float | None = None


@dataclass(frozen=True)
class Simulated:
    """Results of the compiled network on the machine, over all samples."""

    accuracy: float
    cycles_per_sample: float
    microseconds_per_sample: float
    nanojoule_per_sample: float
    num_pe: int
    arithmetic: str


@dataclass(frozen=True)
class CompressionReport:
    """The report on a network's compression.

    Attributes
    ----------
    recipe : Recipe
        The compression settings of the layers.
    layers : mapping of str to LayerStorage
        What each compressed layer takes, in the paper's way of counting and byte by byte.
    steps : tuple of ReportedStep
        From "float", the network as it was, to the last step.
    samples : int
        Number of samples for accuracies.
    unchanged : mapping of str to str
        Layers that were not compressed, with reasons.
    model_bytes, file_bytes : int, optional
        Complete size of the original model and of the compressed file.
    machine : Simulated, optional
        Results of the compressed network on the machine.
    search : SearchResult, optional
        The search that found the recipe.
    """

    recipe: Recipe
    layers: Mapping[str, LayerStorage]
    steps: tuple[ReportedStep, ...]
    samples: int
    unchanged: Mapping[str, str] = field(default_factory=dict)
    model_bytes: int | None = None
    file_bytes: int | None = None
    machine: Simulated | None = None
    search: SearchResult | None = None

    def __repr__(self) -> str:
        return f"<CompressionReport {len(self.layers)} layers, {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        """Show the storage of every layer, and the accuracy after every step."""
        layers = [
            (
                name,
                layer.weights,
                Number(layer.density, ".1%"),
                layer.values,
                layer.stored_bytes,
                Number(layer.rate(layer.paper_huffman_bits), ".1f"),
            )
            for name, layer in self.layers.items()
        ]
        header = ["layer", "weights", "density", "values", "bytes", "times smaller"]
        steps = [
            (step.name, "" if step.accuracy is None else Number(step.accuracy, ".2%"))
            for step in self.steps
        ]
        accuracy = table(f"Accuracy of {self.samples:,} samples", ["after", "accuracy"], steps)
        return table("Compressed layers", header, layers) + "\n" + accuracy

    def to_json(self) -> str:
        """Return the report as JSON, with the columns of the paper's tables by layer."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, with the columns of the paper's tables by layer."""
        layers = {n: asdict(s) | paper_columns(s) for n, s in self.layers.items()}
        return asdict(self) | {"layers": layers}


def paper_columns(layer: LayerStorage) -> dict[str, float]:
    """Return a row of Deep Compression's tables 2 to 5 by column: percent, bits and rate.

    Bits are per stored entry. "size_pq" is the size after pruning and sharing relative to the
    float32 weights, "size_pqh" the size after Huffman coding, too, and "rate" the inverse of that.
    """
    return {
        "density_percent": 100 * layer.density,
        "weight_bits": layer.per_entry(layer.fixed_code_bits),
        "weight_bits_huffman": layer.per_entry(layer.huffman_code_bits),
        "index_bits": layer.per_entry(layer.fixed_index_bits),
        "index_bits_huffman": layer.per_entry(layer.huffman_index_bits),
        "size_pq_percent": 100 * layer.share(layer.paper_bits),
        "size_pqh_percent": 100 * layer.share(layer.paper_huffman_bits),
        "rate": layer.rate(layer.paper_huffman_bits),
        "stored_bytes": layer.stored_bytes,
    }


def report_from_json(text: str) -> CompressionReport:
    """Return the report that `CompressionReport.to_json` wrote."""
    data = json.loads(text)
    names = {field.name for field in fields(LayerStorage)}
    search = data["search"]
    return CompressionReport(
        recipe=recipe_from_dict(data["recipe"]),
        layers={
            layer: LayerStorage(**{name: row[name] for name in names})
            for layer, row in data["layers"].items()
        },
        steps=tuple(ReportedStep(**step) for step in data["steps"]),
        samples=data["samples"],
        unchanged=data["unchanged"],
        model_bytes=data["model_bytes"],
        file_bytes=data["file_bytes"],
        machine=data["machine"] and Simulated(**data["machine"]),
        search=search and _search(search),
    )


def _search(data: dict[str, Any]) -> SearchResult:
    table = data["sensitivity"]
    return SearchResult(
        recipe=recipe_from_dict(data["recipe"]),
        best=_point(data["best"]),
        dense=_point(data["dense"]),
        points=tuple(map(_point, data["points"])),
        sensitivity=Sensitivity(
            table["accuracy"],
            {n: {float(d): a for d, a in row.items()} for n, row in table["densities"].items()},
            {n: {int(b): a for b, a in row.items()} for n, row in table["bits"].items()},
        ),
        objective=data["objective"],
        least_accuracy=data["least_accuracy"],
    )


def _point(data: dict[str, Any]) -> Point:
    trial = {name: Setting(**setting) for name, setting in data["trial"].items()}
    return Point(trial, data["accuracy"], Cost(*data["cost"]))
