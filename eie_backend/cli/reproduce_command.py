"""``eie reproduce``: reproduce the EIE paper's tables and figures, with the published numbers."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eie_backend.cli.console import progress, show
from eie_backend.cli.options import choice
from eie_backend.errors import InputError
from eie_backend.machine.choices import STRUCTURE
from eie_backend.reproduce.names import FIGURES, OTHERS, TABLES, figure_key, table_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eie_backend.reproduce.catalog import Entry
    from eie_backend.reproduce.result import Result

EXAMPLE = """Example:

    eie reproduce --table 4 --figure 6 -o reproduced
"""

ALEX8 = Path("../shared/data/alex8/alex8.npz")
"""Path of the real Alex-8, relative to a checkout."""

OFF_EXIT = 1


def reproduce(
    tables: Annotated[
        list[int] | None, choice(TABLES, "A table's number; repeatable.", "--table")
    ] = None,
    figures: Annotated[
        list[int] | None, choice(FIGURES, "A figure's number; repeatable.", "--figure")
    ] = None,
    others: Annotated[
        list[str] | None,
        choice(
            OTHERS,
            f"What the paper has no table of: {', '.join(OTHERS)}; repeatable.",
            "--other",
            metavar="NAME",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All tables and figures.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for CSV, JSON, SVG and PNG files."),
    ] = None,
    alex8: Annotated[
        Path | None,
        typer.Option(help=f"The real Alex-8 (.npz); by default {ALEX8}, if it is there."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated layers.")] = 0,
    structure: Annotated[
        str, choice(STRUCTURE, "uneven: the generated layers vary as the real Alex-8 does.")
    ] = "even",
    authors_simulator: Annotated[
        Path | None,
        typer.Option(help="Folder of the EIE authors' simulator: run the layers there too."),
    ] = None,
) -> None:
    """Run the EIE paper's layers and set its tables and figures beside ours.

    Exit code 1 if a value is out of its tolerance. summary.json lists all that have one.
    """
    from eie_backend.cli.files import made_folder, write_file
    from eie_backend.cli.reproduce_tables import failure_lines, result_table
    from eie_backend.reproduce import authors
    from eie_backend.reproduce.catalog import CATALOG, Entry
    from eie_backend.reproduce.runs import Runs
    from eie_backend.reproduce.write import as_dict, summary
    from eie_backend.show.drawing import require_matplotlib
    from eie_backend.workloads import STRUCTURES

    layout = STRUCTURES[STRUCTURE.checked(structure, InputError)]
    catalog = dict(CATALOG)
    if authors_simulator is not None:
        others = [*(others or ()), authors.KEY]
        catalog[authors.KEY] = Entry(partial(authors.reproduce, copy=authors_simulator))
    keys = [*map(table_key, tables or ()), *map(figure_key, figures or ())]
    chosen = _chosen(list(catalog) if everything else [*keys, *(others or ())], catalog)
    runs = Runs(alex8 or (ALEX8 if ALEX8.exists() else None), seed, layout)
    if output is not None and any(entry.draw for entry in chosen.values()):
        require_matplotlib()
    results: list[Result] = []
    with progress() as bar, nullcontext() if output is None else made_folder(output):
        task = bar.add_task("reproduce", total=len(chosen))
        for key, entry in chosen.items():
            bar.update(task, description=key.replace("_", " "))
            results.append(entry.reproduce(runs))
            if output is not None:
                _write(results[-1], entry, output)
            bar.advance(task)
    if output is not None:
        write_file(output / "summary.json", summary(results, runs.note()))
    asserted, off = sum(len(result.asserted) for result in results), failure_lines(results)
    verdict = f"{len(off)} out of tolerance:" if off else "all within their tolerance."
    show(
        {
            "asserted": asserted,
            "layers": runs.note(),
            "out_of_tolerance": off,
            "results": {result.key: as_dict(result) for result in results},
        },
        *map(result_table, results),
        f"{asserted} values asserted, {verdict}",
        *(f"- {line}" for line in off),
        written=[] if output is None else [output],
    )
    if off:
        raise typer.Exit(OFF_EXIT)


reproduce.__doc__ = f"{reproduce.__doc__}\n\n{EXAMPLE}"


def _chosen(keys: list[str], catalog: Mapping[str, Entry]) -> dict[str, Entry]:
    unknown = [key for key in keys if key not in catalog]
    if unknown or not keys:
        what = "nothing chosen"
        if unknown:
            what = f"no {', '.join(key.replace('_', ' ') for key in unknown)}"
        raise InputError(
            f"reproduce: {what}; give --all, or some of --table {', '.join(TABLES)}; --figure "
            f"{', '.join(FIGURES)}; --other {', '.join(OTHERS)}"
        )
    return {key: entry for key, entry in catalog.items() if key in keys}


def _write(result: Result, entry: Entry, folder: Path) -> None:
    from eie_backend.cli.files import write_files
    from eie_backend.reproduce.write import as_csv, as_json

    files: dict[str, str | bytes] = {"csv": as_csv(result), "json": as_json(result)}
    if (draw := entry.draw) is not None:
        from eie_backend.show.drawing import rendered

        files |= {form: rendered(lambda: draw(result), form) for form in ("svg", "png")}
    write_files({folder / f"{result.key}.{end}": content for end, content in files.items()})
