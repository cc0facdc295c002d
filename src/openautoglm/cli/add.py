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
        list[str] | None, typer.Argument(metavar="SOURCE...", help="Folders and tables.")
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A table (CSV, TSV, JSONL, Parquet).")
    ] = None,
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
    """Add folders of pictures and tables; again, to take in what is new, changed or gone."""
    from openautoglm.catalog.schema import Roles
    from openautoglm.workspace import Workspace

    names = [*(sources or ()), *(table or ())]
    if not names:
        raise typer.BadParameter("name at least one folder or table", param_hint="SOURCE")
    roles = Roles(
        image=image,
        text=split_names(text),
        tags=split_names(tags),
        columns=split_names(column),
        id=id,
        group=group,
        split=split,
    )
    shop = Workspace.open(workspace, create=True)
    report = shop.add(*names, roles=roles, prune=prune, embed=embed, ocr=ocr, progress=not quiet)
    for source, used in report.inferred.items():
        typer.echo(f"{source}: {used}")
    for note in report.notes:
        typer.echo(note)
    typer.echo(str(report))
    for skipped in report.skipped[:_SHOWN]:
        typer.echo(f"  skipped {skipped}")
    if len(report.skipped) > _SHOWN:
        typer.echo(f"  … and {len(report.skipped) - _SHOWN} more; --errors FILE.csv lists them all")
    if errors is not None:
        report.write_errors(errors)
        typer.echo(f"{len(report.skipped)} skipped: {errors}")
