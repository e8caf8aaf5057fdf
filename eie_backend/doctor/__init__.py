"""``eie doctor``: does this installation work, and if not, what to do.

Nothing here imports TVM into the command's own process: a pair of packages that does not fit may
crash it. What needs TVM runs in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from eie_backend.doctor.check import Check
from eie_backend.doctor.computer import computer_checks
from eie_backend.doctor.packages import package_checks, tvm_fits
from eie_backend.doctor.trial import trial_checks

__all__ = ["Check", "diagnose"]


def diagnose() -> Iterator[Check]:
    """Yield all checks, the quick ones first."""
    yield from package_checks()
    yield from computer_checks()
    if tvm_fits():
        yield from trial_checks()
    else:
        yield Check("self-test", "warning", "not tried", "mend the TVM packages first")
