"""`autoglm search`: any mixture of words, pictures, rows and columns, and what is closest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from openautoglm.cli.lines import line_of
from openautoglm.cli.names import Json, Where, WorkspaceFolder
from openautoglm.cli.outputs import Copy, Csv, Link, Null, Open, Outputs, Paths, Show


def search(
    workspace: WorkspaceFolder,
    text: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="What to look for, in words.")
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A picture to look for the like of.")
    ] = None,
    like: Annotated[list[str] | None, typer.Option(metavar="ID", help="A row to find more of.")] = None,
    but: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="With --like or --image: how it should differ.")
    ] = None,
    minus: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="What is not wanted.")] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="COLUMN=VALUE", help="A value that rows should be like."),
    ] = None,
    weight: Annotated[
        float, typer.Option(min=0, max=1, help="Share of all else that is wanted beside words.")
    ] = 0.5,
    where: Where = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 10,
    by: Annotated[
        str,
        typer.Option(
            metavar="WHAT", help="Compare: auto (looks and words), vectors, image, text, fused, words."
        ),
    ] = "auto",
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Order the rows that match; -COLUMN from the greatest."),
    ] = None,
    facet: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Count its values among the rows that match.")
    ] = None,
    all_copies: Annotated[bool, typer.Option("--all-copies", help="List near copies, too.")] = False,
    after: Annotated[
        str | None, typer.Option(metavar="PAGE", help="The next page, as the one before said.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png|FILE.html", help="Draw the hits as a contact sheet.")
    ] = None,
    json: Json = False,
    csv: Csv = False,
    paths: Paths = False,
    null: Null = False,
    copy: Copy = None,
    link: Link = None,
    open: Open = False,  # noqa: A002
    show: Show = None,
) -> None:
    """Search by words, pictures, rows, values of columns, or any mixture of them."""
    from openautoglm.workspace import Workspace

    if but and not (like or image):
        why = "it changes a row or a picture; name one with --like or --image"
        raise typer.BadParameter(why, param_hint="--but")
    outputs = Outputs(json, csv, paths, null, copy, link, open, show, sheet)
    outputs.check()
    shop = Workspace.open(workspace)
    results = shop.search(
        [*(text or ()), *(but or ())],
        image=image,
        like=like,
        minus=minus,
        columns=_values(with_ or ()),
        weight=weight,
        where=where,
        k=k,
        by=by,  # type: ignore[arg-type]
        after=after,
        sort=sort,
        facets=facet or (),
        fold=not all_copies,
        sheet=sheet,
    )
    if json:
        typer.echo(results.as_json())
    elif (data := outputs.instead(shop.catalog, results)) is not None:
        typer.echo(data, nl=False)
    else:
        for number, hit in enumerate(results, results.start + 1):
            if results.relevant is not None and number == results.relevant + 1:
                typer.echo(_end(results.relevant))
            typer.echo(line_of(number, hit))
            outputs.draw(shop.catalog, hit)
        if not results:
            typer.echo(f"nothing found: {_why_nothing(' '.join(text or ()), by, where)}")
        if results.among is not None:
            which = f"the best {results.among:,} rows" if results.relevant is None else "the rows that match"
            for done in [*(["sorted"] if sort else []), *(["counted"] if facet else [])]:
                typer.echo(f"{done} among {which}")
        for counted in results.facets.values():
            typer.echo(counted)
        if results.after is not None:
            typer.echo(f"more: --after {results.after}")
        if sheet is not None:
            typer.echo(f"sheet: {sheet}")
    outputs.also(shop.catalog, results, start=results.start)


def _values(given: Sequence[str]) -> dict[str, str]:
    """The columns of `--with`, as they were typed.

    >>> _values(["price=20", "size=a=b"])
    {'price': '20', 'size': 'a=b'}
    """
    found: dict[str, str] = {}
    for one in given:
        name, sign, value = (part.strip() for part in one.partition("="))
        if not (name and sign and value):
            raise typer.BadParameter(f"{one!r} is no COLUMN=VALUE, such as price=20", param_hint="--with")
        if name in found:
            raise typer.BadParameter(f"{name} is given twice; it has one value", param_hint="--with")
        found[name] = value
    return found


def _end(relevant: int) -> str:
    """The line between the rows that match and those that do not."""
    above = f"{relevant:,} match; the next best:" if relevant else "nothing matches; the next best:"
    return typer.style(f"     {above}", dim=True)


def _why_nothing(text: str, by: str, where: str | None) -> str:
    from openautoglm.catalog.words import query_terms

    if by == "words" and not query_terms(text):
        return "the query has signs only, and no word; without `--by words` it is compared by its meaning"
    found = "row has its words" if by == "words" else "indexed row has what it is compared by"
    return f"no {found}" + (" and passes the filter" if where else "")
