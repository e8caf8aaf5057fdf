"""The summary section: the result in one sentence, key numbers, and remarks."""

from __future__ import annotations

from eie_backend.fidelity.told import told
from eie_backend.profiler.remarks import remarks
from eie_backend.report.content import Note, Section, Tiles
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection
from eie_backend.show.quantities import number, size


def summary(run: Run) -> Section:
    """Return the first section of the page."""
    return Section("summary", SECTION.title, answer(run), (Tiles(tiles(run)), *notes(run)))


def answer(run: Run) -> str:
    """Return the result of the run in one sentence."""
    config, samples = run.report.config, run.samples
    told = "1 sample" if samples == 1 else f"{samples:,} samples"
    right = "" if run.accuracy is None else f", {run.accuracy:.1%} of them right"
    if not run.is_timed:
        return f"{told}{right}, computed by {config.num_pe} PEs without counting cycles."
    return (
        f"{told}{right}: {number(run.cycles)} cycles ({run.microseconds:,.3g} µs) and "
        f"{number(run.nanojoules)} nJ each, on {config.num_pe} PEs at {config.clock_mhz} MHz."
    )


def tiles(run: Run) -> list[tuple[str, str, str]]:
    """Return the key numbers: name, value, and explanation."""
    report, config = run.report, run.report.config
    stored = sum(layer.storage_bytes for layer in run.layers)
    dense = 4 * sum(layer.weights for layer in run.layers)
    made = []
    if run.accuracy is not None and run.labels is not None:
        wrong = int((run.predicted != run.labels).sum())
        made.append(("accuracy", f"{run.accuracy:.1%}", f"{wrong:,} of {run.samples:,} wrong"))
    if run.is_timed:
        cycles = sum(layer.counters["cycles"] for layer in run.layers)
        entries = sum(layer.counters["entries"] for layer in run.layers)
        picojoules = sum(sum(layer.energy_pj.values()) for layer in run.layers)
        per_second = 1e6 / run.microseconds
        made += [
            ("cycles", number(run.cycles), "per sample, all layers"),
            ("time", f"{run.microseconds:,.3g} µs", f"{per_second:,.0f} samples per second"),
            ("energy", f"{number(run.nanojoules)} nJ", "per sample, without DRAM"),
            (
                "load balance",
                f"{entries / (config.num_pe * cycles):.1%}",
                "of the PE cycles issue an entry",
            ),
            (
                "power",
                f"{picojoules * config.clock_mhz / cycles / 1000:,.0f} mW",
                "while it computes",
            ),
        ]
    return [
        *made,
        ("stored weights", size(stored), f"{dense / max(stored, 1):.1f}x below float32"),
        ("area", f"{report.area_mm2:.1f} mm²", f"{config.num_pe} PEs and the LNZD tree"),
    ]


def notes(run: Run) -> list[Note]:
    """Return the remarks, which commands also print."""
    lines = remarks(run.report)
    if run.report.fidelity is not None:
        lines += told(
            run.report.fidelity,
            run.report.manifest,
            saturations=sum(run.report.saturations.values()),
            accuracy=run.accuracy,
            reference_accuracy=run.reference_accuracy,
        ).lines
    if not run.is_timed:
        lines.append(
            f"The engine `{run.report.engine}` counts no cycles: profile with `event` to see where "
            "they go."
        )
    return [Note(line) for line in lines]


SECTION = ReportSection(
    place=10,
    title="In short",
    shows="the answer in a line, a few big numbers, and remarks: weights that are loaded, values "
    "that saturated",
    source="sums over the layers",
    make=summary,
)
