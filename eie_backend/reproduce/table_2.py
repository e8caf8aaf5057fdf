"""Table II: power and area of one busy PE, by module and by component."""

from __future__ import annotations

from eie_backend.config import HardwareConfig
from eie_backend.machine.energy import (
    UM2_PER_MM2,
    area_mm2,
    energy_by_part_pj,
    energy_pj,
    lnzd_nodes,
)
from eie_backend.machine.energy_table import shipped_table
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Published, Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.simulator import LayerRun, simulate
from eie_backend.workloads import LayerShape, generate

KEY = "table_2"
BUSY = LayerShape("busy PE", 20000, 16, 0.4, 0.35)
"""Layer with 6.4 entries per column and no paddings, as in the derivation of event energies."""

ONE = HardwareConfig(num_pe=1)
NEAR = "words per column depend on where in a word its columns start, and on their order"
SAME = "the shipped energy table's areas are the paper's"


def reproduce(runs: Runs) -> Result:
    """Return the power of a simulated, always busy PE, and the area of its modules."""
    paper = published()[KEY]
    layer = generate(BUSY, runs.seed)
    run = simulate(layer.encode(ONE), layer.activations, ONE, "float32", values=False)
    node = shipped_table()["lnzd", "cycles"], shipped_table()["lnzd", "area"]
    values = [
        *_modules(run),
        *_components(run),
        Value("LNZD node", "power", "mW", node[0], paper["lnzd"][0], 0.0, SAME),
        Value("LNZD node", "area", "um2", node[1], paper["lnzd"][1], 0.0, SAME),
        Value(
            "64 PEs",
            "LNZD nodes",
            "",
            lnzd_nodes(PAPER.num_pe),
            paper["lnzd_nodes"],
            0.0,
            "16 + 4 + 1: a node takes four inputs",
        ),
    ]
    context = [
        Published(name, quantity, unit, number)
        for name in ("clock", "register", "combinational")
        for quantity, unit, number in zip(
            ("power", "power", "area", "area"),
            ("mW", "%", "um2", "%"),
            paper["components"][name],
            strict=True,
        )
    ]
    notes = (
        f"Power: one PE, simulated on {BUSY.outputs} x {BUSY.inputs} weights, 40 % of them and "
        f"35 % of the inputs not zero ({layer.origin}): busy in {run.load_balance:.1%} of "
        f"{run.cycles:,} cycles.",
        "Our energies per event are Table II's powers divided by the events of a busy PE, so "
        "power shows that counting them in a simulation closes the circle. Registers and "
        "combinational logic are one part of our model; it gives area by module and of memory.",
        "The paper's 64 PEs draw 590 mW in its text and 600 mW in its abstract; with 21 LNZD "
        "nodes its own table sums to 586.5 mW.",
    )
    title = "Table II: power and area of one busy PE"
    return Result(KEY, title, tuple(values), notes, tuple(context))


def _modules(run: LayerRun) -> list[Value]:
    paper, table = published()[KEY], shipped_table()
    milliwatt = _milliwatt(energy_pj(run.counters, ONE), run)
    total_mw, total_um2 = sum(milliwatt.values()), area_mm2(ONE) * UM2_PER_MM2
    values = [
        Value("PE", "power", "mW", total_mw, paper["total"][0], 0.05, NEAR),
        # Conversion to mm2 and back may change the last digit of a float.
        Value("PE", "area", "um2", total_um2, paper["total"][2], 1e-9, SAME),
    ]
    for module, (mw, mw_share, um2, um2_share) in paper["modules"].items():
        area = table[module, "area"]
        if mw:  # filler cells draw nothing
            share = 100 * milliwatt[module] / total_mw
            values += [
                Value(module, "power", "mW", milliwatt[module], mw, 0.05, NEAR),
                Value(module, "power", "%", share, mw_share, 0.05, NEAR),
            ]
        values += [
            Value(module, "area", "um2", area, um2, 0.0, SAME),
            _area_share(module, 100 * area / total_um2, um2_share),
        ]
    return values


def _components(run: LayerRun) -> list[Value]:
    paper = published()[KEY]["components"]
    milliwatt = _milliwatt(energy_by_part_pj(run.counters, ONE), run)
    total = sum(milliwatt.values())
    published_mw = {
        "memory": ("sram", paper["memory"][:2]),
        "clock": ("clock", paper["clock"][:2]),
        "registers, logic": (
            "arithmetic",
            [sum(pair) for pair in zip(paper["register"], paper["combinational"], strict=True)][:2],
        ),
    }
    values = []
    for name, (part, (mw, share)) in published_mw.items():
        values += [
            Value(name, "power", "mW", milliwatt[part], mw, 0.05, NEAR),
            Value(name, "power", "%", 100 * milliwatt[part] / total, share, 0.05, NEAR),
        ]
    area = shipped_table()["pe", "memory_area"]
    total_um2 = area_mm2(ONE) * UM2_PER_MM2
    values[2:2] = [
        Value("memory", "area", "um2", area, paper["memory"][2], 0.0, SAME),
        _area_share("memory", 100 * area / total_um2, paper["memory"][3]),
    ]
    return values


def _area_share(name: str, ours: float, paper: float) -> Value:
    reason = "the paper prints two decimals"
    return Value(name, "area", "%", ours, paper, 0.005 / paper, reason)


def _milliwatt(picojoule: dict[str, float], run: LayerRun) -> dict[str, float]:
    # pJ * MHz = 1e-6 W
    return {name: pj * ONE.clock_mhz / run.cycles / 1000 for name, pj in picojoule.items()}
