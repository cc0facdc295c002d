"""The nearest vectors: exact while there are few rows, by an index of Lance whose recall was measured beyond.

    rows with vectors < EXACT_BELOW    every vector is compared; nothing is built
    else                               IVF_RQ: k-means lists of 1-bit codes; the best by code are compared
                                       again with their whole vectors (Gao and Long 2024, arXiv:2405.12497)

How many lists are read (`probes`) and how many candidates are compared again (`DEPTH · refine`) was measured
when the index was made (`nearest_build.py`).

What a search needs to know lies in the workspace as `cache/nearest.json`. Without it (deleted, another model
is at work, a page of an older commit) each search is exact, which is slow with many rows and never wrong.

The same list for every page: a search always asks for DEPTH rows, however few it returns, so the pages within
them are pieces of one list. Deeper ones are exact.

A filter's share s of the rows that pass is estimated in a few pieces of the table, and decides the way only,
never what is found:

    s ≥ MANY_PASS      the DEPTH / s nearest of all, of which those that pass are taken
    FEW_PASS rows      each of them is compared
    else               a search among those that pass, in 1 / √s times as many lists; Lance reads further ones
                       where these hold too few

When fewer come back than were asked for, all are compared. Which rows pass is told by the indices of the
columns where there are any (`scalar_indices.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from openautoglm.catalog.condition import all_of
from openautoglm.evaluate.encoding import Vectors
from openautoglm.search.vectors import made_by, without_picture

if TYPE_CHECKING:
    import lance


EXACT_BELOW = 20_000
"""Rows with vectors below which comparing all takes some ten milliseconds."""
FEW_PASS = (500, 2_000)
"""Rows passing a filter up to which they are compared one by one: a five-hundredth of all, within these."""
MANY_PASS = 0.5
"""Share of the rows passing a filter from which on the nearest of all are looked through."""
SURPLUS = 1.2
"""So many times the rows that should suffice are then asked for: the nearest may pass less often."""
_PIECES = 3
"""Fragments of the table, evenly spaced, in which the share that passes is counted."""
DEPTH = 100
"""Results that an index is asked for; those behind them are found by comparing all."""
ENOUGH = 0.99
"""Recall@10 below which the report warns."""
_FILE = "nearest.json"


@dataclass(frozen=True)
class Settings:
    """How one column of vectors is searched."""

    rows: int
    """Rows with vectors when the lists were made."""
    partitions: int
    probes: int
    refine: int
    recall: Mapping[str, float]
    """Recall@10 of queries by "picture" and by "text", which are neighbours of rows of this catalogue."""


@dataclass(frozen=True)
class Nearest:
    """How the catalogue is searched at one commit: `Nearest.of`, then `rows`."""

    dataset: lance.LanceDataset
    fingerprint: str
    columns: Mapping[str, Settings] = field(default_factory=dict)
    alone: int | None = None
    """Rows with texts and no picture's vector; None where that is not known."""
    whole: bool = False
    """Whether all vectors are known to be this model's."""

    @classmethod
    def of(cls, folder: Path, dataset: lance.LanceDataset, fingerprint: str) -> Nearest:
        """Read how to search `dataset`, which must have been opened before: then no other model wrote it."""
        kept = read(folder)
        if kept.get("fingerprint") != fingerprint or dataset.version < kept["version"]:
            return cls(dataset, fingerprint)
        columns = {name: Settings(**one) for name, one in kept["columns"].items()}
        return cls(dataset, fingerprint, columns, kept["alone"], True)

    def rows(
        self,
        column: str,
        vector: Vectors,
        k: int,
        *,
        columns: Sequence[str],
        where: str | None = None,
        alone: bool = False,
    ) -> pa.Table:
        """Find the `k` rows with vectors of this model that are nearest, best first.

        Args:
            column: of vectors.
            vector: (D,) the query.
            k: how many; fewer come only where fewer pass.
            columns: what to read of them; `_distance` (1 − cosine) is added.
            where: SQL condition that the rows must pass.
            alone: only rows without a picture's vector.

        Raises:
            ValueError, OSError: if `where` is no condition.
        """
        if alone and self.alone == 0:
            none = self.dataset._take_rows([], columns=list(columns))
            return none.append_column("_distance", pa.array([], pa.float32()))
        settings = self.columns.get(column)
        condition = all_of(without_picture(self.dataset.schema.names) if alone else None, where)
        if settings is not None and k <= DEPTH:
            found = self._by_index(settings, column, vector, k, columns, condition)
            if found is not None:
                return found
        own = None if self.whole else made_by(self.fingerprint)
        return ask(
            self.dataset, column, vector, k, columns, all_of(own, f"{column} IS NOT NULL", condition), None
        )

    def _by_index(
        self,
        settings: Settings,
        column: str,
        vector: Vectors,
        k: int,
        columns: Sequence[str],
        condition: str | None,
    ) -> pa.Table | None:
        """Search as the share that passes suggests; None where fewer than `k` were found, and may exist."""
        step = settings.probes, settings.refine
        if condition is not None:
            share = _share(self.dataset, condition)
            few = int(np.clip(settings.rows // 500, *FEW_PASS))
            if share >= MANY_PASS and share * settings.rows > few:
                depth = int(np.ceil(DEPTH * SURPLUS / share))
                found = ask(self.dataset, column, vector, DEPTH, columns, condition, step, after=depth)
                if found.num_rows == DEPTH:
                    return found.slice(0, k)
            passing = self.dataset.to_table(columns=[], filter=condition, with_row_id=True, limit=few + 1)[
                "_rowid"
            ]
            if len(passing) <= few:
                return self._among(column, vector, k, columns, passing)
            share = max(share, few / settings.rows)
            probes = int(np.ceil(settings.probes / np.sqrt(share)))
            step = min(probes, settings.partitions), settings.refine
        found = ask(self.dataset, column, vector, k, columns, condition, step)
        return found if found.num_rows == k else None

    def _among(
        self, column: str, vector: Vectors, k: int, columns: Sequence[str], passing: pa.ChunkedArray
    ) -> pa.Table:
        """Compare with each row that passes: Lance, asked for this, would read the vectors of all."""
        taken = self.dataset._take_rows(passing.to_pylist(), columns=[column])
        ids, vectors = matrix(taken.append_column("_rowid", passing), column)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
        distances = (1 - vectors @ vector / lengths).astype(np.float32)
        order = np.argsort(distances, kind="stable")[:k]
        rows = self.dataset._take_rows(ids[order].tolist(), columns=list(columns))
        return rows.append_column("_distance", pa.array(distances[order]))


def _share(dataset: lance.LanceDataset, condition: str) -> float:
    """Estimate the share of the rows that pass, by reading the condition's columns in some fragments."""
    every = dataset.get_fragments()
    some = every[:: max(1, -(-len(every) // _PIECES))]
    asked = dataset.scanner(
        columns=[], filter=condition, with_row_id=True, fragments=some, use_scalar_index=False
    )
    return float(asked.count_rows() / max(sum(one.count_rows() for one in some), 1))


def ask(
    dataset: lance.LanceDataset,
    column: str,
    vector: Vectors,
    k: int,
    columns: Sequence[str],
    condition: str | None,
    step: tuple[int, int] | None,
    *,
    after: int | None = None,
    with_row_id: bool = False,
) -> pa.Table:
    """Ask Lance for the nearest: by the index with `step` = (probes, refine), or exactly without.

    With `after`, the condition is put to the so many nearest of all, and fewer than `k` rows may come.
    """
    nearest: dict[str, Any] = {"column": column, "q": pa.array(vector, pa.float32()), "metric": "cosine"}
    if step is None:
        nearest |= {"k": k, "use_index": False}
    else:
        # The engine reads more lists by itself where a filter leaves too few rows in these.
        nearest |= {"k": after or max(k, DEPTH), "minimum_nprobes": step[0], "refine_factor": step[1]}
        if condition is None or after:
            nearest["maximum_nprobes"] = step[0]
    return dataset.to_table(
        columns=[*columns, "_distance"],
        filter=condition,
        nearest=nearest,
        prefilter=after is None,
        limit=k,
        with_row_id=with_row_id,
    )


def begin(folder: Path, fingerprint: str) -> None:
    """Tell searches that vectors are about to be written by the model of `fingerprint`."""
    kept = read(folder)
    if kept.get("fingerprint") != fingerprint:
        forget(folder)
    elif kept.get("alone") == 0:
        write(folder, kept | {"alone": None})


def forget(folder: Path) -> None:
    """Make searches exact until the next `build_nearest`."""
    with contextlib.suppress(FileNotFoundError):
        (folder / "cache" / _FILE).unlink()


def read(folder: Path) -> dict[str, Any]:
    """What `build_nearest` chose last; empty where searches are exact."""
    try:
        kept = json.loads((folder / "cache" / _FILE).read_text(encoding="utf-8"))
        whole = isinstance(kept, dict) and kept.keys() >= {"fingerprint", "version", "alone", "columns"}
    except (OSError, ValueError):
        return {}
    return kept if whole else {}


def described(folder: Path) -> list[str]:
    """Say for each indexed column how it is searched, in a line."""
    return [line(name, Settings(**one)) for name, one in read(folder).get("columns", {}).items()]


def line(column: str, settings: Settings) -> str:
    """Say how a column is searched, with a warning where that misses near rows."""
    recall = ", ".join(f"{value:.3f} by {kind}" for kind, value in settings.recall.items())
    name = column.strip("_").partition("_")[0]
    text = (
        f"{name} vectors: {settings.rows:,} rows in {settings.partitions:,} lists, {settings.probes} read, "
        f"{settings.refine * DEPTH} compared again; recall@10 {recall}"
    )
    low = min(settings.recall.values(), default=1.0) < ENOUGH
    return text + (f"\nwarning: recall@10 is under {ENOUGH}; some near rows are missed" if low else "")


def matrix(table: pa.Table, column: str) -> tuple[np.ndarray, Vectors]:
    """The ids (n,) and vectors (n, D) of the rows that have one."""
    there = table.filter(table[column].is_valid())
    flat = there[column].combine_chunks()
    size = table[column].type.list_size
    return there["_rowid"].to_numpy(), np.asarray(flat.flatten(), np.float32).reshape(-1, size)


def write(folder: Path, entry: Mapping[str, Any]) -> None:
    """Replace the file in one step; where it cannot be written, searches are exact."""
    path = folder / "cache" / _FILE
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(entry, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
