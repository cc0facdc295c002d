"""What is in a catalogue, counted: `autoglm show`.

A row *lacks* a modality when it has no picture, no text in any text field, or no value in any column.
*Exact duplicates* are rows whose picture's file has the same content as an earlier row's; *near copies*
hang together in clusters (`copies.py`), exact ones included. Languages are counted per text, by the field's
suffix or else its script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from openautoglm.catalog.language import field_language, guess_language
from openautoglm.catalog.printable import one_line, printable
from openautoglm.catalog.schema import SPLITS, Field
from openautoglm.catalog.store import Store

_FEW = 8
_SHOWN = 5
_REPEATS = 5
_LARGEST = 5
_BLOCK = 20_000


@dataclass(frozen=True)
class FieldSummary:
    """One field: how many rows lack it, how many different values, their range or the commonest ones."""

    name: str
    role: str
    type: str
    language: str | None
    missing: int
    distinct: int
    low: Any = None
    high: Any = None
    common: list[tuple[str, int]] = field(default_factory=list)

    def values(self) -> str:
        """What stands in the field, in a few words."""
        parts = [f"{self.distinct:,} different"] if self.low is None else [f"{self.low} to {self.high}"]
        parts += (
            [", ".join(f"{one_line(value)} {count:,}" for value, count in self.common[:_SHOWN])]
            if self.common
            else []
        )
        parts += [f"{self.missing:,} missing"] if self.missing else []
        return "; ".join(parts)


@dataclass(frozen=True)
class NearCopies:
    """Clusters of near copies: how many, rows in them, and the largest ones with their rows."""

    clusters: int
    rows: int
    straddling: int
    """Clusters in more than one split; only a user's own split column can cause it."""
    largest: list[tuple[str, int]]
    """Name (the id of the first row) and number of rows."""
    unseen: int
    """Rows whose pictures were never compared: an older version added them; the next `add` looks at them."""

    def __str__(self) -> str:
        clusters = "1 cluster" if self.clusters == 1 else f"{self.clusters:,} clusters"
        said = f"{self.rows:,} rows in {clusters} of copies and near copies"
        lines = [said if self.clusters else "none"]
        lines += [f"  {count:,} × {printable(name)}" for name, count in self.largest]
        if self.straddling:
            lines.append(f"  {self.straddling:,} clusters lie in more than one of your own splits")
        if self.unseen:
            lines.append(f"  {self.unseen:,} pictures were not compared yet; `autoglm add` does it")
        return f"\n{'':12}".join(lines)


@dataclass
class Summary:
    """The figures of `show`; `models` and `index` are filled by the workspace."""

    rows: int
    lacking: dict[str, int]
    """Rows without "image", "text", "columns"."""
    languages: dict[str, int]
    fields: list[FieldSummary]
    duplicates: int
    near: NearCopies
    splits: dict[str, int]
    straddling: int
    """Clusters in more than one split; only a user's own split column can cause it."""
    sources: dict[str, int]
    embedded: int
    models: list[dict[str, Any]] = field(default_factory=list)
    """Name and whether it is the default."""
    index: dict[str, int] | None = None
    """Rows with vectors, by the fingerprint of the model that made them."""
    nearest: list[str] = field(default_factory=list)
    """How the vectors are searched, a line each; exactly where it is empty."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON (dates as ISO text)."""
        plain: dict[str, Any] = _jsonable(asdict(self))
        return plain

    def __str__(self) -> str:
        lacking = ", ".join(f"{count:,} without {name}" for name, count in self.lacking.items() if count)
        lines = [
            f"{self.rows:,} rows: " + (_counts(self.sources) or "nothing was added yet"),
            f"lacking     {lacking or 'nothing'}",
            f"languages   {_counts(self.languages) or 'none'}",
            f"splits      {_counts(self.splits)}",
            f"copies      {self.duplicates:,} rows whose picture another row has too",
            f"near        {self.near}",
        ]
        if self.straddling:
            lines.append(f"            {self.straddling:,} groups lie in more than one of your own splits")
        if self.embedded:
            lines.append(f"embedded    {self.embedded:,} pictures are kept in the workspace")
        width = max((len(one.name) for one in self.fields), default=0)
        lines += [f"  {one.name:{width}}  {one.role:6}  {one.type:7}  {one.values()}" for one in self.fields]
        models = ", ".join(f"{one['name']}{' (default)' if one['default'] else ''}" for one in self.models)
        lines.append(f"models      {models or 'none yet; `autoglm fit` trains one'}")
        by_model = ", ".join(
            f"{rows:,} rows by model {name[:12]}" for name, rows in (self.index or {}).items()
        )
        lines.append(f"index       {by_model or 'none yet; `autoglm index` makes it'}")
        lines += [f"            {line}" for text in self.nearest for line in text.splitlines()]
        return "\n".join(lines)


