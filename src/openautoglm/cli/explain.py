"""`autoglm explain`: why a model says what it says of a row, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openautoglm.cli.names import Fields, Json, ModelChoice, Quiet, WorkspaceFolder, split_names


def explain(
    workspace: WorkspaceFolder,
    row: Annotated[str, typer.Argument(metavar="ROW", help="The id of a row in the catalogue.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Draw the page as .png or .html."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which prediction to explain; the model's first target otherwise."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Explain instead how well the row matches these words.")
    ] = None,
    model: ModelChoice = None,
    text: Fields = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what a row's prediction or match rests on: gates, parts of the picture, words, columns."""
    from openautoglm.workspace import Workspace

    found = Workspace.open(workspace).explain(
        row,
        target=target,
        query=query,
        model=model,
        fields=split_names(text) or None,
        out=out,
        progress=not quiet,
    )
    typer.echo(found.as_json() if json else str(found))
