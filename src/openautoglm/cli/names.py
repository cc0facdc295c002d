"""Arguments that several verbs share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

WorkspaceFolder = Annotated[Path, typer.Argument(metavar="WORKSPACE", help="The workspace's folder.")]
ModelChoice = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="A model of this workspace or any folder with one (CLIP, SigLIP, … too); by default the latest.",
    ),
]
Where = Annotated[
    str | None, typer.Option("--where", metavar="SQL", help='Only these rows, e.g. "price < 100".')
]
Fields = Annotated[
    list[str] | None, typer.Option("--text", metavar="A,B", help="Only these text fields; all by default.")
]
Captions = Annotated[
    list[str] | None,
    typer.Option("--captions", metavar="A,B", help="Text fields whose texts the model is to write."),
]
QuestionsFile = Annotated[
    Path | None,
    typer.Option(
        "--questions", metavar="FILE", help="A table of questions: image (or id), question, answer."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]


def split_names(values: Iterable[str] | None) -> tuple[str, ...]:
    """Names given as `--text a,b` or `--text a --text b`.

    >>> split_names(["title, title_zh", "tags"])
    ('title', 'title_zh', 'tags')
    """
    return tuple(name for value in values or () for part in value.split(",") if (name := part.strip()))
