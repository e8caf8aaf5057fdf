"""Sections of the page on compiling, compressing and storing: text and tables of each result."""

from __future__ import annotations

from statistics import geometric_mean

from sections import Result, ms, table


def compile_time(result: Result) -> str:
    """Return time and memory of `eie compile`."""
    found = result["measured"]
    rows = [
        [
            row["network"],
            row["weights"],
            f"{row['weight_bytes'] / 1e6:.0f}",
            ms(row["milliseconds"]["wall"]),
            ms(row["milliseconds"]["cpu"]),
            row["limit_s"] or "",
            row["peak_ratio"],
        ]
        for row in found["rows"]
    ]
    head = ["network", "weights", "MB", "ms", "processor ms", "limit, s", "peak memory / weights"]
    return (
        "`eie compile` in a fresh process: the dense layers of AlexNet and VGG-16, and 1 GB of "
        "weights, already shared or only pruned. Peak memory is the process's largest resident set "
        f"over the size of the float32 weights; at most {found['max_peak_ratio']:g}.\n\n"
        f"{table(head, rows)}"
    )


def compile_against(result: Result) -> str:
    """Return compile times compared with another installation."""
    found = result["measured"]
    rows = [
        [
            row["network"],
            *(ms(row["milliseconds"][side]) for side in ("before", "after")),
            row["cpu_ratio"],
            *(f"{row['peak_bytes'][side] / 1e6:.0f}" for side in ("before", "after")),
            row["peak_ratio"],
        ]
        for row in found["rows"]
    ]
    head = ["network", "processor ms before", "after", "ratio", "peak MB before", "after", "ratio"]
    return (
        f"`eie compile` of this commit beside that of {found['other']}, in turn, each run in a "
        "fresh process: a generated transformer of six layers with 25 million parameters, and "
        "AlexNet's dense layers, pruned and not shared.\n\n"
        f"{table(head, rows)}"
    )


def recurrent(result: Result) -> str:
    """Return how compile times grow with the steps of a recurrent layer."""
    few, many = result["measured"].get("steps", (10, 100))
    rows = [
        [
            row["operator"],
            *(
                ms(row["milliseconds"][f"{what} {steps}"])
                for what in ("import", "compile")
                for steps in (few, many)
            ),
            row["ratio"],
        ]
        for row in result["measured"]["rows"]
    ]
    head = ["layer", *(f"{w} ms, {n} steps" for w in ("import", "compile") for n in (few, many))]
    return (
        "An ONNX layer of 256 inputs and 256 states, and a dense layer behind it, on 64 PEs: "
        "processor time in a fresh process, without verification. The step is compiled once; the "
        f"ratio is that of {many} steps to {few}, import and compile together.\n\n"
        f"{table([*head, 'ratio'], rows)}"
    )


def verified_import(result: Result) -> str:
    """Return what verifying imports costs."""
    rows = [
        [
            name,
            *(ms(row["milliseconds"][way]) for way in ("without", "with", "remembered")),
            row["time_ratio"],
            f"{100 * row['verifying_of_compile']:.1f} %",
            *(f"{row['peak_bytes'][way] / 1e6:.0f}" for way in ("without", "with")),
            row["memory_ratio"],
        ]
        for name, row in result["measured"]["models"].items()
    ]
    head = ["model", "ms without", "with", "remembered", "ratio", "of its compile"]
    head += ["peak MB without", "with", "ratio"]
    return (
        "`from_onnx` in a fresh process, TVM imported before, without and with "
        "[verification](verification.md#every-import), and once it is remembered: LeNet-300-100, "
        "a ResNet-18 for images of 224 x 224, a transformer of 25 million parameters. What "
        "verifying adds is also given as a part of the time to compile the model. Peak memory is "
        f"the process's largest resident set.\n\n{table(head, rows)}"
    )


