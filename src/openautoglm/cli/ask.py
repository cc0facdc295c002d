"""`autoglm ask` and `autoglm caption`: a question answered, or a caption written, for each picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from openautoglm.cli.names import Json, ModelChoice, WorkspaceFolder
from openautoglm.errors import UserError

ROWS_OR_FILES = "Ids of rows in the catalogue, or picture files."
Pictures = Annotated[list[str], typer.Argument(metavar="ROW|FILE…", help=ROWS_OR_FILES)]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Draw where it looked (.png, .html), or write a table (.csv, .jsonl, .parquet).",
    ),
]


def ask(
    workspace: WorkspaceFolder,
    pictures: Annotated[
        # Not required for the parser, which of a single word says that the picture is missing.
        list[str],
        typer.Argument(metavar="ROW|FILE…", help=ROWS_OR_FILES, default_factory=list, show_default=False),
    ],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In quotation marks.")],
    out: Out = None,
    model: ModelChoice = None,
    json: Json = False,
) -> None:
    """Answer a question about each picture, or say that the answer is not known."""
    from openautoglm.workspace import Workspace

    if not pictures:
        raise UserError(
            f"a picture and a question are needed, and there is only {question!r}; for example: "
            f'autoglm ask {workspace} photos/new.jpg "what is it?"'
        )
    with _stopped():
        found = Workspace.open(workspace).ask(pictures, question, model=model, out=out)
    typer.echo(found.as_json() if json else str(found))


def caption(
    workspace: WorkspaceFolder,
    pictures: Pictures,
    out: Out = None,
    model: ModelChoice = None,
    json: Json = False,
) -> None:
    """Write a caption for each picture; words appear as they are written."""
    from openautoglm.catalog.printable import one_line, printable
    from openautoglm.workspace import Workspace

    shown: list[str] = []

    def say(picture: str, piece: str) -> None:
        if not piece:
            typer.echo("\n" * bool(shown) + printable(picture) + "  ", nl=False)
            shown.append(picture)
        typer.echo(piece if piece.isspace() else one_line(f"|{piece}|")[1:-1], nl=False)

    with _stopped(shown):
        found = Workspace.open(workspace).caption(pictures, model=model, out=out, say=None if json else say)
    if json:
        typer.echo(found.as_json())
        return
    typer.echo()
    for one in found.skipped:
        typer.echo(f"{printable(one.id)}: {one.reason}", err=True)
    if found.out:
        typer.echo(f"written to {found.out}", err=True)


@contextmanager
def _stopped(shown: list[str] | None = None) -> Iterator[None]:
    """End a line that Ctrl-C cut off; what stands there stays."""
    try:
        yield
    except KeyboardInterrupt:
        if shown:
            typer.echo()
        typer.echo("autoglm: stopped", err=True)
        raise typer.Exit(130) from None
