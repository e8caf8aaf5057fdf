"""Tables that commands print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Group

from eie_backend.cli.console import table
from eie_backend.cli.table import Table
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.profiler.remarks import remarks
from eie_backend.show.quantities import number, size

if TYPE_CHECKING:
    from tvm import IRModule
    from tvm.relax import VMExecutable
    from tvm.target import Target

    from eie_backend.profiler import LayerProfile, Report


def layer_plan(mod: IRModule, executable: VMExecutable, target: Target) -> list[dict[str, Any]]:
    """Return the place of each layer, its density and its storage in the machine.

    Zeros between the groups of a convolution count neither for the density nor for the float32
    size. A layer whose original weights fit the codebook keeps its values; the values of other
    layers are clusters. Layers on the host have a reason instead of numbers.
    """
    import numpy as np

    from eie_backend.codegen.library import programs
    from eie_backend.isa.program import layer_storage
    from eie_backend.machine.codebook import nonzero_values
    from eie_backend.machine.target import config_of
    from eie_backend.transform.attributes import attributes
    from eie_backend.transform.constraints import layer_reasons
    from eie_backend.transform.layers import dense_layers, source_of

    layers = {layer.name: layer for layer in dense_layers(mod)}
    noted = attributes(mod)
    fitting = set(noted.as_is)
    storage = {
        name: layer_storage(program, number)[1]
        for program in programs(executable)
        for number, name in enumerate(program.layers)
    }
    plan: list[dict[str, Any]] = []
    for name, reason in layer_reasons(mod, config_of(target)):
        where = "machine" if name in storage else "host"
        row: dict[str, Any] = {"name": name, "runs_on": where, "source": source_of(name, noted)}
        if name in storage:
            matrix, groups = layers[name].weights, layers[name].groups
            row |= {
                "outputs": matrix.shape[0],
                "inputs": matrix.shape[1],
                "density": np.count_nonzero(matrix) * groups / matrix.size,
                "values": int(nonzero_values(matrix).size),
                "values_as_is": name in fitting,
                "float32_bytes": matrix.nbytes // groups,
                "stored_bytes": storage[name],
            }
        else:
            row["reason"] = reason
        plan.append(row)
    return plan


PART = "- "
"""Before the name of a matrix that is one of several of a layer, which stands above them."""

Row = TypeVar("Row")


def parts_beneath(
    rows: Sequence[Row], sources: Sequence[str]
) -> Iterator[tuple[Row, Sequence[Row]]]:
    """Yield the rows; with the first of several of one source, all of them."""
    for at, (row, source) in enumerate(zip(rows, sources, strict=True)):
        first = sources.index(source) == at and sources.count(source) > 1
        same = [one for one, other in zip(rows, sources, strict=True) if other == source]
        yield row, same if first else []


def plan_table(plan: Sequence[Mapping[str, Any]]) -> Table:
    """Return a row for each layer of a plan."""
    numbers = ("outputs x inputs", "density", "values", "float32", "stored")
    made = table("Layers", "layer", "runs on", *numbers, text=2)
    for row, whole in parts_beneath(plan, [row["source"] for row in plan]):
        if whole:
            machine = [one for one in whole if one["runs_on"] == "machine"]
            sizes = (sum(one[f"{kind}_bytes"] for one in machine) for kind in ("float32", "stored"))
            matrices = f"{len(whole)} matrices"
            made.add_row(row["source"], "machine", matrices, "", "", *map(size, sizes))
        name = f"{PART}{row['name']}" if row["name"] != row["source"] else row["name"]
        if row["runs_on"] == "host":
            made.add_row(name, f"host: {row['reason']}", *([""] * len(numbers)))
            continue
        made.add_row(
            name,
            "machine",
            f"{row['outputs']:,} x {row['inputs']:,}",
            f"{row['density']:.3f}",
            f"{row['values']} {'as is' if row['values_as_is'] else 'shared'}",
            size(row["float32_bytes"]),
            size(row["stored_bytes"]),
        )
    return made


def balance_table(found: Mapping[str, Any]) -> Table:
    """Return the output order of each machine layer, and the cycles that it saves."""
    title = f"Load balance {found['mode']}: cycles per sample"
    made = table(title, "layer", "order of outputs", "off", "balanced", "gain", text=2)
    for name, row in found["layers"].items():
        off, cycles = (row[key] / row["samples"] for key in ("cycles_off", "cycles"))
        made.add_row(name, row["order"], f"{off:,.1f}", f"{cycles:,.1f}", f"{off / cycles:.2f}x")
    return made


def report_table(report: Report) -> Group:
    """Return a report's layers, their sum, and remarks."""
    from eie_backend.compiler.model_record import source_names

    config = report.config
    title = f"Per sample: {config.num_pe} PEs at {config.clock_mhz} MHz, {report.arithmetic}"
    # Convolutions and recurrent layers run more than once per sample.
    repeated = any(layer.vectors != 1 for layer in report.layers)
    columns = ["cycles", "us", "load balance", "padding", "nJ", "load cycles"]
    made = table(title, "layer", *(["vectors"] if repeated else []), *columns)
    known = source_names(report.programs)
    sources = [known[layer.name] for layer in report.layers]

    def total(name: str, layers: Sequence[LayerProfile]) -> None:
        made.add_row(
            name,
            *([""] if repeated else []),
            number(sum(layer.cycles_per_sample for layer in layers)),
            f"{sum(layer.microseconds_per_sample for layer in layers):.3f}",
            "",
            "",
            number(sum(layer.nanojoule_per_sample for layer in layers)),
            number(sum(layer.counters["load_cycles"] / layer.samples for layer in layers)),
        )

    for layer, whole in parts_beneath(report.layers, sources):
        if whole:
            total(known[layer.name], whole)
        made.add_row(
            layer.name if known[layer.name] == layer.name else f"{PART}{layer.name}",
            *([f"{layer.vectors:,g}"] if repeated else []),
            number(layer.cycles_per_sample),
            f"{layer.microseconds_per_sample:.3f}",
            f"{layer.load_balance:.1%}",
            f"{layer.padding_ratio:.1%}",
            number(layer.nanojoule_per_sample),
            number(layer.counters["load_cycles"] / layer.samples),
        )
    made.add_section()
    total("all layers", report.layers)
    return Group(made, *remarks(report))


def cycles_table(report: Report) -> Table:
    """Return the fractions of each layer's PE cycles by category."""
    title = "Where the PE cycles went"
    categories = [category.name for category in CYCLE_CATEGORIES]
    made = table(title, "layer", *(name.removesuffix("_column") for name in categories))
    for layer in report.layers:
        edges = max(sum(layer.breakdown.values()), 1)
        made.add_row(layer.name, *(f"{layer.breakdown[name] / edges:.1%}" for name in categories))
    return made


def energy_table(report: Report) -> Table:
    """Return each layer's energy by part, and its power while computing."""
    title = f"Energy per sample in nJ, {report.area_mm2:.1f} mm2"
    made = table(title, "layer", "SRAM", "arithmetic", "clock", "mW", "beside: DRAM")
    for layer in report.layers:
        sram, arithmetic, clock, dram = (
            number(layer.energy_by_part_pj[part] / layer.samples / 1000)
            for part in ("sram", "arithmetic", "clock", "dram")
        )
        made.add_row(layer.name, sram, arithmetic, clock, number(layer.milliwatt), dram)
    return made
