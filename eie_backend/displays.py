"""What notebooks show of configurations, matrices, programs and results.

Plain tables without colours of their own, so they are readable in light and in dark themes. Text
from models is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eie_backend.compress.report import CompressionReport
    from eie_backend.config import HardwareConfig
    from eie_backend.encoding import EncodedMatrix
    from eie_backend.isa.program import Program
    from eie_backend.profiler import Report
    from eie_backend.recipe import Recipe
    from eie_backend.simulator import LayerRun

MOST_LINES = 400
"""Of a program's text."""


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return an HTML table; numbers are aligned to the right, and all text is escaped.

    Examples
    --------
    >>> table("a < b", ["n"], [[1]]).splitlines()[1]
    '<caption>a &lt; b</caption>'
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )


def folded(summary: str, content: str) -> str:
    """Return content that a click on its summary unfolds; `content` is HTML."""
    return f"<details>\n<summary>{escape(summary)}</summary>\n{content}\n</details>"


def of_config(config: HardwareConfig) -> str:
    """Return every size of the machine with its unit and meaning."""
    rows = [
        (spec.name, getattr(config, spec.name), spec.metadata["unit"], spec.metadata["doc"])
        for spec in fields(config)
    ]
    return table("HardwareConfig", ["field", "value", "unit", "meaning"], rows)


def of_matrix(matrix: EncodedMatrix) -> str:
    """Return what a matrix holds, its codebook, and how its entries are spread over the PEs."""
    entries, weights = matrix.entries.size, matrix.rows * matrix.stored_cols
    stored = entries - matrix.padding_entries
    per_pe = matrix.entries_per_pe
    facts = [
        ("rows x columns", f"{matrix.rows:,} x {matrix.cols:,}"),
        ("bias column", "yes" if matrix.has_bias_column else "no"),
        ("weights stored", f"{stored:,} of {weights:,}: {stored / weights:.1%}"),
        ("paddings", f"{matrix.padding_entries:,} of {entries:,} entries"),
        ("bits of an entry", f"{matrix.codebook_bits} code + {8 - matrix.codebook_bits} zero run"),
        ("entries of a PE", f"{per_pe.min():,} to {per_pe.max():,}, mean {per_pe.mean():,.1f}"),
        ("codebook", " ".join(f"{value:.10g}" for value in matrix.codebook.tolist())),
    ]
    longest = max(int(per_pe.max()), 1)
    bars = table(
        f"{matrix.num_pe} PEs",
        ["PE", "entries", "of the most"],
        [(k, int(n), _Bar(int(n), longest)) for k, n in enumerate(per_pe)],
    )
    return (
        table("EncodedMatrix", ["property", "value"], facts) + "\n" + folded("entries by PE", bars)
    )


def of_program(program: Program) -> str:
    """Return a program's sizes, its layers and its text without the constants."""
    from eie_backend.isa.assembly import print_program, to_dialect
    from eie_backend.profiler import layer_storage

    rows = []
    for number, name in enumerate(program.layers):
        own = [step for step in (*program.setup, *program.steps) if step.layer == number]
        rows.append((name, len(own), *layer_storage(program, number)))
    about = (
        f"Program: {program.config.num_pe} PEs, {program.arithmetic}, "
        f"{program.inputs:,} inputs, {program.outputs:,} outputs"
    )
    layers = table(about, ["layer", "instructions", "weights", "bytes"], rows)
    lines = print_program(to_dialect(program), elide=True).splitlines()
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"... {len(lines) - MOST_LINES:,} more lines"]
    text = f"<pre>{escape(chr(10).join(lines))}</pre>"
    return layers + "\n" + folded("text, constants left out", text)


def of_report(report: Report) -> str:
    """Return a row per layer, per sample; loads are once per layer and sample."""
    rows: list[tuple[object, ...]] = [
        (
            layer.name,
            _Number(layer.cycles_per_sample, ",.1f"),
            _Number(layer.microseconds_per_sample, ",.3f"),
            _Number(layer.load_balance, ".1%"),
            _Number(layer.padding_ratio, ".1%"),
            _Number(layer.nanojoule_per_sample, ",.1f"),
        )
        for layer in report.layers
    ]
    totals = [
        _Number(sum(getattr(layer, name) for layer in report.layers), spec)
        for name, spec in (
            ("cycles_per_sample", ",.1f"),
            ("microseconds_per_sample", ",.3f"),
            ("nanojoule_per_sample", ",.1f"),
        )
    ]
    rows.append(("all layers", totals[0], totals[1], "", "", totals[2]))
    config = report.config
    caption = f"Per sample: {config.num_pe} PEs at {config.clock_mhz} MHz, {report.arithmetic}"
    return table(caption, ["layer", "cycles", "us", "load balance", "padding", "nJ"], rows)


def of_run(run: LayerRun) -> str:
    """Return the cycles of a product and all its counters."""
    caption = f"{run.cycles:,} cycles, {run.microseconds:,.3f} us on {run.config.num_pe} PEs"
    return table(caption, ["counter", "value"], run.counters.items())


def of_compression(report: CompressionReport) -> str:
    """Return what is left of every layer, and the accuracy after every step."""
    layers = [
        (
            name,
            layer.weights,
            _Number(layer.density, ".1%"),
            layer.values,
            layer.stored_bytes,
            _Number(layer.rate(layer.paper_huffman_bits), ".1f"),
        )
        for name, layer in report.layers.items()
    ]
    header = ["layer", "weights", "density", "values", "bytes", "times smaller"]
    steps = [
        (step.name, "" if step.accuracy is None else _Number(step.accuracy, ".2%"))
        for step in report.steps
    ]
    accuracy = table(f"Accuracy of {report.samples:,} samples", ["after", "accuracy"], steps)
    return table("Compressed layers", header, layers) + "\n" + accuracy


def of_recipe(recipe: Recipe) -> str:
    """Return every setting and the layers that it is for."""
    rows: list[tuple[str, str, str]] = []
    for spec in fields(recipe):
        setting = getattr(recipe, spec.name)
        by_layer = setting if isinstance(setting, Mapping) else {"all": setting}
        rows += [(spec.name, layer, str(value)) for layer, value in by_layer.items()]
    return table("Recipe", ["field", "layers", "value"], rows)


class _Number:
    """A number and how it is written."""

    def __init__(self, value: float, spec: str) -> None:
        self.text = format(value, spec)


class _Bar:
    """A length among others."""

    def __init__(self, value: int, longest: int) -> None:
        self.value, self.longest = value, longest


def _cell(value: object) -> str:
    if isinstance(value, _Bar):
        return f'<td><meter min="0" max="{value.longest}" value="{value.value}"></meter></td>'
    if isinstance(value, (int, _Number)):
        text = value.text if isinstance(value, _Number) else f"{value:,}"
        return f'<td style="text-align: right">{text}</td>'
    return f'<td style="text-align: left">{escape(str(value))}</td>'
