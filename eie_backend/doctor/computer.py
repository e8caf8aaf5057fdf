"""Checks of the computer: system, cores, memory, space for temporary files, C++ compiler."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from eie_backend.doctor.check import Check

COMPILERS = ("g++", "gcc", "clang++", "clang", "c++", "cc")
"""Compilers in TVM's order; TVM takes the first on the PATH."""

LEAST_FREE_BYTES = 1_000_000_000
LINK_SECONDS = 30
GIGA = 1e9


def computer_checks() -> Iterator[Check]:
    """Yield the checks of the computer."""
    yield Check("system", "ok", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield Check("cores", "ok", f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}")
    yield memory()
    yield temporary_files()
    yield compiler()


def memory() -> Check:
    """Report the amount of memory."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Check("memory", "ok", f"{total / GIGA:.1f} GB, {free / GIGA:.1f} GB of it unused")


def temporary_files() -> Check:
    """Check the free space for temporary files, where a compilation spools its weights."""
    name, remedy = "temporary files", "set TMPDIR to a folder with room"
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:
        return Check(name, "fault", "no folder that can be written", remedy)
    free = shutil.disk_usage(folder).free
    little = free < LEAST_FREE_BYTES
    told = f"{free / GIGA:.1f} GB free in {folder}"
    return Check(name, "warning" if little else "ok", told, remedy if little else "")


def compiler() -> Check:
    """Check that the compiler that TVM would use can link a shared library."""
    name, remedy = "C++ compiler", "install g++ (Debian: apt-get install g++), or set CXX"
    found = os.environ.get("CXX") or os.environ.get("CC")
    found = found or next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is None:
        return Check(name, "fault", f"none of {', '.join(COMPILERS)} is on the PATH", remedy)
    try:
        told = f"{found}: {_run(found, '--version').splitlines()[0]}"
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "empty.cc"
            source.write_text("")
            _run(found, "-shared", "-fPIC", "-o", f"{folder}/empty.so", str(source))
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        output = str(getattr(error, "stdout", None) or error).strip().splitlines()
        return Check(name, "fault", f"{found} does not link: {output[-1]}", remedy)
    return Check(name, "ok", told)


def _run(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 - a command of ours
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=True,
        timeout=LINK_SECONDS,
    )
    return done.stdout
