"""Tables of a compressed model's storage: the paper's table, and the bytes of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group

from eie_backend.cli.console import table
from eie_backend.cli.table import Table
from eie_backend.show.quantities import size

if TYPE_CHECKING:
    from eie_backend.storage.accounting import LayerStorage
    from eie_backend.storage.container import Contents


def contents_tables(contents: Contents) -> Group:
    """Return the tables of a container, and its code lengths compared with the entropy."""
    from eie_backend.storage.accounting import total

    layers = total(contents.layers.values())
    huffman = layers.huffman_code_bits + layers.huffman_index_bits
    entropy = layers.entropy_code_bits + layers.entropy_index_bits
    ends = (huffman + 8 * layers.table_bytes, entropy, layers.range_coder_bits)
    sizes = [size(round(bits / 8)) for bits in ends]
    model = contents.model.ByteSize()
    remark = (
        f"The file is {model / contents.file_bytes:.1f} times smaller than the model with "
        f"{size(model)}. Codes and indices take {sizes[0]} by Huffman with its "
        f"tables; their order-0 entropy is {sizes[1]}, and an ideal adaptive range coder would "
        f"take {sizes[2]}."
    )
    return Group(storage_table(contents.layers), bytes_table(contents), remark)


def contents_dict(contents: Contents) -> dict[str, Any]:
    """Return a container's contents as plain data, for each layer also in the paper's columns."""
    from eie_backend.compress.report import paper_columns

    return {
        "file_bytes": contents.file_bytes,
        "layers": {name: asdict(one) | paper_columns(one) for name, one in contents.layers.items()},
        "metadata": contents.metadata,
        "model_bytes": contents.model.ByteSize(),
        "producer": contents.producer,
        "recipe": contents.recipe,
        "tensor_bytes": contents.tensor_bytes,
    }


def storage_table(layers: Mapping[str, LayerStorage]) -> Table:
    """Return the paper's table: bits per entry and size, before and after Huffman coding."""
    from eie_backend.storage.accounting import total

    columns = ("weights", "density", "weight bits", "index bits", "size %", "rate")
    made = table("In Deep Compression's way of counting: P+Q\u2192P+Q+H", "layer", *columns)
    rows = {**layers, "all layers": total(layers.values())}
    for name, layer in rows.items():
        if name == "all layers":
            made.add_section()
        weights = (layer.fixed_code_bits, layer.huffman_code_bits)
        indices = (layer.fixed_index_bits, layer.huffman_index_bits)
        sizes = (layer.paper_bits, layer.paper_huffman_bits)
        made.add_row(
            name,
            f"{layer.weights:,}",
            f"{layer.density:.1%}",
            *(
                "\u2192".join(f"{layer.per_entry(n):.1f}" for n in two)
                for two in (weights, indices)
            ),
            "\u2192".join(_percent(layer.share(n)) for n in sizes),
            f"{layer.rate(layer.paper_huffman_bits):.1f}x",
        )
    return made


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share >= 0.01 else f"{100 * share:.2f}"


def bytes_table(contents: Contents) -> Table:
    """Return a table of the file's bytes by purpose."""
    from eie_backend.storage.accounting import total

    layers = total(contents.layers.values())
    bits = layers.stored_bits
    padding = f"padding ({layers.fillers:,} fillers)"
    parts = {padding if name == "padding" else name: n / 8 for name, n in bits.items() if n}
    parts["other tensors"] = contents.tensor_bytes - layers.stored_bytes
    parts["graph, recipe, checksums"] = contents.file_bytes - contents.tensor_bytes
    made = table("Byte by byte", "part", "bytes", "share")
    for name, count in parts.items():
        made.add_row(name, f"{count:,.0f}", f"{count / contents.file_bytes:.1%}")
    made.add_section()
    made.add_row("file", f"{contents.file_bytes:,}", "")
    return made
