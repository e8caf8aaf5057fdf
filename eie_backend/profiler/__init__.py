"""Compiled models are run and measured: counters, energy, remarks, and accuracy over data sets."""

from eie_backend.isa.program import layer_storage
from eie_backend.profiler.execution import profile, profile_runner, run
from eie_backend.profiler.recorder import Recorder
from eie_backend.profiler.report import LayerProfile, Report

__all__ = [
    "LayerProfile",
    "Recorder",
    "Report",
    "layer_storage",
    "profile",
    "profile_runner",
    "run",
]
