"""`autoglm show`: what is in a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from openautoglm.cli.names import Json, WorkspaceFolder

if TYPE_CHECKING:
    from openautoglm.catalog.summary import FieldSummary, Summary


def show(workspace: WorkspaceFolder, json: Json = False) -> None:
    """Tell what is in the workspace: rows, gaps, languages, columns, copies, splits, models, index."""
    from json import dumps

    from openautoglm.workspace import Workspace

    summary = Workspace.open(workspace).show()
    if json:
        typer.echo(dumps(summary.as_dict(), ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join(describe(summary)))


def describe(summary: Summary) -> Iterator[str]:
    """The lines that `show` prints."""
    yield f"{summary.rows:,} rows from {_counted(len(summary.sources), 'source')}"
    lacking = ", ".join(f"{count:,} without {name}" for name, count in summary.lacking.items() if count)
    yield f"lacking     {lacking or 'nothing'}"
    yield "languages   " + (", ".join(f"{name} {count:,}" for name, count in summary.languages.items()) or "none")
    yield "splits      " + ", ".join(f"{name} {count:,}" for name, count in summary.splits.items())
    if summary.straddling:
        yield f"            {_counted(summary.straddling, 'group')} of copies in more than one split (your own split column)"
    yield f"copies      {summary.duplicates:,} rows whose picture another row has too"
    yield "fields"
    width = max((len(field.name) for field in summary.fields), default=0)
    for field in summary.fields:
        yield f"  {field.name:{width}}  {field.role:6}  {field.type:7}  {_values(field)}"
    models = ", ".join(f"{one['name']}{' (default)' if one['default'] else ''}" for one in summary.models)
    yield f"models      {models or 'none yet; `autoglm fit` trains one'}"
    by_model = ", ".join(f"{count:,} rows by model {name[:12]}" for name, count in summary.index.items())
    yield f"index       {by_model or 'none yet; `autoglm index` makes it'}"


def _values(field: FieldSummary) -> str:
    parts = [f"{field.distinct:,} different"]
    if field.low is not None:
        parts.append(f"{field.low} to {field.high}")
    if field.common and field.distinct < 50:
        parts.append(", ".join(f"{value} {count:,}" for value, count in field.common[:5]))
    if field.missing:
        parts.append(f"{field.missing:,} missing")
    return "; ".join(parts)


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
