"""The form that the fusion benchmark's two data sets share: image + text + columns → category.

    OUT/data.csv        id, image, texts, category, columns …, split, group     what `autoglm add` takes
    OUT/images/         one WebP a row
    OUT/PROVENANCE.md   from where, under which licence, by which rules, how many
    OUT/built.json      the key of what it was made from, and the summary

`once` makes a set, or finds it made from the same inputs by the same code. Neither an id, nor an image's
name, nor a column says the category. A text may, as a user's may: `naming` tells how often it does, by a word
of the category's name in any of its grammatical numbers.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import PIL

from benchmarks.grouped_splits import SHARES

TARGET = "category"
_WORD = re.compile(r"[^\W\d_]+")
_JOINING = {"and"}

Row = Mapping[str, float | str]


@dataclass(frozen=True)
class Fields:
    """What the table's fields are for."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    words: tuple[str, ...]
    """Columns of a few words each."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Numbers, then words."""
        return self.numbers + self.words


@dataclass(frozen=True)
class Summary:
    """What was made, and what was left out of it."""

    rows: int
    groups: int
    categories: dict[str, dict[str, int]]
    """Rows of each category in each split, the largest category first."""
    majority: float
    """Accuracy on the test split of always naming the category that is the commonest in training."""
    naming: dict[str, float]
    """For each text, the share of rows where it has a word of the category's name."""
    missing: dict[str, float]
    """For each text and column, the share of rows where it is empty."""
    dropped: dict[str, int]
    """How many were left out for each reason."""

    def __str__(self) -> str:
        lines = [f"{self.rows:,} rows in {self.groups:,} groups, {len(self.categories)} categories"]
        lines.append(f"{'':22}" + "".join(f"{split:>12}" for split in SHARES))
        for category, splits in self.categories.items():
            lines.append(f"{category:22}" + "".join(f"{splits.get(split, 0):12,}" for split in SHARES))
        lines.append(f"the commonest category: {self.majority:.3f} of the test rows")
        lines += [
            f"{text} names the category: {share:.3f} of the rows" for text, share in self.naming.items()
        ]
        lines += [f"{name} missing: {share:.3f}" for name, share in self.missing.items() if share]
        lines += [f"left out, {reason}: {times:,}" for reason, times in self.dropped.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class FusionData:
    """A data set that is there."""

    table: Path
    fields: Fields
    summary: Summary


def once(out: Path, key: str, fields: Fields, make: Callable[[Path], Summary]) -> FusionData:
    """Return the set in `out`, made by `make` unless it is there from the same `key`.

    Args:
        out: a folder outside the repository's tracked files; what an earlier build left in it goes.
        key: names inputs and code, as by `key_of`.
        fields: what the table has.
        make: writes `data.csv` and all beside it into the folder it gets.
    """
    record = out / "built.json"
    made = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    if made.get("key") == key and (out / "data.csv").is_file():
        return FusionData(out / "data.csv", fields, Summary(**made["summary"]))
    # Made aside: a build that is stopped must not pass for a whole one.
    aside = out.with_name(f"{out.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "images").mkdir(parents=True)
    summary = make(aside)
    content = json.dumps({"key": key, "summary": asdict(summary)}, indent=1)
    (aside / "built.json").write_text(content, encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    aside.rename(out)
    return FusionData(out / "data.csv", fields, summary)


def key_of(inputs: Sequence[Path], seed: int) -> str:
    """Digest of the files a set is made from (packages, and the code that makes it), Pillow and the seed."""
    digest = hashlib.sha256(f"{PIL.__version__} {seed}".encode())
    for path in [*inputs, Path(__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def write_table(rows: Sequence[Row], fields: Fields, dropped: Mapping[str, int], out: Path) -> Summary:
    """Write `rows` as `out`/data.csv and sum them up.

    Raises:
        ValueError: if there are no rows.
    """
    if not rows:
        raise ValueError(f"there is nothing to write into {out}: every row was left out ({dict(dropped)})")
    with (out / "data.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    categories = Counter(str(row[TARGET]) for row in rows)
    trained = Counter(str(row[TARGET]) for row in rows if row["split"] == "train")
    tested = Counter(str(row[TARGET]) for row in rows if row["split"] == "test")
    commonest = max(trained, key=lambda category: trained[category], default="")
    return Summary(
        rows=len(rows),
        groups=len({row["group"] for row in rows}),
        categories={
            category: dict(Counter(str(row["split"]) for row in rows if row[TARGET] == category))
            for category, _ in categories.most_common()
        },
        majority=tested[commonest] / max(1, tested.total()),
        naming={
            text: sum(names_category(str(row[text]), str(row[TARGET])) for row in rows) / len(rows)
            for text in fields.texts
        },
        missing={
            name: sum(row[name] == "" for row in rows) / len(rows) for name in fields.texts + fields.columns
        },
        dropped=dict(dropped),
    )


def names_category(text: str, category: str) -> bool:
    """Tell whether a text has a word of the category's name.

    >>> names_category("Road sign", "signs_and_symbols"), names_category("bread and butter", "food")
    (True, False)
    """
    return bool((_singulars(text) & _singulars(category)) - _JOINING)


def _singulars(text: str) -> set[str]:
    return {word.removesuffix("s") for word in _WORD.findall(text.casefold().replace("_", " "))}
