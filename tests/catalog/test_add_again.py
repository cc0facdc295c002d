"""`add` again, against its definition: any edit of a table is found, counted, and nothing else is touched."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from openautoglm.catalog.catalog import Catalog
from openautoglm.catalog.values import EMPTY

# A column of nothing but dashes and blanks is empty, and no text.
TITLE = st.text(min_size=1).filter(lambda text: text.strip().lower() not in EMPTY)
ROW = st.fixed_dictionaries({"title": TITLE, "price": st.none() | st.integers(0, 9)})
TABLE = st.dictionaries(st.sampled_from("abcdefgh"), ROW, min_size=1)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(TABLE, st.booleans()), min_size=2, max_size=4))
def test_any_sequence_of_tables(versions: list[tuple[dict[str, dict[str, object]], bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Catalog(Path(folder) / "shop", create=True)
        path = Path(folder) / "table.jsonl"
        have: dict[str, dict[str, object]] = {}
        for table, prune in versions:
            before = {row["id"]: row["_updated_at"] for row in shop.read(["id", "_updated_at"]).to_pylist()}
            path.write_text("".join(json.dumps({"id": key, **row}) + "\n" for key, row in table.items()))
            report = shop.add(path, prune=prune)

            stored = {key: {**row, "title": str(row["title"]).strip()} for key, row in table.items()}
            changed = {key for key in stored if key in have and stored[key] != have[key]}
            gone = have.keys() - stored.keys()
            assert (report.added, report.changed) == (len(stored.keys() - have.keys()), len(changed))
            assert (report.removed, report.gone) == ((len(gone), 0) if prune else (0, len(gone)))
            have = stored if prune else have | stored

            columns = [name for name in ("title", "price") if name in shop.fields]
            rows = {row["id"]: row for row in shop.read(["id", "_updated_at", *columns]).to_pylist()}
            assert rows.keys() == have.keys()
            for key, row in rows.items():
                assert (row["title"], row.get("price")) == (have[key]["title"], have[key]["price"])
                assert (row["_updated_at"] == before.get(key)) == (key in before and key not in changed)
