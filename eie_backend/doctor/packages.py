"""Checks of Python, packages and extras."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from platform import python_version

from eie_backend._versions import ALLOWED, REMEDY, __version__, installed, works
from eie_backend.doctor.check import Check

PROJECT = "eie-backend"

EXTRAS = {
    "cluster": "sweeps and evaluations on Dask's workers",
    "explore": "eie sweep, eie compress --search optuna",
    "jax": "models from JAX",
    "remote": "eie serve, TVM's tracker",
    "torch": "models from PyTorch, retraining",
    "viz": "pictures and reports",
}
"""Purpose of each extra for users; other extras are for developers."""


def package_checks() -> Iterator[Check]:
    """Yield checks of Python, this package, its requirements, and its optional packages."""
    yield Check("Python", "ok", f"{python_version()}, {sys.executable}")
    folder = Path(__file__).parents[1]
    yield Check("eie", "ok", f"{__version__}, {folder}")
    for package in ALLOWED:
        yield _tvm(package)
    for package in requirements():
        if package not in ALLOWED:
            found = installed(package)
            remedy = "" if found else f"pip install {package}"
            yield Check(package, "ok" if found else "fault", found or "not installed", remedy)
    for extra, purpose in EXTRAS.items():
        yield _extra(extra, purpose)


def tvm_fits() -> bool:
    """Return whether both TVM packages have versions that work."""
    return all(map(works, ALLOWED))


def requirements(extra: str = "") -> list[str]:
    """Return the packages that this package, or one of its extras, requires."""
    try:
        lines = requires(PROJECT) or []
    except PackageNotFoundError:
        return []
    found = []
    for line in lines:
        name, marker = re.match(r"[\w.-]+", line), re.search(r"extra == [\"'](\w+)[\"']", line)
        if name and (marker[1] if marker else "") == extra:
            found.append(name[0])
    return found


def _tvm(package: str) -> Check:
    found, fits = installed(package), works(package)
    pin = ALLOWED[package][2]
    told = found if fits else f"{found or 'not installed'}; {pin} works"
    return Check(package, "ok" if fits else "fault", told or "", "" if fits else REMEDY)


def _extra(extra: str, purpose: str) -> Check:
    versions = {package: installed(package) for package in requirements(extra)}
    name, missing = f"extra {extra}", [p for p, found in versions.items() if found is None]
    if not missing:
        told = ", ".join(f"{package} {found}" for package, found in versions.items())
        return Check(name, "ok", told)
    found = f"without {', '.join(missing)}; for {purpose}"
    return Check(name, "optional", found, f"pip install '.[{extra}]' in eie's checkout")
