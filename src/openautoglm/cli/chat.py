"""`autoglm chat`: a conversation over the catalogue, in the terminal or from a pipe.

In a terminal: a prompt with history; Ctrl-C stops the turn, or leaves where nothing runs; Ctrl-D leaves.
From a pipe: a turn a line, no prompt; with `--json`, one object a turn.
"""

from __future__ import annotations

import contextlib
import json as jsons
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from openautoglm.cli.lines import line_of
from openautoglm.cli.names import Json, WorkspaceFolder
from openautoglm.cli.outputs import Outputs, Show
from openautoglm.errors import UserError

if TYPE_CHECKING:
    from openautoglm.conversation.chat import Chat, Reply


def chat(
    workspace: WorkspaceFolder,
    session: Annotated[
        str | None,
        typer.Option(
            "--session",
            "-s",
            metavar="NAME",
            help="Go on with this conversation, or begin it.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Compare by, as for search; words alone where there is no model."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many rows a page has.")] = 10,
    json: Json = False,
    show: Show = None,
) -> None:
    """Search by talking: each turn searches, refines or asks; English and Chinese. See /help for more."""
    from openautoglm.workspace import Workspace

    outputs = Outputs(json=json, show=show)
    outputs.check()
    shop = Workspace.open(workspace)
    with shop.chat(session, by=by, k=k) as conversation:  # type: ignore[arg-type]
        asked = sys.stdin.isatty() and not json
        if asked:
            _greet(conversation)
        for line in _turns(asked):
            try:
                if not _take(conversation, line, outputs, json):
                    break
            except KeyboardInterrupt:
                if not asked:
                    raise
                typer.echo("stopped; the state is as before", err=True)
        if asked and conversation.session is not None and conversation.session.turns:
            typer.echo(f"kept: autoglm chat {workspace} --session {conversation.session.name}")


def _turns(asked: bool) -> Iterator[str]:
    """Yield the lines of standard input; in a terminal behind a prompt, until Ctrl-D or a second Ctrl-C."""
    if not asked:
        # Bytes that are no text must not end the conversation.
        sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        for line in sys.stdin:
            yield line.rstrip("\r\n")
        return
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # lines can be edited, and called back
    stopped = False
    while True:
        try:
            yield input("> ")
            stopped = False
        except EOFError:
            typer.echo()
            return
        except KeyboardInterrupt:
            if stopped:
                raise
            stopped = True
            typer.echo("\nCtrl-C again, Ctrl-D or /quit leaves")


def _take(conversation: Chat, line: str, outputs: Outputs, json: bool) -> bool:
    """Take one turn and print what it led to; False if it is the last."""
    from openautoglm.conversation.commands import QUIT, command

    if not line.strip():
        return True
    if line.strip() in QUIT:
        return False
    shown: list[str] = []
    tell = partial(_show, shown) if sys.stdout.isatty() and not json else None
    try:
        if line.lstrip().startswith("/"):
            reply = command(conversation, line)
        else:
            reply = conversation.say(line, tell=tell)
    except KeyboardInterrupt:
        if shown:
            typer.echo()
        raise
    except UserError as error:
        if shown:
            typer.echo()
        if json:
            typer.echo(jsons.dumps({"said": line, "error": str(error)}, ensure_ascii=False))
        else:
            typer.echo(f"autoglm: {error}", err=True)
        return True
    if json:
        typer.echo(jsons.dumps(reply.as_dict(), ensure_ascii=False, default=_plain))
    else:
        _print(conversation, reply, outputs, "".join(shown))
    sys.stdout.flush()
    return True


def _show(shown: list[str], piece: str) -> None:
    """Write a piece of the model's answer behind those before it."""
    shown.append(piece)  # first: a Ctrl-C may come while it is written
    typer.echo(piece, nl=False)


def _print(conversation: Chat, reply: Reply, outputs: Outputs, shown: str = "") -> None:
    """Print the rows, the answer, and the state in a line; `shown` of the answer stands there already."""
    from openautoglm.conversation.phrases import phrase
    from openautoglm.conversation.reading import Reading

    found = reply.results
    if found is not None:
        for number, hit in enumerate(found, found.start + 1):
            if found.relevant is not None and number == found.relevant + 1:
                end = f"{found.relevant:,} match" if found.relevant else "nothing matches"
                typer.echo(typer.style(f"     {end}; the next best:", dim=True))
            typer.echo(line_of(number, hit))
            outputs.draw(conversation.finder.catalog, hit)
    if shown and not (reply.answer and reply.answer.source == "model"):
        typer.echo(typer.style(phrase("unsure", Reading.of(reply.said).chinese), dim=True))
        shown = ""
    if reply.text:
        typer.echo(reply.text.removeprefix(shown))
    counted = f" | {found.relevant:,} match" if found is not None and found.relevant is not None else ""
    more = " | “more” shows the next" if found is not None and found.after is not None else ""
    typer.echo(typer.style(f"[{reply.state}{counted}{more}]", dim=True))


def _greet(conversation: Chat) -> None:
    from openautoglm.conversation.phrases import phrase

    session = conversation.session
    if session is not None and session.turns:
        typer.echo(
            f"{session.name}, after {session.turns:,} turns [{conversation.state}]; /reset begins anew"
        )
    else:
        # The first of these that is set decides, as for every program.
        names = ("LC_ALL", "LC_MESSAGES", "LANG")
        spoken = next((value for name in names if (value := os.environ.get(name))), "")
        typer.echo(phrase("help", chinese=spoken.startswith("zh")))


def _plain(value: object) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
