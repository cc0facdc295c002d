"""`autoglm`: the verbs, and what happens when one of them fails.

Exit codes: 0 done, 2 something the user can put right (told in one sentence), 130 stopped by Ctrl-C.
A first Ctrl-C while training is a wish, not a failure: it saves, says how to go on, and leaves with 0.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from openautoglm import __version__
from openautoglm.cli.add import add
from openautoglm.cli.ask import ask, caption
from openautoglm.cli.chat import chat
from openautoglm.cli.evaluate import evaluate
from openautoglm.cli.explain import explain
from openautoglm.cli.fit import fit
from openautoglm.cli.index import index
from openautoglm.cli.outputs import SearchCommand
from openautoglm.cli.predict import predict
from openautoglm.cli.search import search
from openautoglm.cli.show import show
from openautoglm.errors import UserError


class Verbs(TyperGroup):
    """Runs a verb; typer would answer Ctrl-C and a closed pipe in its own way before `main` saw them."""

    def invoke(self, ctx: Any) -> Any:
        """Run it, and turn what stopped it into an exit code."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            typer.echo(f"autoglm: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            told = "stopped; what was finished is kept, and the same command goes on from there"
            typer.echo(f"autoglm: {told}", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:  # `autoglm … | head`: that is how a reader says enough
            _drop_output()
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # Files of ours say which one could not be written; what comes here is `autoglm … > FILE`.
            typer.echo(
                "autoglm: the disk is full; free some space, then run the same command again", err=True
            )
            _drop_output()
            raise typer.Exit(2) from None


def _drop_output() -> None:
    """Let what is still buffered go nowhere, or Python would complain of the same output when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    name="autoglm",
    cls=Verbs,
    help="Teach one model your catalogue of pictures, texts and columns; then search it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for verb in (add, show, fit, evaluate, predict, ask, caption, explain, index):
    app.command()(verb)
app.command(cls=SearchCommand)(search)
app.command(cls=SearchCommand)(chat)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"autoglm {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Options that come before the verb."""


def main() -> None:
    """Run the command line; what a user can put right is one sentence and exit code 2."""
    # Pillow's remarks on odd files: what cannot be read is counted and listed, the rest is as it should be.
    warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
    warnings.formatwarning = _told
    app()


_plain = warnings.formatwarning


def _told(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Write a warning of ours without the line of code that gave it."""
    ours = category.__module__.startswith("openautoglm.")
    return f"autoglm: {message}\n" if ours else _plain(message, category, filename, lineno, line)
