"""Indices of the columns that users filter by, so that a condition is answered without reading its columns.

    numbers, dates, texts    BTREE, sorted values with their rows    =, <, IN, BETWEEN, LIKE 'a%', IS NULL
    tags                     LABEL_LIST, each tag's rows             array_has, array_has_any, _all

Lance asks them by itself, those that a condition touches, and reads the columns of rows that came since. A
condition of which some part needs another column, or another comparison, is evaluated by reading, as
without any index; what passes is the same.

Not indexed: truth values, which are a bit a row to read, and whose index Lance 14 answers
`NOT (sold IS TRUE)` from without the rows that have none; the texts that are matched with pictures, and words
read in these, which are searched (`words.py`) and not compared whole.

Choose them from where vectors have an index, too (`nearest.py`); below, reading a column takes a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openautoglm.catalog.schema import NEAR, Field, Kind
from openautoglm.search.vectors import ALONE

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

KINDS: dict[Kind, str] = {
    "integer": "BTREE",
    "number": "BTREE",
    "date": "BTREE",
    "time": "BTREE",
    "text": "BTREE",
    "tags": "LABEL_LIST",
}
"""Lance's kind of index for each kind of column that gets one."""
_SUFFIX = "_filter_idx"


def build_scalar_indices(catalog: Catalog, *, from_rows: int) -> bool:
    """Bring the indices of the catalogue's columns up to date; tell whether anything was done.

    Args:
        catalog: whose columns are indexed: the user's, the clusters of near copies, and
            which rows have no picture's vector.
        from_rows: rows from which on there are any; a smaller catalogue loses them.

    Raises:
        CatalogError: if another process is writing the workspace, or it cannot be written.
    """
    with catalog.writing():
        data = catalog.writable
        wanted = {} if catalog.count() < from_rows else _wanted(catalog)
        present = {one.name for one in data.describe_indices() if one.name.endswith(_SUFFIX)}
        gone = present - {name + _SUFFIX for name in wanted}
        for name in gone:
            data.drop_index(name)
        new = {column: kind for column, kind in wanted.items() if column + _SUFFIX not in present}
        for column, kind in new.items():
            data.create_scalar_index(column, kind, name=column + _SUFFIX)
        behind = [name for name in present - gone if data.stats.index_stats(name)["num_unindexed_rows"]]
        if behind:
            data.optimize.optimize_indices(index_names=behind)
    return bool(gone or new or behind)


def _wanted(catalog: Catalog) -> dict[str, str]:
    """The columns that are to have an index, and of which kind."""
    fields = {name: KINDS[one.type] for name, one in catalog.fields.items() if _is_filtered(one)}
    own = {NEAR: "BTREE", ALONE: "BITMAP"}
    present = catalog.dataset.schema.names
    return fields | {name: kind for name, kind in own.items() if name in present}


def _is_filtered(one: Field) -> bool:
    return one.type in KINDS and not (one.type == "text" and one.role in ("text", "words"))
