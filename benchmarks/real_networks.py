"""Networks of others, as their packages ship them, on the machine: ``docs/real_networks.md``.

``make models`` fetches them. ``python benchmarks/real_networks.py [NAME ...]`` then imports,
compiles and runs each in fresh processes, on sounds, texts, pictures and files that it makes
itself, and writes ``benchmarks/results/real_networks.json``; with names, only their rows change. It
needs PyTorch, which is Resemblyzer's own runtime, and takes a few minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from measure import resident_bytes
from real.networks import NETWORKS, Network, Outputs, calibration
from real.products import products
from record import RESULTS, record

import eie_backend as eie
from eie_backend.host.network import HostNetwork

COMPARED = range(5)
"""Numbers of the samples whose results are compared."""


def error(found: Outputs, expected: Outputs) -> float:
    """Return the relative error of the worst output, in the Euclidean norm."""
    return max(
        float(np.linalg.norm(a - b) / np.linalg.norm(b))
        for a, b in zip(found, expected, strict=True)
    )


def compiling(network: Network) -> dict[str, float]:
    """Return how long it takes from the model to the library, and the process's peak memory."""
    samples = calibration(network)
    start = time.perf_counter()
    library = eie.compile(network.imported(), calibration=samples)
    with TemporaryDirectory() as folder:
        eie.export_library(library, Path(folder) / "network.so")
    return {"seconds": time.perf_counter() - start, "peak_bytes": resident_bytes("VmHWM")}


def running(network: Network) -> dict[str, Any]:
    """Return a network's layers, errors, cycles and energy."""
    mod = network.imported()
    placed, macs = eie.explain(mod), products(mod)
    samples = [network.inputs(number) for number in COMPARED]
    expected = [network.expected(sample) for sample in samples]
    host = HostNetwork(mod)
    on_host = [
        error(host(*sample.values()), y) for sample, y in zip(samples, expected, strict=True)
    ]
    library = eie.compile(mod, calibration=calibration(network))
    reports = [eie.profile(library, sample) for sample in samples]
    on_machine = [error([*r.outputs], y) for r, y in zip(reports, expected, strict=True)]
    layers = [layer for report in reports for layer in report.layers]
    left = [row for row in placed if row.runs_on == "host"]
    return {
        "package": network.package,
        "licence": network.licence,
        "weights": sum(layer.weights for layer in reports[0].layers),
        "on_machine": sum(row.is_layer and row.runs_on == "machine" for row in placed),
        "layers": sum(row.is_layer for row in placed),
        "macs": sum(macs.values()),
        "host_share": sum(macs[row.name] for row in left) / sum(macs.values()),
        "host_error": max(on_host),
        "error": float(np.mean(on_machine)),
        "cycles": sum(layer.cycles_per_sample for layer in layers) / len(samples),
        "microjoules": sum(layer.nanojoule_per_sample for layer in layers) / len(samples) / 1e3,
        "host_reasons": Counter((row.reason, row.is_layer) for row in left).most_common(),
    }


PARTS = {"compiling": compiling, "running": running}


def fresh(part: str, name: str) -> dict[str, Any]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--part", part, name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(NETWORKS))
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in NETWORKS]:
        parser.error(f"unknown: {'; '.join(unknown)}; known: {'; '.join(NETWORKS)}")
    if given.part:
        print(json.dumps(PARTS[given.part](NETWORKS[given.names[0]])))
        return
    found: dict[str, dict[str, Any]] = {"exact": {}, "measured": {}}
    if given.names:
        kept = json.loads((RESULTS / "real_networks.json").read_text("utf-8"))
        found = {kind: kept[kind]["networks"] for kind in found}
    for name in given.names or NETWORKS:
        found["exact"][name] = fresh("running", name)
        found["measured"][name] = fresh("compiling", name)
    record("real_networks", *({"networks": found[kind]} for kind in ("exact", "measured")))


if __name__ == "__main__":
    main()
