"""`autoglm show`: what is in a workspace."""

from __future__ import annotations

import typer

from openautoglm.cli.names import Json, WorkspaceFolder


def show(workspace: WorkspaceFolder, json: Json = False) -> None:
    """Tell what is in the workspace: rows, gaps, languages, columns, copies, splits, models, index."""
    from json import dumps

    from openautoglm.workspace import Workspace

    summary = Workspace.open(workspace).show()
    typer.echo(dumps(summary.as_dict(), ensure_ascii=False, indent=1) if json else str(summary))
