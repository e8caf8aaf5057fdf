"""The summary table of the page on robustness, with one or more rows for each promise."""

from __future__ import annotations

from collections.abc import Mapping

from sections import Result, table
from sections_months import grown

HEAD = ["promise", "tried", "outcome", "command", "short version"]
Row = tuple[str, str, str]
"""A promise, its test, and the result."""


def summary(found: Mapping[str, Result]) -> str:
    """Return the promises, with the extent of their tests and the results."""
    rows = [
        [*row, f"`python benchmarks/{name}.py`", f"[{test}](../tests/{test})"]
        for name, (rows_of, test) in PROMISES.items()
        for row in rows_of(found[name])
    ]
    return table(HEAD, rows)


def _kills(result: Result) -> list[Row]:
    found = result["measured"]
    tried = f"{sum(row['kills'] for row in found.values())} times kill -9 of {', '.join(found)}"
    faults = sum(row.get("faults", 0) for row in found.values())
    return [
        ("every file is whole or absent, and the next run ends the same", tried, f"{faults} faults")
    ]


def _months(result: Result) -> list[Row]:
    return [
        ("memory stays flat", f"{row['calls']:,} {name}", f"{grown(row) / 1e6:.1f} MB more")
        for name, row in result["measured"].items()
        if "TVM" not in name
    ]


def _interrupts(result: Result) -> list[Row]:
    found = result["measured"]
    tried = f"{sum(row['interrupts'] for row in found.values())} times Ctrl-C of {', '.join(found)}"
    faults = sum(row["faults"] for row in found.values())
    return [("Ctrl-C ends a command with one line and exit code 130", tried, f"{faults} faults")]


def _hostile(result: Result) -> list[Row]:
    commands, indices = (result["exact"][part] for part in ("commands", "indices"))
    opened = sum(row["models"] for row in commands.values())
    harm = sum(row["signals"] + row["faults"] for row in commands.values())
    drawn, wrong = (sum(row[key] for row in indices.values()) for key in ("draws", "wrong"))
    promise = "a model of a stranger is right or refused"
    tried = f"{next(iter(commands.values()))['models']} models in {len(commands)} commands"
    return [
        (promise, f"{tried}: {opened:,} times", f"{harm} signals or faults"),
        (promise, f"{drawn:,} drawn indices of {len(indices)} operators", f"{wrong} wrong"),
    ]


def _fuzz(result: Result) -> list[Row]:
    kinds = result["measured"]["kinds"]
    images = {name: row for name, row in kinds.items() if "machine" in name}
    verified = kinds["verified_models"]
    others = {n: row for n, row in kinds.items() if n not in images and row is not verified}
    mutations = sum(row["mutations"] for row in others.values())
    each = min(row["mutations"] for row in others.values())
    slowest = max(row["slowest_ms"] for row in others.values())
    tried = f"{mutations:,} mutated {', '.join(sorted(others))}; at least {each:,} of each"
    promise = "a file is read or refused, within 5 s and a multiple of its size"
    rows = [(promise, tried, _findings(others) + f", the slowest {slowest:g} ms")]
    tried = f"{verified['mutations']:,} mutated models, verified"
    rows.append((promise, tried, _findings({"": verified})))
    for row in images.values():
        tried = f"{row['mutations']:,} mutated images on the machine, under the sanitizers"
        outcome = f"{_findings(images)}, {row['memory_multiple']:g} times the file"
        rows.append((promise, tried, outcome))
    return rows


def _findings(kinds: Mapping[str, Result]) -> str:
    return f"{sum(len(row['findings']) for row in kinds.values())} findings"


def _concurrency(result: Result) -> list[Row]:
    wrong, memory = result["exact"]["wrong_answers"], list(result["measured"]["memory"].values())
    grown = memory[-1]["allocated_bytes"] - memory[0]["allocated_bytes"]
    promise = "one module or file, many callers: right answers and counters"
    rows = [(promise, callers, f"{number} wrong") for callers, number in wrong.items()]
    outcome = f"{grown:,} bytes more than after {memory[0]['runs']:,}"
    return [*rows, ("memory stays flat", f"{memory[-1]['runs']:,} runs of one module", outcome)]


def _sweep(result: Result) -> list[Row]:
    exact, found = result["exact"], result["measured"]
    designs = f"{exact['designs']} designs, two Dask workers"
    faster = f"{_same(exact['two_workers_identical'])}, {found['speedup']} times as fast as one"
    twice = f"{_same(exact['killed_identical'])}, {exact['measured_twice']} designs measured twice"
    return [
        ("a sweep gives the same on any workers", designs, faster),
        ("a killed sweep goes on", f"{designs}, {exact['kills']} kills", twice),
    ]


def _evaluate(result: Result) -> list[Row]:
    return [
        (
            "an evaluation of any size in flat memory",
            f"{found['samples']:,} inputs with {name}",
            f"{result['measured'][name]['growth_percent']:+} % from the third tenth to the ninth",
        )
        for name, found in result["exact"].items()
        if name != "data"
    ]


def _remote(result: Result) -> list[Row]:
    (size, row), *_ = result["measured"]["calls"].items()
    here, there = (row["milliseconds"][place]["median"] for place in ("here", "there"))
    served = result["measured"]["beside_others_milliseconds"]
    alone, crowd = (served[place]["median"] for place in ("alone", "in a crowd"))
    return [
        ("the same over RPC", f"calls of {size}", f"{there} ms instead of {here} ms"),
        (
            "a server serves its client beside others",
            "20 silent and 20 malformed clients",
            f"answered in {crowd} ms, alone in {alone} ms",
        ),
    ]


def _soft_errors(result: Result) -> list[Row]:
    trials = sum(row["trials"] for found in result["exact"].values() for row in found["rows"])
    tried = f"{trials:,} trials with flips in {len(result['exact'])} networks"
    return [("a flip gives wrong numbers at worst", tried, "no crash")]


def _same(same: bool) -> str:
    return "identical" if same else "DIFFERENT"


PROMISES = {
    "kills": (_kills, "benchmarks/test_kills.py"),
    "interrupts": (_interrupts, "command/test_ctrl_c.py"),
    "months": (_months, "benchmarks/test_months.py"),
    "hostile": (_hostile, "untrusted/test_constants.py"),
    "fuzz": (_fuzz, "fuzz/test_fuzz.py"),
    "concurrency": (_concurrency, "end_to_end/test_concurrency.py"),
    "sweep": (_sweep, "sweep/test_dask.py"),
    "evaluate": (_evaluate, "profiler/test_evaluation.py"),
    "remote": (_remote, "remote/test_client.py"),
    "soft_errors": (_soft_errors, "soft_errors/test_campaign.py"),
}
"""By result: the function that makes the rows, and the place of a short version in the tests."""