def summarize(store: Store, fields: Mapping[str, Field]) -> Summary:
    """Count a table; reads a column or a few at a time."""
    own = store.scan(["_image_hash", "_image", "_split", "_cluster", "_source"])
    rows = own.num_rows
    texts = [one for one in fields.values() if one.role in ("text", "tags")]
    hashes = own["_image_hash"].drop_null()
    described = [_describe(store, one) for one in fields.values()]
    return Summary(
        rows=rows,
        lacking={
            "image": rows - len(hashes),
            "text": _lacking(store, [one.name for one in texts], rows),
            "columns": _lacking(store, [one.name for one in fields.values() if one.role == "column"], rows),
        },
        languages=_languages(store, [one for one in texts if one.type == "text"]),
        fields=described,
        duplicates=len(hashes) - len(pc.unique(hashes)),
        near=_near_copies(store),
        splits={split: _count(own["_split"], split) for split in SPLITS},
        straddling=_straddling(own),
        sources=dict(Counter(own["_source"].to_pylist())),
        embedded=store.count("_embedded"),
    )


def _describe(store: Store, one: Field) -> FieldSummary:
    column = store.scan([one.name])[one.name]
    present = column.drop_null()
    low = high = None
    common: list[tuple[str, int]] = []
    if one.type == "tags":
        present = pc.list_flatten(present)
    if one.type in ("integer", "number", "date", "time") and len(present):
        low, high = pc.min_max(present).as_py().values()
    distinct = len(pc.unique(present))
    if one.type in ("text", "boolean", "tags") and distinct * _REPEATS <= len(present):
        counted = pc.value_counts(present).to_pylist()
        counted.sort(key=lambda pair: (-pair["counts"], str(pair["values"])))
        common = [(str(pair["values"]), pair["counts"]) for pair in counted[:_FEW]]
    return FieldSummary(
        one.name, one.role, one.type, one.language, column.null_count, distinct, low, high, common
    )


def _lacking(store: Store, names: list[str], rows: int) -> int:
    if not names:
        return rows
    table = store.scan(names)
    missing = None
    for name in names:
        here = pc.is_null(table[name])
        missing = here if missing is None else pc.and_(missing, here)
    return int(pc.sum(missing).as_py() or 0)


def _languages(store: Store, fields: list[Field]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in fields:
        texts = store.scan([one.name])[one.name].drop_null()
        stated = field_language(one.name)
        if stated:
            counts[stated] += len(texts)
            continue
        for start in range(0, len(texts), _BLOCK):
            counts.update(guess_language(text) for text in texts.slice(start, _BLOCK).to_pylist())
    return {language: count for language, count in counts.most_common() if count}


def _near_copies(store: Store) -> NearCopies:
    pictures = "_image_hash IS NOT NULL"
    if not {"_phash", "_near"} <= set(store.dataset.schema.names):
        return NearCopies(0, 0, 0, [], store.count(pictures))
    own = store.scan(["_near", "_split"], "_near IS NOT NULL")
    counted = Counter(own["_near"].to_pylist())
    unseen = store.count(f"{pictures} AND _phash IS NULL")
    straddling = _straddling(own, "_near")
    return NearCopies(len(counted), own.num_rows, straddling, counted.most_common(_LARGEST), unseen)


def _straddling(own: pa.Table, cluster: str = "_cluster") -> int:
    pairs = own.group_by([cluster, "_split"]).aggregate([])
    return len(pairs) - len(pc.unique(pairs[cluster]))


def _count(column: pa.ChunkedArray, value: str) -> int:
    return int(pc.sum(pc.equal(column, value)).as_py() or 0)


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{printable(name)} {count:,}" for name, count in counted.items())


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
