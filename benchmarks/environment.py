"""What a benchmark's result depends on: machine, versions, date."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import distributions, version
from pathlib import Path


def environment() -> dict[str, object]:
    """Return processor, cores, Python, package versions and the date."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    installed = {distribution.metadata["Name"] for distribution in distributions()}
    packages = ("apache-tvm", "apache-tvm-ffi", "eie-backend", "numpy", "scikit-learn", "scipy")
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages if name in installed},
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
