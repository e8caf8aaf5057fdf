"""The page on networks of others: text and tables of ``benchmarks/results/real_networks.json``."""

from __future__ import annotations

import re
from collections import Counter

from sections import Result, table


def networks(result: Result) -> str:
    """Return a row for each network, and what stays on the host."""
    exact, measured = result["exact"]["networks"], result["measured"]["networks"]
    rows = [
        [
            name,
            f"{row['package']}, {row['licence']}",
            f"{row['weights']:,}",
            f"{row['on_machine']} of {row['layers']}",
            f"{100 * row['host_share']:.2g} %",
            f"{row['host_error']:.1g}",
            f"{row['error']:.3f}",
            f"{row['cycles']:,.0f}",
            microjoules(row["microjoules"]),
            f"{measured[name]['seconds']:.1f}",
            f"{measured[name]['peak_bytes'] / 1e6:.0f}",
        ]
        for name, row in exact.items()
    ]
    head = ["network", "package, licence", "weights", "layers on the machine", "host share"]
    head += ["host error", "error", "cycles", "uJ", "compile, s", "peak MB"]
    reasons: dict[str, Counter[str]] = {}
    for name, row in exact.items():
        for (reason, is_layer), count in row["host_reasons"]:
            # Of Winograd's algorithm, it names the convolution.
            plain = re.sub("algorithm in .*", "algorithm", reason)
            counts = reasons.setdefault(f"**a layer**: {plain}" if is_layer else plain, Counter())
            counts[name] += count
    told = [
        [reason, "; ".join(f"{name} {count}" for name, count in found.items())]
        for reason, found in reasons.items()
    ]
    return (
        f"{COLUMNS}\n{table(head, rows)}\n### What stays on the host, and why\n\n"
        "How many operations of each network; those that are no layers have no weights, and are "
        f"on the host by design.\n\n{table(['reason', 'operations'], told)}"
    )


def microjoules(energy: float) -> str:
    """Return an energy with three digits, or all before the point."""
    return f"{energy:,.0f}" if energy >= 100 else f"{energy:.3g}"


COLUMNS = """\
Nothing is pruned, and nothing is retrained: density 1.0, one codebook of four bits for each layer,
int16 on 64 PEs, formats from six samples that are not among the five compared. Networks that take
their own state get what their author's runtime computed before.

- *host share*: multiply-accumulates of products and convolutions that the host computes;
- *host error*: of the imported network in float32, on the host alone, against its author's runtime:
  ONNX Runtime, PyTorch for Resemblyzer, the package's own NumPy code for glassllm and g2p-en. It is
  the relative error of the worst output (Euclidean norm), the most of five samples;
- *error*: the same for the machine, the mean of the five. It is what four bits cost without any
  data to choose them by; near 1 and above, the answer is lost;
- *cycles*, *uJ*: of a sample, on the PE array; weights are resident, as in the paper;
- *compile*: from the file to the library, verified, in a fresh process with its *peak* memory.
"""


def pronunciations(result: Result) -> str:
    """Return the share of words that are pronounced as before."""
    found = result["exact"]
    rows = [[bits, f"{100 * share:.1f} %"] for bits, share in found["shares"].items()]
    return (
        f"g2p-en spells out {found['words']:,} words of the CMU dictionary, taken at equal "
        "distances: an encoder of sixteen steps, then a decoder that gets its own state and the "
        "phoneme before, both on the machine. Counted are words whose every phoneme is that of the "
        "package's own code.\n\n"
        f"{table(['bits of the codebook', 'words as before'], rows)}"
    )
