"""The page of all results and its pictures, from ``benchmarks/results/*.json``.

``python benchmarks/page.py`` writes ``docs/performance.md`` and
``docs/images/performance_*.svg``; ``--check`` compares the page with the results instead.
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
from sections import Result

from eie_backend.whole_file import write_whole

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TRAINED = ROOT / "eie_backend" / "data"
"""Results of training, which `eie reproduce` shows too."""

PAGE = ROOT / "docs" / "performance.md"
COMMAND = "python benchmarks/page.py"
LENET = "lenet.py {} --data mnist.npz"

SECTIONS: dict[str, tuple[str, Callable[[Result], str]]] = {
    "sparse_pays": ("Sparse against dense, layer by layer", sections.sparse_pays),
    "growth": ("How times grow", sections.growth),
    "simulator": ("The simulator", sections.simulator),
    "engines": ("The three engines", sections.engines),
    "compile_time": ("Compiling", sections_compiler.compile_time),
    "compress_speed": ("Compressing", sections_compiler.compress_speed),
    "huffman": ("Decoding Huffman codes", sections_compiler.huffman),
    "import_time": ("Importing TVM", sections_compiler.import_time),
    "load_balance": ("Load balance", sections_compiler.load_balance),
    "accumulator_bits": ("Width of the accumulators", sections_compiler.accumulator_bits),
    "lenet_300_100": ("LeNet-300-100, compressed", sections_compiler.lenets),
    "lenet_5": ("LeNet-5, compressed", sections_compiler.lenets),
}
"""By result: a title, and what makes the section's text of it."""

INTRODUCTION = f"""\
# Performance

<!-- Generated from benchmarks/results/*.json and eie_backend/data/lenet_*.json by `{COMMAND}`. -->

`make bench` runs all but the LeNets, in about a quarter of an hour, and writes this page;
`make bench-lenet` trains the LeNets (PyTorch, MNIST, 40 minutes). Each section says which command
measured it, on which machine, when, and with which versions.

A time is the median in milliseconds, with the quartiles in brackets. Calls that are compared take
turns in one run, and a ratio is one of their medians. What a section calls exact does not depend on
the machine: cycles, counters, bytes and energy are what the code computes, and
`tests/benchmarks/` compares them with what it computes now.
"""


def page() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for name, (title, text) in SECTIONS.items():
        folder = TRAINED if name.startswith("lenet") else RESULTS
        result = json.loads((folder / f"{name}.json").read_text("utf-8"))
        parts.append(f"## {title}\n\n{origin(name, result['environment'])}\n{text(result)}")
    return "\n".join(parts)


def origin(name: str, environment: dict[str, object]) -> str:
    """Say how, where, when and with what a result was measured."""
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
        if PAGE.exists() and PAGE.read_text("utf-8") == page():
            return 0
        sys.stderr.write(f"out of date: {PAGE.relative_to(ROOT)}; run `{COMMAND}`\n")
        return 1
    from pictures import pictures

    write_whole(PAGE, page().encode())
    for name, data in pictures(RESULTS).items():
        write_whole(ROOT / "docs" / "images" / name, data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