def compress_speed(result: Result) -> str:
    """Return compression compared with a sort and scikit-learn."""
    found, exact = result["measured"], result["exact"]
    pipeline, kmeans = found["pipeline"], found["kmeans"]
    names = {
        "sort": "`numpy.sort` of all weights, once",
        "compress": "prune, share, encode",
        "compress_densely": "the same with a whole matrix after each step",
    }
    memory = {
        "compress": pipeline["memory_ratio"],
        "compress_densely": pipeline["memory_ratio_densely"],
    }
    sort = pipeline["milliseconds"]["sort"]["median"]
    rows = [
        [names[name], ms(timing), f"{timing['median'] / sort:.2f}", memory.get(name, "")]
        for name, timing in pipeline["milliseconds"].items()
    ]
    stored = ", ".join(f"{name} {row['entries']}" for name, row in exact.items())
    text = (
        f"AlexNet's three dense layers, {pipeline['weights'] / 1e6:.1f} million normal weights; "
        "memory over that of the weights. Exact: entries with padding "
        f"({stored}).\n\n"
        f"{table(['', 'ms', 'times a sort', 'memory'], rows)}\n"
    )
    if "skipped" in kmeans:
        return f"{text}K-means was not compared: {kmeans['skipped']}.\n"
    times = kmeans["milliseconds"]
    return (
        f"{text}K-means of {kmeans['values'] / 1e6:g} million values to {kmeans['clusters']}: "
        f"{ms(times['eie'])} ms, scikit-learn ({kmeans['sklearn']}) {ms(times['sklearn'])} ms: "
        f"{kmeans['speedup']:g} times as fast, at {kmeans['error_ratio']} of its squared error.\n"
    )


def huffman(result: Result) -> str:
    """Return decoding speed."""
    exact, found = result["exact"], result["measured"]
    decoders = found["codes"]["milliseconds"]
    rows = [
        [
            name,
            *(ms(found[kind]["milliseconds"][name]) for kind in ("codes", "indices")),
            *(found[kind]["million_symbols_per_second"][name] for kind in ("codes", "indices")),
        ]
        for name in decoders
    ]
    head = ["decoder", "codes, ms", "indices, ms", "codes, million/s", "indices, million/s"]
    return (
        f"{exact['entries']} entries of a layer as large as AlexNet's fc7, whose codes take "
        f"{exact['codes_bytes']} bytes and whose indices take {exact['indices_bytes']} (exact); "
        "against bitarray's decoders, processor time. At least "
        f"{found['limit_mb_of_codes_per_second']} million codes per second are asked for.\n\n"
        f"{table(head, rows)}"
    )


def import_time(result: Result) -> str:
    """Return the cost of the hook."""
    found = result["measured"]
    rows = [[name, ms(timing)] for name, timing in found["milliseconds"].items()]
    return (
        "`import tvm` in fresh processes with and without our entry point, and the time inside it. "
        f"Difference of the medians: {found['difference_ms']} ms, limit {found['limit_ms']:g} ms.\n"
        f"\n{table(['', 'ms'], rows)}"
    )


def accumulator_bits(result: Result) -> str:
    """Return accuracy by width of the destination registers."""
    rows = [list(row.values()) for row in result["exact"]["rows"]]
    head = ["density", "float32 %", "16 bits %", "saturations", "32 bits %", "saturations"]
    return (
        "LeNet-300-100, pruned in one shot, on 10,000 MNIST test images: accuracy on the simulator "
        "in int16 with 16- and 32-bit destination registers. All of it is exact.\n\n"
        f"{table(head, rows)}"
    )


def load_balance(result: Result) -> str:
    """Return speedups of pruning and reordering."""
    exact = result["exact"]
    groups: dict[str, list[dict[str, float]]] = {}
    for name, row in exact.items():
        head, found, spread = name.partition(" rows log-normal ")
        group = f"nine layers, rows log-normal {spread}" if found else head
        groups.setdefault(group, []).append(row["speedup"])
    kinds = ("pruning", "permutation", "both")
    rows = [
        [name, *(f"{geometric_mean(row[kind] for row in of):.2f}" for kind in kinds)]
        for name, of in groups.items()
    ]
    return (
        "How many times fewer cycles with balanced pruning, with reordered outputs and with both; "
        "of the nine layers, the geometric mean. All of it is exact; "
        "[what it means](compression.md#balanced-pruning-and-reordered-rows).\n\n"
        f"{table(['layers', *kinds], rows)}"
    )


def lenets(result: Result) -> str:
    """Return one network's rows; the only times in its result are of single runs."""
    rows = [
        [
            name,
            row["paper_rate"],
            row["test_error_percent"],
            row["machine"]["test_error_percent"],
            f"{sum(row['machine']['cycles_per_image'].values()):.1f}",
            row["file_bytes"],
            f"{row['seconds']} s, {row['threads']} thread{'s' * (row['threads'] > 1)}",
        ]
        for name, row in result["rows"].items()
    ]
    head = ["row", "rate as the paper counts", "error %", "on the machine %", "cycles per image"]
    head += [".eiez bytes", "training, one run"]
    paper = result["paper"]
    return (
        f"Float error {result['float_error_percent']} %; the paper's rate {paper['rate']} at "
        f"{paper['float_error_percent']} %. [How](compression.md#the-two-lenets).\n\n"
        f"{table(head, rows)}"
    )
