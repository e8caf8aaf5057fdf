"""``eie asm`` and ``eie disasm``: convert programs from text to images and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eie_backend.cli.console import asked, echo, show, working

ASM_EXAMPLE = """Example:

    eie asm program.mlir -o program.eieimg
"""
DISASM_EXAMPLE = """Example:

    eie disasm lenet.so -o program.mlir
"""


def asm(
    text: Annotated[Path, typer.Argument(help="Text of the eie dialect; - for standard input.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Image to write; - for standard output.")
    ],
) -> None:
    """Assemble programs, which become one image."""
    from eie_backend.cli.files import check_standard, read_bytes, write_parts
    from eie_backend.errors import EncodingError
    from eie_backend.isa.image import encode_image
    from eie_backend.isa.source_file import assemble

    check_standard(output)
    try:
        with working(f"assembling {text.name}"):
            programs = assemble(read_bytes(text).decode())
            image = encode_image(*programs)
    except UnicodeDecodeError as error:
        raise EncodingError(f"{text}: not UTF-8; give text of the eie dialect") from error
    except EncodingError as error:
        raise EncodingError(f"{text}: {error}") from error
    result = {"programs": [{"layers": list(program.layers)} for program in programs]}
    show(result | {"image_bytes": len(image)}, written=write_parts([image], output))


def disasm(
    binary: Annotated[
        Path, typer.Argument(help="Compiled library or image; - for an image on standard input.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Text to write; - for standard output, complete."),
    ] = None,
) -> None:
    """Print the programs in a library or an image; on screen, large constants are elided."""
    from eie_backend.cli.files import check_standard, read_programs, write_parts
    from eie_backend.isa.source_file import disassemble

    if output is not None:
        check_standard(output)
    with working(f"reading {binary.name}"):
        programs = read_programs(binary)
        text = disassemble(programs, elide=output is None)
    result = {"programs": [{"layers": list(program.layers)} for program in programs]}
    if output is not None:
        show(result, written=write_parts([text], output))
    elif asked.json:
        show(result | {"text": text})
    else:
        echo(text)


asm.__doc__ = f"{asm.__doc__}\n\n{ASM_EXAMPLE}"
disasm.__doc__ = f"{disasm.__doc__}\n\n{DISASM_EXAMPLE}"
