"""Level 6 from Python: matrices and compiled models on the C++ simulator."""

from eie_backend.simulator.layer_run import LayerRun
from eie_backend.simulator.simulation import simulate, simulate_batch

__all__ = ["LayerRun", "simulate", "simulate_batch"]
