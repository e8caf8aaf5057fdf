"""Sections of the page on simulator and CPU: text and tables from the committed JSON alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import geometric_mean
from typing import Any

Result = dict[str, Any]

NAMES = {
    "numpy": "NumPy",
    "onnxruntime": "ONNX Runtime",
    "scipy_csr": "SciPy CSR",
    "simulator": "simulator",
    "simulator_cycles_only": "simulator, cycles only",
}
BATCHED = ("numpy", "onnxruntime", "scipy_csr")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def ms(timing: dict[str, Any]) -> str:
    """Return a time with its quartiles, or the time alone for a single repetition."""
    if timing["repetitions"] == 1:
        return f"{timing['median']:.4g} (one run)"
    return f"{timing['median']:.4g} ({timing['low']:.4g} to {timing['high']:.4g})"


def load(result: Result) -> str:
    """Return a sentence on other load during the measurement."""
    environment = result["environment"]
    return f"load average {environment['load_average']} of {environment['cores']} cores"


def sparse_pays(result: Result) -> str:
    """Return the nine layers, dense and sparse, on this CPU and on EIE."""
    exact, found = result["exact"], result["measured"]
    layers, batch, threads = found["layers"], found["batch"], found["threads"]

    def times(suffix: str, names: Sequence[str]) -> str:
        head = ["ms per input", *(NAMES[name] for name in names)]
        rows = [
            [layer, *(ms(row["milliseconds"][name + suffix]) for name in names)]
            for layer, row in layers.items()
        ]
        return table(head, rows)

    ways = [name + suffix for suffix in ("", "_batch") for name in BATCHED]
    head = ["times as fast", "CSR as NumPy", f"at batch {batch}", "EIE as NumPy", "as ONNX Runtime"]
    head += ["as CSR", *(f"{NAMES[name]}, batch {batch}" for name in BATCHED)]
    rows = [
        [layer, *row["csr_speedup"].values(), *(f"{row['eie_speedup'][way]:.3g}" for way in ways)]
        for layer, row in layers.items()
    ]
    columns = list(zip(*rows, strict=True))[1:]
    means = [f"{geometric_mean(map(float, column)):.3g}" for column in columns]
    eie = [
        [
            layer,
            row["cycles"],
            f"{row['microseconds']:.2f}",
            f"{row['nanojoule'] / 1e3:.2f}",
            _joules(layers[layer]["cpu_joules"]),
        ]
        for layer, row in exact["layers"].items()
    ]
    return (
        f"The EIE paper's nine layers, generated with the densities of Table III. NumPy and ONNX "
        f"Runtime use {threads['numpy']} threads, SciPy and the simulator 1; calls take turns. "
        "Results of all agree with float64 within the rounding error bound of a float32 sum. "
        "Times in ms: median (quartiles) of "
        f"{layers['Alex-6']['milliseconds']['numpy']['repetitions']}.\n\n"
        "One input at a time, and what simulating it costs:\n\n"
        f"{times('', list(NAMES))}\n"
        f"{batch} inputs at once, time per input:\n\n{times('_batch', BATCHED)}\n"
        "EIE, 64 PEs at 800 MHz in 16-bit fixed point, simulated: exact. It takes inputs one at a "
        "time, so its time at a batch is the same.\n\n"
        f"{table(['EIE', 'cycles', 'us', 'uJ', 'CPU, NumPy'], eie)}\n"
        "The CPU's energy is measured where RAPL can be read. For scale: the paper's CPU, an "
        "i7-5930K, draws 73 W (its Table V).\n\n"
        "Ratios of medians of this run:\n\n"
        f"{table(head, [*rows, ['geometric mean', *means]])}\n{_break_even(result)}"
    )


def _joules(found: dict[str, float | None]) -> str:
    used = found["numpy"]
    return "not measured" if used is None else f"{1e6 * used:.0f} uJ"


def _break_even(result: Result) -> str:
    found = result["measured"]
    even, batch = found["break_even_density"], found["batch"]
    last, times = list(found["densities"].items())[-1]
    eie_ms = result["exact"]["densities"][last]["microseconds"] / 1e3
    rows = []
    for dense, density in even["scipy_csr"].items():
        csr = dense.replace("numpy", "scipy_csr")
        left = times["milliseconds"][dense]["median"] / times["milliseconds"][csr]["median"]
        rows.append(["SciPy CSR", _way(dense, batch), _density(density), f"{left:.3g}"])
    for way, density in even["eie"].items():
        left = times["milliseconds"][way]["median"] / eie_ms
        rows.append(["EIE, simulated", _way(way, batch), _density(density), f"{left:.3g}"])
    head = ["faster", "than", "up to a density of", "times as fast when dense"]
    return (
        "### Break-even density\n\nAlex-7's size and inputs, 4096 x 4096 and 35.3 % of them not "
        f"zero, at densities from {next(iter(found['densities']))} to {last}; between them, "
        "logarithms are interpolated.\n\n"
        f"{table(head, rows)}\n"
        "![Time per input against the density of the weights](images/performance_break_even.svg)\n"
    )


def _way(way: str, batch: int) -> str:
    name = way.removesuffix("_batch")
    return NAMES[name] + (f", batch {batch}" if way != name else "")


def _density(density: float | None) -> str:
    return "any, 1.0 included" if density is None else f"{density:.2g}"


def growth(result: Result) -> str:
    """Return fitted exponents."""
    found, rows = result["measured"], []
    for varied, curves in found.items():
        for name, curve in curves.items():
            points, fit = curve["milliseconds"], curve["fit"]
            first, *_, last = points.items()
            rows.append(
                [
                    name,
                    varied,
                    f"{first[0]} to {last[0]}",
                    ms(first[1]),
                    ms(last[1]),
                    f"{fit['exponent']:.2f} ± {fit['standard_error']:.2f}",
                ]
            )
    head = ["time of", "against", "from, to", "ms at the first", "ms at the last", "exponent"]
    return (
        "One is varied, the others stay: a generated square layer of 2048 x 2048 weights, density "
        "0.1, 35 % of the inputs not zero, 64 PEs, batch 1; the simulator on one thread. Exponent: "
        "of the power law fitted to all medians, with its standard error. Fixed costs per call "
        "lower it. Times: median (quartiles) of 15, of compiling 3. Cycles and entries of every "
        "point are exact.\n\n"
        f"{table(head, rows)}\n"
        "Without values, the simulator works per active column and PE and not per entry: a quarter "
        "of the weights means half the columns, and the density hardly matters.\n\n"
        "![Times against size, density, PEs and batch](images/performance_growth.svg)\n"
    )


def simulator(result: Result) -> str:
    """Return the simulator's speed."""
    exact, found = result["exact"], result["measured"]
    rows: list[list[object]] = []
    for key, name in (("alex8", "Alex-8"), ("vgg6", "VGG-6")):
        one, many, memory = found[key], found[f"{key}_batch"], found[f"{key}_memory"]
        rows.append(
            [
                name + (" (published)" if exact[name]["published"] else ""),
                exact[name]["cycles"],
                ms(one["milliseconds"]["values"]),
                ms(one["milliseconds"]["cycles_only"]),
                one["million_cycles_per_second"],
                ms(many["milliseconds"]["one_thread"]),
                f"{many['two_threads_speedup']} (of {many['two_threads_speedup_of_control']})",
                memory["bytes_per_entry"],
            ]
        )
    head = ["layer", "cycles", "ms, values and cycles", "ms, cycles only", "million cycles/s"]
    head += ["ms, batch of 64", "speedup of 2 threads", "bytes per entry"]
    against, load = found["vgg6_against"], found["alexnet_loading"]
    times = against["milliseconds"]
    ways = [[name.replace("_", " "), ms(timing)] for name, timing in times.items()]
    return (
        "One input on one thread, then 64; the speedup of two threads beside that of two threads "
        "that share nothing, measured in the same run. Cycles and counters are exact; Alex-8's "
        "output is compared with the published one.\n\n"
        f"{table(head, rows)}\n"
        "VGG-6 against the libraries, in turns:\n\n"
        f"{table(['VGG-6', 'ms'], ways)}\n"
        f"That is {against['faster_than_numpy_dense']} times as fast as NumPy's dense product and "
        f"{against['faster_than_scipy_csr']} times as fast as SciPy's CSR, with cycles. Loading an "
        f"image of AlexNet's dense layers ({exact['AlexNet image bytes'] / 1e6:.1f} MB) takes "
        f"{ms(load['milliseconds']['load'])} ms; the limit is {load['limit_milliseconds']} ms.\n"
    )


def engines(result: Result) -> str:
    """Return the engines compared."""
    found = result["measured"]
    rows = [
        [name, ms(timing), found["ratio_to_event"][name]]
        for name, timing in found["milliseconds"].items()
    ]
    return (
        f"Alex-8, {result['exact']['cycles']} cycles in all engines (exact), one thread.\n\n"
        f"{table(['engine', 'ms', 'times `event`'], rows)}\n"
        f"`clock` steps {found['clock_million_pe_cycles_per_second']} million PE cycles per "
        f"second; at least {found['limit_million_pe_cycles_per_second']:g} million are asked for.\n"
    )
