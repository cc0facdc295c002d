"""`autoglm evaluate`: figures with definitions and intervals, and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openautoglm.cli.names import (
    Captions,
    Fields,
    Json,
    ModelChoice,
    QuestionsFile,
    Quiet,
    Where,
    WorkspaceFolder,
    split_names,
)


def evaluate(
    workspace: WorkspaceFolder,
    model: ModelChoice = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    captions: Captions = None,
    questions: QuestionsFile = None,
    text: Fields = None,
    where: Where = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the report.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure retrieval, predictions and written texts, with intervals and chance; write a report folder."""
    from json import dumps

    from openautoglm.workspace import Workspace

    report = Workspace.open(workspace).evaluate(
        model,
        split=split,
        where=where,
        fields=split_names(text) or None,
        captions=split_names(captions) or None,
        questions=questions,
        folder=out,
        progress=not quiet,
    )
    typer.echo(dumps(report.as_dict(), ensure_ascii=False, indent=1) if json else str(report))
