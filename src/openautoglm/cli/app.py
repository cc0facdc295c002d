"""`autoglm`: the verbs, and what happens when one of them fails.

Exit codes: 0 done, 2 something the user can put right (told in one sentence), 130 stopped by Ctrl-C.
A first Ctrl-C while training is a wish, not a failure: it saves, says how to go on, and leaves with 0.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from openautoglm import __version__
from openautoglm.cli.add import add
from openautoglm.cli.evaluate import evaluate
from openautoglm.cli.fit import fit
from openautoglm.cli.index import index
from openautoglm.cli.search import search
from openautoglm.cli.show import show
from openautoglm.errors import UserError

app = typer.Typer(
    name="autoglm",
    help="Teach one model your catalogue of pictures, texts and columns; then search it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for verb in (add, show, fit, evaluate, index, search):
    app.command()(verb)


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
    try:
        app()
    except UserError as error:
        typer.echo(f"autoglm: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo(
            "autoglm: stopped; what was finished is kept, and the same command goes on from there", err=True
        )
        sys.exit(130)
    except BrokenPipeError:
        # `autoglm … | head` closed the pipe; that is how a reader says enough.
        sys.stderr.close()
        sys.exit(0)
