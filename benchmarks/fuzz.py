"""Mutated files of every kind that the package reads: no crash, no hang, bounded memory.

``python benchmarks/fuzz.py`` hands 100,000 mutations of each kind of `tests/fuzz` to its reader
(2,000 of the models that are verified) and 1,000,000 mutated images to the machine (`make fuzz`
builds that target first), and writes ``benchmarks/results/fuzz.json``. It takes two hours of a core
in total. ``--kind recipes`` runs only one kind and keeps the other results. Inputs that break a
reader are kept in ``build/fuzz/python``.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import re
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "runtime"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fuzz"))
from driver import LIMIT_SECONDS, fuzz
from record import RESULTS, record

ROOT = Path(__file__).parents[1]
KINDS = ("containers", "recipes", "sweeps", "flips", "tables", "programs", "images", "models")
KINDS += ("datasets", "libraries", "verified_models")
MUTATIONS = {"verified_models": 2_000}
"""Of kinds that take longer than others; 100,000 of these."""

MACHINE = "images, by the machine"
FINDINGS = ROOT / "build" / "fuzz" / "python"
TARGET = ROOT / "build" / "fuzz" / "tests" / "fuzz_image"
SHARDS = 4
"""Processes per kind of file, independent of the number of cores, so that seeds are the same."""

ADDRESS_SPACE = 12 << 30
"""Limit of a reader's address space, to protect the computer's memory."""


def run_kind(name: str, mutations: int, seed: int) -> None:
    """Fuzz one kind in this process, which a hang or a crash ends; print the result."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    kind = import_module(name).KIND
    case = FINDINGS / f"{name}.{seed}.last"

    def note(data: bytes) -> None:
        case.write_bytes(data)
        # Twice the limit, because this is wall time, not processor time.
        faulthandler.dump_traceback_later(2 * LIMIT_SECONDS, exit=True)

    outcome = fuzz(kind, mutations, seed, note)
    faulthandler.cancel_dump_traceback_later()
    for number, data in enumerate(outcome.findings.values()):
        (FINDINGS / f"{name}.{seed}.{number}").write_bytes(data)
    print(json.dumps({**asdict(outcome), "findings": list(outcome.findings)}))


def of_kind(name: str, mutations: int, seed: int) -> dict[str, object]:
    """Fuzz one kind in child processes and return the result."""
    start = time.perf_counter()
    seeds = range(SHARDS * seed, SHARDS * (seed + 1))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda one: of_shard(name, -(-mutations // SHARDS), one), seeds))
    return {
        "mutations": sum(one["mutations"] for one in found),
        "accepted": sum(one["accepted"] for one in found),
        "findings": sorted({finding for one in found for finding in one["findings"]}),
        "slowest_ms": round(1e3 * max(one["slowest_seconds"] for one in found), 1),
        "memory_multiple": round(max(one["memory_multiple"] for one in found), 1),
        "memory_limit": import_module(name).KIND.multiple,
        "seconds": round(time.perf_counter() - start),
    }


def of_shard(name: str, mutations: int, seed: int) -> dict[str, Any]:
    """Fuzz a part of a kind's mutations in a process that may crash or hang; return the result."""
    command = [sys.executable, __file__, "--run", name, "--mutations", str(mutations)]
    done = subprocess.run(
        [*command, "--seed", str(seed)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{name}: ended by {FINDINGS / name}.{seed}.last:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def of_machine(mutations: int, seed: int) -> dict[str, object]:
    """Run libFuzzer's mutations of images under the sanitizers, and return the result."""
    folder = TARGET.parents[1] / "fuzz_image"
    command = [TARGET, f"-runs={mutations}", f"-seed={seed}", f"-timeout={LIMIT_SECONDS}"]
    command += ["-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]
    command += [f"-artifact_prefix={folder}/findings/", folder / "found", folder / "seeds"]
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr

    def number(pattern: str) -> float:
        return float(re.findall(pattern + r":\s+([0-9.]+)", told)[-1])

    return {
        "mutations": int(number("stat::number_of_executed_units")),
        "findings": re.findall("SUMMARY: (.*)", told),
        # libFuzzer rounds down to whole seconds, so the time is below the next second.
        "slowest_ms": 1e3 * (number("stat::slowest_unit_time_sec") + 1),
        "memory_multiple": number("largest memory multiple"),
        "memory_limit": 32,
        "seconds": round(time.perf_counter() - start),
    }


def main() -> None:
    """Fuzz, write the result, and fail if there is a finding."""
    options = argparse.ArgumentParser()
    options.add_argument("--kind", choices=(*KINDS, MACHINE), action="append")
    options.add_argument("--mutations", type=int)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--run", choices=KINDS)
    given = options.parse_args()
    FINDINGS.mkdir(parents=True, exist_ok=True)
    if given.run:
        run_kind(given.run, given.mutations, given.seed)
        return
    for name in given.kind or (*KINDS, MACHINE):
        if name == MACHINE:
            row = of_machine(given.mutations or 1_000_000, given.seed)
        else:
            row = of_kind(name, given.mutations or MUTATIONS.get(name, 100_000), given.seed)
        path = RESULTS / "fuzz.json"
        before = json.loads(path.read_text("utf-8"))["measured"] if path.exists() else {"kinds": {}}
        record("fuzz", {}, {"kinds": {**before["kinds"], name: row}})
        if row["findings"]:
            sys.exit(f"{name}: {row['findings']}")


if __name__ == "__main__":
    main()
