"""The TVM packages that work together, checked at import."""

from __future__ import annotations

from eie_backend.errors import VersionError

__version__ = "0.1.0"
"""Release of this package."""

ALLOWED = {
    "apache-tvm": ((0, 27), (0, 28), "apache-tvm>=0.27,<0.28"),
    "apache-tvm-ffi": ((0, 1, 14), (0, 1, 15), "apache-tvm-ffi>=0.1.14.post0,<0.1.15"),
}
"""Lowest version, first version that is too new, and the pin, by package.

With apache-tvm-ffi 0.1.15 every `tensorize` crashes; TVM's wheel has only a lower bound.
"""


REMEDY = "pip install " + " ".join(f"'{pin}'" for _, _, pin in ALLOWED.values())
"""The command that installs a working pair."""


def version(package: str) -> str:
    """Return the version of an installed package; the module that knows is slow to import."""
    import importlib.metadata

    return importlib.metadata.version(package)


def installed(package: str) -> str | None:
    """Return the version of an installed package; None if there is none."""
    from importlib.metadata import PackageNotFoundError

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def works(package: str) -> bool:
    """Return whether an installed TVM package has a version that works."""
    low, high, _ = ALLOWED[package]
    found = installed(package)
    return found is not None and low <= _release(found) < high


def check_versions() -> None:
    """Raise unless the installed TVM packages are a working pair.

    Raises
    ------
    VersionError
        If not; the message names every missing or wrong package, and the command to fix it.
    """
    faults = [
        f"{package} is {installed(package) or 'not installed'}"
        for package in ALLOWED
        if not works(package)
    ]
    if faults:
        raise VersionError(
            f"eie_backend: {' and '.join(faults)}, which does not work; run: {REMEDY}"
        )


def _release(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: 0.1.14.post1 -> (0, 1, 14)."""
    numbers = []
    for part in text.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
