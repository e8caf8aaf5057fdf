"""`environment`: the computer, versions and date of a benchmark's result."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import distributions, version
from pathlib import Path

import numpy as np

PACKAGES = (
    "apache-tvm",
    "apache-tvm-ffi",
    "eie-backend",
    "numpy",
    "onnxruntime",
    "scikit-learn",
    "scipy",
)


def environment() -> dict[str, object]:
    """Return processor, cores, load, Python, package versions, NumPy's BLAS and the date."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    installed = {distribution.metadata["Name"] for distribution in distributions()}
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES if name in installed},
        "blas": f"{blas['name']} {blas['version']}",
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
