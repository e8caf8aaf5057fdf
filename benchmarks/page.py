"""The pages of all results and their pictures, from ``benchmarks/results/*.json``.

``python benchmarks/page.py`` writes ``docs/performance.md``, ``docs/robustness.md``,
``docs/real_networks.md`` and ``docs/images/performance_*.svg``; ``--check`` compares the pages with
the results instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import sections
import sections_compiler
import sections_concurrency
import sections_fuzz
import sections_hostile
import sections_kills
import sections_months
import sections_real
import sections_remote
import sections_scale
import sections_soft_errors
import sections_summary
from sections import Result

from eie_backend.files.whole_file import write_whole

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TRAINED = ROOT / "eie_backend" / "data"
"""Folder of training results, which `eie reproduce` also shows."""

DOCS = ROOT / "docs"
COMMAND = "python benchmarks/page.py"
LENET = "lenet.py {} --data mnist.npz"

Sections = dict[str, tuple[str, Callable[[Result], str]]]
"""By result: a title, and the function that writes the section."""

PERFORMANCE: Sections = {
    "sparse_pays": ("Sparse against dense, layer by layer", sections.sparse_pays),
    "growth": ("How times grow", sections.growth),
    "simulator": ("The simulator", sections.simulator),
    "engines": ("The three engines", sections.engines),
    "compile_time": ("Compiling", sections_compiler.compile_time),
    "compile_against": ("Compiling, before and after", sections_compiler.compile_against),
    "recurrent": ("Steps of a recurrent layer", sections_compiler.recurrent),
    "verified_import": ("Verifying an import", sections_compiler.verified_import),
    "compress_speed": ("Compressing", sections_compiler.compress_speed),
    "huffman": ("Decoding Huffman codes", sections_compiler.huffman),
    "import_time": ("Importing TVM", sections_compiler.import_time),
    "load_balance": ("Load balance", sections_compiler.load_balance),
    "accumulator_bits": ("Width of the accumulators", sections_compiler.accumulator_bits),
    "lenet_300_100": ("LeNet-300-100, compressed", sections_compiler.lenets),
    "lenet_5": ("LeNet-5, compressed", sections_compiler.lenets),
}
ROBUSTNESS: Sections = {
    "kills": ("Kills", sections_kills.kills),
    "interrupts": ("Ctrl-C", sections_hostile.interrupts),
    "months": ("Memory over months", sections_months.months),
    "hostile": ("Hostile models", sections_hostile.hostile),
    "fuzz": ("Hostile bytes", sections_fuzz.fuzz),
    "concurrency": ("Many callers", sections_concurrency.concurrency),
    "sweep": ("Sweeps on a cluster", sections_scale.sweep),
    "evaluate": ("Large evaluations", sections_scale.evaluate),
    "remote": ("Another machine", sections_remote.remote),
    "soft_errors": ("Soft errors", sections_soft_errors.soft_errors),
}
REAL: Sections = {
    "real_networks": ("Eleven networks", sections_real.networks),
    "pronunciations": ("Pronunciations", sections_real.pronunciations),
}

ORIGIN = f"<!-- Generated from benchmarks/results/*.json and eie_backend/data by `{COMMAND}`. -->"
TIMES = """\
A time is the median in milliseconds, with the quartiles in brackets. Calls that are compared take
turns in one run, and a ratio is one of their medians. What a section calls exact does not depend on
the machine: cycles, counters, bytes and energy are what the code computes, and
`tests/benchmarks/` compares them with what it computes now.
"""
PERFORMANCE_INTRODUCTION = f"""\
# Performance

{ORIGIN}

`make bench` runs all but the LeNets, in about a quarter of an hour, and writes this page;
`make bench-lenet` trains the LeNets (PyTorch, MNIST, 40 minutes). Each section says which command
measured it, on which machine, when, and with which versions.

{TIMES}"""
ROBUSTNESS_INTRODUCTION = f"""\
# What it withstands

{ORIGIN}

Each section below says which command measured it, on which machine, when, and with which versions;
`make bench-robustness` runs them all, in about four hours. A short version of each is among the
tests, which CI runs; images on the machine are also fuzzed by `make fuzz`, 60 s a night.
"""
REAL_INTRODUCTION = f"""\
# Networks of others

{ORIGIN}

What packages on the registry ship, imported as it is, compiled and run on the machine.
`make bench-networks` downloads the files, which stay under their licences, measures all, and writes
this page. Inputs are of the kind that each network was made for, and made by `benchmarks/real/`:
voices and strings from a seed, sentences, pictures of text, files of eleven types.
"""


def pages() -> dict[Path, str]:
    """Return the pages by file."""
    found = {name: _read(name) for name in (*PERFORMANCE, *ROBUSTNESS, *REAL)}
    robustness = f"{ROBUSTNESS_INTRODUCTION}\n{sections_summary.summary(found)}"
    return {
        DOCS / "performance.md": _page(PERFORMANCE_INTRODUCTION, PERFORMANCE, found),
        DOCS / "robustness.md": _page(robustness, ROBUSTNESS, found),
        DOCS / "real_networks.md": _page(REAL_INTRODUCTION, REAL, found),
    }


def _page(introduction: str, parts: Sections, found: dict[str, Result]) -> str:
    texts = [
        f"## {title}\n\n{origin(name, found[name]['environment'])}\n{text(found[name])}"
        for name, (title, text) in parts.items()
    ]
    return "\n".join([introduction, *texts])


def _read(name: str) -> Result:
    folder = TRAINED if name.startswith("lenet") else RESULTS
    result: Result = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return result


def origin(name: str, environment: dict[str, object]) -> str:
    """Return a sentence on the command, computer, date and versions of a result."""
    script = LENET.format(name) if name.startswith("lenet") else f"{name}.py"
    packages = {"python": environment["python"], **environment["packages"]}
    if "blas" in environment:
        packages["BLAS"] = environment["blas"]
    versions = ", ".join(f"{package} {version}" for package, version in packages.items())
    load = f", load {environment['load_average']}" if "load_average" in environment else ""
    return (
        f"`python benchmarks/{script}` · {environment['date']} · {environment['processor']}, "
        f"{environment['cores']} cores{load} · {versions}\n"
    )


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if parser.parse_args().check:
        old = [
            str(path.relative_to(ROOT))
            for path, text in pages().items()
            if not path.exists() or path.read_text("utf-8") != text
        ]
        if old:
            sys.stderr.write(f"out of date: {', '.join(old)}; run `{COMMAND}`\n")
        return len(old) > 0
    from pictures import pictures

    for path, text in pages().items():
        write_whole(path, text.encode())
    for name, data in pictures(RESULTS).items():
        write_whole(ROOT / "docs" / "images" / name, data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
