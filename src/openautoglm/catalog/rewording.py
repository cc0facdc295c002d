"""Words of rows, analysed anew where the texts, the fields' roles, or the analysis have changed.

`add` writes a row's words with the row. What comes to a row later (words read in its picture, another
role of a column, a newer analysis) is made up for here, at one read of all texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from openautoglm.catalog.schema import ID, WORDS, WORDS_KEY, Field
from openautoglm.catalog.store import Store
from openautoglm.catalog.words import row_texts, stored_words, word_fields, words_key

_COMMIT_ROWS = 8192


def refresh_words(store: Store, fields: Mapping[str, Field]) -> int:
    """Write the words of the rows whose key is not that of their texts; tell how many.

    Args:
        store: the table; its lock is held by the caller.
        fields: the catalogue's.
    """
    present = set(store.dataset.schema.names)
    # A workspace of an earlier version has no such columns.
    names = [name for name in ("_image", "file", WORDS_KEY, *word_fields(fields)) if name in present]
    stale: list[dict[str, Any]] = []
    for row in store.arrival().each([ID, *dict.fromkeys(names)]):
        texts = row_texts(row, fields)
        key = words_key(texts)
        if key != row.get(WORDS_KEY):
            stale.append({ID: row[ID], WORDS: stored_words(texts), WORDS_KEY: key})
    schema = pa.schema([pa.field(name, pa.string()) for name in (ID, WORDS, WORDS_KEY)])
    for start in range(0, len(stale), _COMMIT_ROWS):
        store.merge(pa.Table.from_pylist(stale[start : start + _COMMIT_ROWS], schema=schema))
    return len(stale)
