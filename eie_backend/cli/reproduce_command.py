"""``eie reproduce``: the EIE paper's tables and figures beside the published numbers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eie_backend.cli.console import out, progress, table
from eie_backend.cli.files import write_file
from eie_backend.errors import InputError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eie_backend.reproduce.catalog import Entry
    from eie_backend.reproduce.result import Result

ALEX8 = Path("../shared/data/alex8/alex8.npz")
"""Where the real Alex-8 lies beside a checkout."""

OFF_EXIT = 1


def reproduce(
    tables: Annotated[
        list[int] | None, typer.Option("--table", help="A table's number; may be repeated.")
    ] = None,
    figures: Annotated[
        list[int] | None, typer.Option("--figure", help="A figure's number; may be repeated.")
    ] = None,
    others: Annotated[
        list[str] | None, typer.Option("--other", help="ablation, ...: what only the text tells.")
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
        str, typer.Option(help="even, or uneven: generated layers vary as the real Alex-8 does.")
    ] = "even",
    authors_simulator: Annotated[
        Path | None,
        typer.Option(help="Folder of the EIE authors' simulator: run the layers there too."),
    ] = None,
) -> None:
    """Reproduce tables and figures of the EIE paper and compare them with the published numbers.

    Exit code 1 if a value is out of its tolerance.
    """
    from eie_backend.reproduce import authors
    from eie_backend.reproduce.catalog import CATALOG, Entry
    from eie_backend.reproduce.runs import Runs
    from eie_backend.workloads import STRUCTURES

    if structure not in STRUCTURES:
        raise InputError(
            f"reproduce: structure {structure!r} is unknown; give one of {', '.join(STRUCTURES)}"
        )
    catalog = dict(CATALOG)
    if authors_simulator is not None:
        others = [*(others or ()), authors.KEY]
        catalog[authors.KEY] = Entry(partial(authors.reproduce, copy=authors_simulator))
    keys = [f"table_{n}" for n in tables or ()] + [f"figure_{n}" for n in figures or ()]
    chosen = _chosen(list(catalog) if everything else [*keys, *(others or ())], catalog)
    if output is not None:
        _prepare(output)
    if alex8 is None and ALEX8.exists():
        alex8 = ALEX8
    runs = Runs(alex8, seed, STRUCTURES[structure])
    results: list[Result] = []
    with progress() as bar:
        task = bar.add_task("reproduce", total=len(chosen))
        for key, entry in chosen.items():
            bar.update(task, description=key.replace("_", " "))
            results.append(entry.reproduce(runs))
            if output is not None:
                _write(results[-1], entry, output)
            bar.advance(task)
    for result in results:
        _show(result)
    failures = [
        f"{result.key}: {v.item}, {v.quantity}" for result in results for v in result.failures
    ]
    if failures:
        out.print(f"Out of tolerance: {'; '.join(failures)}")
        raise typer.Exit(OFF_EXIT)


def _chosen(keys: list[str], catalog: Mapping[str, Entry]) -> dict[str, Entry]:
    unknown = [key for key in keys if key not in catalog]
    if unknown or not keys:
        what = f"no {', '.join(unknown)}" if unknown else "nothing chosen"
        raise InputError(f"reproduce: {what}; give --all, or some of {', '.join(catalog)}")
    return {key: entry for key, entry in catalog.items() if key in keys}


def _prepare(folder: Path) -> None:
    from eie_backend.drawing import require_matplotlib

    require_matplotlib()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be made: {error.strerror}; give a folder") from error


def _write(result: Result, entry: Entry, folder: Path) -> None:
    from eie_backend.reproduce.write import as_csv, as_json

    write_file(folder / f"{result.key}.csv", as_csv(result))
    write_file(folder / f"{result.key}.json", as_json(result))
    if (draw := entry.draw) is not None:
        from eie_backend.drawing import rendered

        for form in ("svg", "png"):
            write_file(folder / f"{result.key}.{form}", rendered(lambda: draw(result), form))


def _show(result: Result) -> None:
    shown = table(result.title, "", "", "ours", "paper", "difference", "allowed")
    for value in result.values:
        shown.add_row(
            value.item,
            f"{value.quantity} {value.unit}".strip(),
            f"{value.ours:.4g}",
            "" if value.paper is None else f"{value.paper:.4g}",
            "" if value.difference is None else f"{value.difference:+.1%}",
            "" if value.tolerance is None else f"{value.tolerance:.0%}",
        )
    out.print(shown)
    for note in result.notes:
        out.print(note)
