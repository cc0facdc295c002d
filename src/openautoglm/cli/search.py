"""`autoglm search`: a sentence, a picture, or both, and what is closest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openautoglm.cli.names import Json, Where, WorkspaceFolder
from openautoglm.cli.outputs import Copy, Csv, Link, Null, Open, Outputs, Paths, Show


def search(
    workspace: WorkspaceFolder,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What to look for, in words.")] = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture to look for the like of.")
    ] = None,
    where: Where = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 10,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png|FILE.html", help="Draw the hits as a contact sheet.")
    ] = None,
    json: Json = False,
    csv: Csv = False,
    paths: Paths = False,
    null: Null = False,
    copy: Copy = None,
    link: Link = None,
    open: Open = False,  # noqa: A002
    show: Show = None,
) -> None:
    """Search by text, by picture, or by both."""
    from openautoglm.search.hit import as_json
    from openautoglm.workspace import Workspace

    outputs = Outputs(json, csv, paths, null, copy, link, open, show, sheet)
    outputs.check()
    shop = Workspace.open(workspace)
    hits = shop.search(text, image=image, where=where, k=k, sheet=sheet)
    if json:
        typer.echo(as_json(hits))
    elif (data := outputs.instead(shop.catalog, hits)) is not None:
        typer.echo(data, nl=False)
    else:
        for number, hit in enumerate(hits, 1):
            typer.echo(f"{number:3}  {hit.score:.3f}  {hit.id}  {hit.label}")
            outputs.draw(shop.catalog, hit)
        if not hits:
            typer.echo("nothing found: no row with vectors passes the filter")
        if sheet is not None:
            typer.echo(f"sheet: {sheet}")
    outputs.also(shop.catalog, hits)
