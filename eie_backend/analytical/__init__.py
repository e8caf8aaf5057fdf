"""Cycles, events and energy of a layer from its densities alone: no weights, no simulation.

The layer's non-zeros lie anywhere alike, as in `workloads.generate`; `docs/analytical.md` derives
what the files here compute. `slices` has the entries of one column in one PE, `scan` the edges that
empty places cost, `queues` the time of all PEs behind their queues, `words` the weight memory's
reads, and `estimate` puts them together.
"""

from eie_backend.analytical.estimate import Estimate, estimate

__all__ = ["Estimate", "estimate"]
