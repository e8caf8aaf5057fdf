"""Hands mutations of valid files to a reader, which must accept them or raise an `EieError`.

A mutation that was accepted becomes a seed itself, so that edits add up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from traceback import extract_tb

from eie_backend.errors import EieError

LIMIT_SECONDS = 5
"""A reader that takes longer for one file hangs: of the processor's time, however busy the machine.

In the tests the slowest takes a hundredth of it, so a slow machine is far from it, too.
"""

BASE_BYTES = 16 << 20
"""Memory that a reader may take for any file, beside a multiple of its size."""

MAX_SEEDS = 500


@dataclass(frozen=True)
class Kind:
    """A kind of file: valid ones, how to change one, and what reads it.

    `multiple` is how many times a file's size its reader may take in memory, beyond `BASE_BYTES`.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    mutate: Callable[[Random, bytes], bytes]
    read: Callable[[bytes], object]
    multiple: int


@dataclass
class Outcome:
    """What came of many mutations; `findings` are files, by what went wrong."""

    mutations: int = 0
    accepted: int = 0
    slowest_seconds: float = 0.0
    memory_multiple: float = 0.0
    findings: dict[str, bytes] = field(default_factory=dict)


def fuzz(kind: Kind, mutations: int, seed: int, note: Callable[[bytes], object] = len) -> Outcome:
    """Read mutations of a kind's files; `note` gets each before it is read."""
    random, valid, outcome = Random(seed), kind.seeds(), Outcome()
    grown, largest = list(valid), max(map(len, valid))
    for case in valid:
        _read(kind, case)  # what is loaded once is loaded
    for _ in range(mutations):
        case = kind.mutate(random, random.choice(random.choice((valid, grown))))
        note(case)
        fault, accepted, seconds, extra = _read(kind, case)
        multiple = max(extra - BASE_BYTES, 0) / max(len(case), 1)
        outcome.mutations += 1
        outcome.accepted += accepted
        outcome.slowest_seconds = max(outcome.slowest_seconds, seconds)
        outcome.memory_multiple = max(outcome.memory_multiple, multiple)
        if seconds > LIMIT_SECONDS:
            fault = fault or f"took {seconds:.1f} s"
        if multiple > kind.multiple:
            fault = fault or f"took {extra >> 20} MiB for {len(case)} bytes"
        if fault:
            outcome.findings.setdefault(fault, case)
        elif accepted and len(case) <= 2 * largest:
            grown.append(case)
            del grown[:-MAX_SEEDS]
    return outcome


def _read(kind: Kind, case: bytes) -> tuple[str, bool, float, int]:
    """Return what went wrong, whether the file was accepted, processor time and memory."""
    before, start, fault, accepted = _start_peak(), time.process_time(), "", False
    try:
        kind.read(case)
        accepted = True
    except EieError:
        pass
    except Exception as error:
        place = extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
    return fault, accepted, time.process_time() - start, _peak("VmHWM") - before


def _start_peak() -> int:
    """Start to measure the most memory that is used at once; return what is used now."""
    if os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak("VmRSS")


def _peak(name: str) -> int:
    """Return an entry of Linux's status of the process in bytes, and 0 elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(name)), 0)
