"""`autoglm predict`: what a model says of rows, its own catalogue's or a file's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openautoglm.cli.names import ModelChoice, Quiet, Where, WorkspaceFolder


def predict(
    workspace: WorkspaceFolder,
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A table, folder or picture as for add; without it, the catalogue's rows."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write .parquet, .csv or .jsonl; else print."),
    ] = None,
    model: ModelChoice = None,
    where: Where = None,
    quiet: Quiet = False,
) -> None:
    """Predict the model's targets for rows; any of their pictures, texts and columns may be missing."""
    from openautoglm.workspace import Workspace

    report = Workspace.open(workspace).predict(source, out=out, where=where, model=model, progress=not quiet)
    typer.echo(str(report))
