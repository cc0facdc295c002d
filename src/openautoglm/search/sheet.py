"""The result of a search as a contact sheet: each row found with its picture, score and labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openautoglm.catalog.contact_sheet import Line, Tile, draw_sheet
from openautoglm.search.files import picture_of
from openautoglm.search.hit import Results

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

_LINES = 2


def draw_hits(catalog: Catalog, results: Results, path: Path | str, *, title: str, columns: int = 5) -> Path:
    """Write the hits, best first, to a `.png` or `.html` sheet, with a line where the relevant ones end.

    Without a hit the sheet is one card that says so: whoever opens it next finds no older one in its place.

    Args:
        catalog: where the pictures are.
        results: what `search` found.
        path: the file to write.
        title: its first line is set large: the query, say; further ones small.
        columns: tiles a row.
    """
    names = [field.name for field in catalog.text_fields]
    tiles: list[Tile | Line] = []
    for hit in results:
        lines = [str(hit.row[name]) for name in names if hit.row.get(name)][:_LINES] or [hit.id]
        tiles.append(Tile(picture_of(catalog, hit), lines, score=hit.score))
    if results.end:
        place, words = results.end
        tiles.insert(place, Line(words))
    return draw_sheet(tiles or [Tile(None, ["nothing found"])], path, title=title, columns=columns)
