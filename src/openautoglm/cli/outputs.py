"""What `autoglm search` makes of its hits: tables, paths, files, pictures in the terminal or in a viewer.

`Outputs` holds the options. What is printed is one of: the list, `--json`, `--csv`, `--paths`; pictures
(`--show`) go into the list. What is made beside it (`--copy`, `--link`, `--open`) goes with any of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog
    from openautoglm.search.hit import Hit
    from openautoglm.search.terminal import Screen

SHOWN = ("kitty", "iterm", "sixel", "blocks")
"""`search.terminal.PROTOCOLS`, without its imports: `--help` is quick."""

Csv = Annotated[bool, typer.Option("--csv", help="Print a table that Excel opens.")]
Paths = Annotated[bool, typer.Option("--paths", help="Print the pictures' paths only, one a line.")]
Null = Annotated[bool, typer.Option("--null", "-0", help="As --paths, each ended by a NUL, for xargs -0.")]
Copy = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Copy the pictures there, names beginning with the rank.")
]
Link = Annotated[Path | None, typer.Option(metavar="DIR", help="Make symbolic links to the pictures there.")]
Open = Annotated[
    bool, typer.Option("--open", help="Open the sheet, or the pictures, with the system's viewer.")
]
Show = Annotated[
    str | None,
    typer.Option(
        metavar=f"[{'|'.join(SHOWN)}]", help="Draw the pictures in the terminal, as it knows how or as said."
    ),
]


class SearchCommand(TyperCommand):
    """`--show` may stand alone; typer knows no option whose value can be left out."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Say `--show auto` where `--show` is meant."""
        return super().parse_args(ctx, with_auto(args))


def with_auto(args: Sequence[str]) -> list[str]:
    """Give `--show` the value "auto" where no way to draw follows it.

    >>> with_auto(["shop", "--show", "a red kitty"]), with_auto(["--show", "kitty"])
    (['shop', '--show', 'auto', 'a red kitty'], ['--show', 'kitty'])
    """
    given: list[str] = []
    for place, word in enumerate(args):
        if word == "--":
            return [*given, *args[place:]]
        given.append(word)
        if word == "--show" and args[place + 1 : place + 2] not in [[one] for one in (*SHOWN, "auto")]:
            given.append("auto")
    return given


@dataclass(frozen=True)
class Outputs:
    """The options, checked before the search and carried out after it."""

    json: bool = False
    csv: bool = False
    paths: bool = False
    null: bool = False
    copy: Path | None = None
    link: Path | None = None
    open: bool = False
    show: str | None = None
    sheet: Path | None = None

    def check(self) -> None:
        """Refuse what excludes each other, or cannot be done here, before the model is loaded."""
        forms = {
            "--json": self.json,
            "--csv": self.csv,
            "--paths": self.paths or self.null,
            "--show": self.show,
        }
        asked = [name for name, wanted in forms.items() if wanted]
        if len(asked) > 1:
            raise typer.BadParameter(f"choose one of {', '.join(asked)}: each is what is printed")
        if self.open:
            from openautoglm.search.viewer import find_viewer

            find_viewer()
        if self.show:
            _ = self._screen

    def instead(self, catalog: Catalog, hits: Sequence[Hit]) -> bytes | None:
        """What is printed instead of the list; as bytes, which no code page of the system changes."""
        from openautoglm.search.files import as_csv, picture_paths

        if self.csv:
            # The mark in front tells Excel that this is UTF-8; a person's terminal can do without.
            return as_csv(catalog, hits).encode("utf-8" if sys.stdout.isatty() else "utf-8-sig")
        if self.paths or self.null:
            found = picture_paths(catalog, hits)
            _remark(found.remarks)
            ending = b"\0" if self.null else b"\n"
            return b"".join(os.fsencode(file) + ending for file in found.files)
        return None

    def draw(self, catalog: Catalog, hit: Hit) -> None:
        """With `--show`, print the hit's picture."""
        if not self.show:
            return
        from openautoglm.search.files import picture_of

        picture = picture_of(catalog, hit)
        if picture is not None:
            # `color`: asked for by name, it is written into a file or a pipe as well.
            typer.echo(self._screen.draw(picture), nl=False, color=True)

    def also(self, catalog: Catalog, hits: Sequence[Hit], *, start: int = 0) -> None:
        """Copy, link and open; what was done is said beside the list, or on standard error beside a table."""
        from openautoglm.search.files import copy_pictures, link_pictures

        for folder, gather, done in (
            (self.copy, copy_pictures, "copied"),
            (self.link, link_pictures, "linked"),
        ):
            if folder is not None:
                found = gather(catalog, hits, folder, start=start)
                count = f"{len(found.files)} picture{'s' * (len(found.files) != 1)}"
                typer.echo(f"{count} {done}: {folder}", err=self.json or self.csv or self.paths or self.null)
                _remark(found.remarks)
        if self.open:
            self._open(catalog, hits)

    def _open(self, catalog: Catalog, hits: Sequence[Hit]) -> None:
        from openautoglm.search.files import copy_pictures, picture_paths
        from openautoglm.search.viewer import MOST, open_files

        if self.sheet is not None:
            open_files([self.sheet])
            return
        files = picture_paths(catalog, hits)
        inside = [hit for hit in hits if hit.id in files.left]
        if inside and len(hits) <= MOST:
            # Pictures that lie in the workspace; the viewer reads them when this command has ended.
            written = copy_pictures(catalog, inside, tempfile.mkdtemp(prefix="autoglm-"))
            files.files += written.files
            _remark(written.remarks)
        if not files.files:
            typer.echo("no picture to open", err=True)
        open_files(files.files)

    @cached_property
    def _screen(self) -> Screen:
        from openautoglm.search.terminal import Screen

        return Screen.of(sys.stdout, self.show or "auto")


def _remark(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line, err=True)
