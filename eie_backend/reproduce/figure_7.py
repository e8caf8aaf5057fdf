"""Figure 7: energy efficiency compared with a CPU, a GPU and a mobile GPU."""

from __future__ import annotations

from statistics import geometric_mean
from typing import TYPE_CHECKING

from eie_backend.machine.energy import energy_pj
from eie_backend.reproduce.figure_6 import DENSE, MEAN, layer_tolerance, others
from eie_backend.reproduce.grouped_bars import grouped_bars
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "figure_7"
QUANTITY = "over CPU dense"
COUNTED = "over CPU dense, counted"
ALLOWED = 0.1
NINE = (
    "at constant power it is the time: as for Figure 6; the paper prints GPU's and mGPU's mean "
    "with two digits"
)


def reproduce(runs: Runs) -> Result:
    """Return the paper's energies of dense layers over ours: by its power, and by our counters."""
    paper = published()[KEY]
    names = published()["table_4"]["layers"]
    labels = dict(zip(paper["items"], paper["labels"]["EIE"], strict=True))
    constant = {name: paper["eie_watt"] * runs.run(name).microseconds for name in names}
    counted = {
        name: 1e-6 * sum(energy_pj(runs.run(name).counters, PAPER).values()) for name in names
    }
    dense = dense_microjoules()
    cpu = dict(zip(names, dense["CPU"], strict=True))
    values = []
    for name in names:
        watt = counted[name] / runs.run(name).microseconds
        values += [
            Value(
                name,
                QUANTITY,
                "",
                cpu[name] / constant[name],
                labels[name],
                *layer_tolerance(name, runs),
            ),
            Value(name, COUNTED, "", cpu[name] / counted[name]),
            Value(name, "power, counted", "W", watt),
        ]
    for platform, energies in dense.items():
        at_constant = _mean_ratio(energies, constant)
        label = labels[MEAN] if platform == "CPU" else paper["averages"][platform]
        over = f"over {platform} dense"
        values += [
            Value(MEAN, over, "", at_constant, label, ALLOWED, NINE),
            Value(MEAN, f"{over}, counted", "", _mean_ratio(energies, counted)),
        ]
    notes = (
        runs.note(),
        "Energy of others: Table IV's times x Deep Compression's powers (appendix A), dense, "
        "batch 1. NeuralTalk's layers have no published power: the CPU's follows from this "
        "figure's EIE labels (75, 67, 77 W), that of GPU and mGPU from their own labels, which "
        "are whole numbers.",
        f"EIE: constant {paper['eie_watt']} W, with which Table IV gives the paper's labels to "
        'the last digit; "counted": our energy of the run\'s events.',
    )
    title = "Figure 7: energy efficiency over the CPU with the dense layer"
    return Result(KEY, title, tuple(values), notes, others(KEY))


def dense_microjoules() -> dict[str, list[float]]:
    """Return the energy of every dense layer by platform, in the order of Table IV."""
    paper, table = published()[KEY], published()["table_4"]
    made = {
        platform: [
            watt * us for watt, us in zip(watts, table["baselines"][platform][DENSE], strict=False)
        ]
        for platform, watts in paper["watt"].items()
    }
    # Deep Compression has no NeuralTalk: the last layers' energies come from the figure's labels.
    known = len(made["CPU"])
    eie = [paper["eie_watt"] * us for us in table["actual"]]
    for n in range(known, len(eie)):
        made["CPU"].append(eie[n] * paper["labels"]["EIE"][n])
        for platform in ("GPU", "mGPU"):
            made[platform].append(made["CPU"][n] / paper["labels"][f"{platform} dense"][n])
    return made


def _mean_ratio(theirs: list[float], ours: dict[str, float]) -> float:
    return geometric_mean(a / b for a, b in zip(theirs, ours.values(), strict=True))


def draw(result: Result) -> Figure:
    """Return grouped bars, our values next to the paper's."""
    return grouped_bars(result, QUANTITY, "energy efficiency over CPU dense")
