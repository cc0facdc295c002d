"""`autoglm add`: pictures and tables into the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openautoglm.cli.names import Quiet, WorkspaceFolder, split_names

_SHOWN = 10


def add(
    workspace: WorkspaceFolder,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE", help="Folders, pictures, tables, PDFs, videos, WebDataset archives."
        ),
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A table (CSV, TSV, JSONL, Parquet).")
    ] = None,
    from_sql: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A database; the URL may name variables: 'mysql://me:$PASSWORD@host/db'."
        ),
    ] = None,
    query: Annotated[str | None, typer.Option(metavar="SQL", help="What to ask it: a SELECT.")] = None,
    image: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the picture's path.")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Columns with texts, in any languages.")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Columns with lists of words.")
    ] = None,
    column: Annotated[list[str] | None, typer.Option(metavar="A,B", help="Columns to filter on.")] = None,
    id: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column that names a row.")] = None,  # noqa: A002
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Rows with the same value belong together: one split for all."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Your own split: train, validation, test.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove rows that their source no longer has.")
    ] = False,
    embed: Annotated[
        bool, typer.Option("--embed", help="Keep the pictures' bytes in the workspace.")
    ] = False,
    ocr: Annotated[
        bool | None,
        typer.Option("--ocr/--no-ocr", help="Read the words in the pictures, now and from now on."),
    ] = None,
    errors: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write what was skipped, and why.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Add folders, files, tables and queries; again (without any: all of them), to take in what is new."""
    from openautoglm.catalog.errors import CatalogError
    from openautoglm.catalog.fresh import kept_if_filled
    from openautoglm.catalog.printable import printable
    from openautoglm.catalog.report import AddReport
    from openautoglm.catalog.schema import Roles
    from openautoglm.catalog.settings import FILE
    from openautoglm.catalog.sources import Sources
    from openautoglm.catalog.sql import SqlQuery
    from openautoglm.workspace import Workspace

    names: list[str | SqlQuery] = [*(sources or ()), *(table or ())]
    if from_sql is not None and query is not None:
        names.append(SqlQuery(from_sql, query))
    elif from_sql is not None or query is not None:
        raise typer.BadParameter("--from-sql URL and --query SQL belong together", param_hint="--from-sql")
    roles = Roles(
        image=image,
        text=split_names(text),
        tags=split_names(tags),
        columns=split_names(column),
        id=id,
        group=group,
        split=split,
    )
    if errors is not None:
        AddReport().write_errors(errors)  # hours later would be a bad time to learn that it cannot be written
    folder = workspace.expanduser().resolve()
    # Without a source, or one that exists, there is nothing to make a workspace for.
    if names:
        Sources(folder, {}).named(names)
    with kept_if_filled(folder):
        shop = Workspace.open(workspace, create=bool(names))
        report = shop.add(*names, roles=roles, prune=prune, embed=embed, ocr=ocr, progress=not quiet)
    if errors is not None:  # before anything is printed, to a reader that may have enough (`| head`)
        report.write_errors(errors)
    for source, used in report.inferred.items():
        typer.echo(printable(f"{source}: {used}"))
    for note in report.notes:
        typer.echo(printable(note))
    typer.echo(str(report))
    for left in report.left_out:
        typer.echo(printable(f"  left out: {left}"))
    for skipped in report.skipped[:_SHOWN]:
        typer.echo(f"  skipped {skipped}")
    if len(report.skipped) > _SHOWN:
        typer.echo(f"  … and {len(report.skipped) - _SHOWN} more; --errors FILE.csv lists them all")
    if errors is not None:
        typer.echo(f"{len(report.skipped)} skipped: {errors}")
    if not (folder / FILE).exists():
        raise CatalogError(f"nothing could be added, so no workspace was made at {folder}")
