"""``eie pack``, ``eie unpack`` and ``eie inspect``: models in ``.eiez`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eie_backend.cli.console import show, working

PACK_EXAMPLE = """Example:

    eie pack compressed.onnx -o compressed.eiez
"""
UNPACK_EXAMPLE = """Example:

    eie unpack compressed.eiez -o compressed.onnx
"""
INSPECT_EXAMPLE = """Example:

    eie inspect compressed.eiez
"""


def pack(
    model: Annotated[Path, typer.Argument(help="ONNX file; its shared weights become small.")],
    output: Annotated[Path, typer.Option("-o", "--output", help=".eiez file to write.")],
    recipe: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON recipe to keep in the file; its index_bits are used."),
    ] = None,
) -> None:
    """Store a model losslessly as codebooks and Huffman codes, and show what it takes."""
    from eie_backend.cli.storage_tables import contents_dict, contents_tables
    from eie_backend.frontend.onnx import load_onnx
    from eie_backend.recipe import read_recipe
    from eie_backend.storage.container import read_eiez, save_eiez

    how = read_recipe(recipe) if recipe else None
    with working(f"packing {model.name}"):
        save_eiez(output, load_onnx(model), how)
        contents = read_eiez(output)
    show(contents_dict(contents), contents_tables(contents), written=[output])


def unpack(
    container: Annotated[Path, typer.Argument(help=".eiez file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="ONNX file to write.")],
) -> None:
    """Write the model in a .eiez file as ONNX, bit for bit as it was packed."""
    from eie_backend.cli.files import write_file
    from eie_backend.storage.container import load_eiez

    with working(f"unpacking {container.name}"):
        data = load_eiez(container).SerializeToString(deterministic=True)
        write_file(output, data)
    show({"model_bytes": len(data)}, written=[output])


def inspect(container: Annotated[Path, typer.Argument(help=".eiez file.")]) -> None:
    """Show what each layer of a .eiez file takes, how it was compressed and what was noted."""
    from eie_backend.cli.storage_tables import contents_dict, contents_tables
    from eie_backend.storage.container import read_eiez

    with working(f"reading {container.name}"):
        contents = read_eiez(container)
    notes = {"written by": contents.producer, "recipe": contents.recipe, **contents.metadata}
    lines = [f"{name}: {value}" for name, value in notes.items() if value is not None]
    show(contents_dict(contents), contents_tables(contents), *lines)


pack.__doc__ = f"{pack.__doc__}\n\n{PACK_EXAMPLE}"
unpack.__doc__ = f"{unpack.__doc__}\n\n{UNPACK_EXAMPLE}"
inspect.__doc__ = f"{inspect.__doc__}\n\n{INSPECT_EXAMPLE}"
