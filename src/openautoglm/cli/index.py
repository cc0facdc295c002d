"""`autoglm index`: vectors of what is new or changed."""

from __future__ import annotations

import typer

from openautoglm.cli.names import ModelChoice, Quiet, WorkspaceFolder


def index(workspace: WorkspaceFolder, model: ModelChoice = None, quiet: Quiet = False) -> None:
    """Encode the rows that are new or changed, so that they can be searched."""
    from openautoglm.workspace import Workspace

    report = Workspace.open(workspace).index(model, progress=not quiet)
    typer.echo(str(report))
