"""The C++ simulator from Python: encoded layers and compiled models, run on one of its engines."""

from eie_backend.simulator.layer_run import LayerRun
from eie_backend.simulator.simulation import simulate, simulate_batch

__all__ = ["LayerRun", "simulate", "simulate_batch"]
