"""``eie asm`` and ``eie disasm``: between a program's text and its image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from eie_backend.cli.console import err

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
    """Assemble programs: an image for each, the second and later ones to numbered files."""
    from eie_backend.cli.files import read_bytes
    from eie_backend.errors import EncodingError
    from eie_backend.isa.image import encode_image
    from eie_backend.isa.source_file import assemble

    try:
        images = [encode_image(program) for program in assemble(read_bytes(text).decode())]
    except UnicodeDecodeError as error:
        raise EncodingError(f"{text}: not UTF-8; give text of the eie dialect") from error
    except EncodingError as error:
        raise EncodingError(f"{text}: {error}") from error
    _write(images, output)


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
    from eie_backend.cli.files import read_programs
    from eie_backend.isa.source_file import disassemble

    text = disassemble(read_programs(binary), elide=output is None)
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write([text], output)


def _write(parts: Sequence[str | bytes], output: Path) -> None:
    from eie_backend.cli.files import STANDARD, write_parts

    write_parts(parts, output)
    if output != STANDARD:
        err.print(f"wrote {output}", highlight=False, soft_wrap=True)


asm.__doc__ = f"{asm.__doc__}\n\n{ASM_EXAMPLE}"
disasm.__doc__ = f"{disasm.__doc__}\n\n{DISASM_EXAMPLE}"
