"""`action_counts_yaml`: a report's events as action counts for Accelergy.

Accelergy (Wu et al., ICCAD 2019) estimates energy from an architecture, energy reference tables and
action counts. Components have the machine's names; a count is the sum over all PEs and layers::

    action_counts:
      version: 0.3
      local:
      - name: eie.pe[0..63].spmat_read
        action_counts:
        - name: read
          counts: 100900
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from eie_backend.profiler import Report

VERSION = 0.3
"""Version of the file format that Accelergy 0.3 reads."""

PE_ACTIONS = (
    ("act_queue", "pop", "ptr_reads"),
    ("ptr_read", "read", "ptr_reads"),
    ("spmat_read", "read", "spmat_reads"),
    ("arith", "multiply_add", "entries"),
    ("act_rw", "update", "entries"),
    ("act_sram", "read", "act_reads"),
    ("act_sram", "write", "act_writes"),
)
"""Actions inside a PE: component, action, and the counter of the action."""

ACTIONS = (("ccu", "broadcast", "broadcasts"), ("dram", "transfer_byte", "load_bytes"))
"""Actions outside the PEs: component, action, and the counter of the action."""


def action_counts_yaml(report: Report) -> str:
    """Return the events of all samples and of loading resident weights, in Accelergy's format.

    Parameters
    ----------
    report : Report
        From `profile`.

    Notes
    -----
    **Source**: the format of Accelergy 0.3's own examples.
    """
    pe = f"pe[0..{report.config.num_pe - 1}]"
    components: dict[str, list[dict[str, str | int]]] = {}
    for component, action, counter in (
        *((f"{pe}.{name}", action, counter) for name, action, counter in PE_ACTIONS),
        *ACTIONS,
    ):
        loads = report.setup[counter] + report.reloads[counter]
        total = loads + sum(layer.counters[counter] for layer in report.layers)
        components.setdefault(f"eie.{component}", []).append({"name": action, "counts": total})
    cycles = sum(layer.counters["cycles"] for layer in report.layers)
    components["eie.lnzd"] = [{"name": "cycle", "counts": cycles}]
    local = [{"name": name, "action_counts": counts} for name, counts in components.items()]
    data = {"action_counts": {"version": VERSION, "local": local}}
    return yaml.safe_dump(data, sort_keys=False)
