"""What an `add` did: the counts, what was skipped and why, and the roles that were used."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from openautoglm.catalog.errors import writing_file
from openautoglm.catalog.printable import printable
from openautoglm.catalog.schema import Roles


class Skipped(NamedTuple):
    """A picture, a cell or a row that could not be used.

    `row` is the line in a CSV or JSONL file and the number of the row (from 1) in a Parquet file or in the
    answer to a query; None for a picture of a folder. `field` and `path` are None where they do not apply,
    `id` where no column names the rows.
    """

    source: str
    row: int | None
    field: str | None
    path: str | None
    reason: str
    id: str | None = None

    def __str__(self) -> str:
        line, row = (f"line {self.row}" if self.row else ""), (f"id {self.id}" if self.id else "")
        where = [self.source, line, row, self.field or "", self.path or ""]
        return printable(f"{', '.join(part for part in where if part)}: {self.reason}")


class Progress(NamedTuple):
    """Where an `add` stands: `done` of `total` rows of this source; `total` is 0 while they are counted."""

    source: str
    done: int
    total: int
    skipped: int


OnProgress = Callable[[Progress], None]


@dataclass
class AddReport:
    """Counts of rows, and lists.

    `gone` rows are no longer in their source but kept: `prune` would have removed them.
    `inferred` holds the roles used for each table, given and inferred; `notes` what a user should know.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    gone: int = 0
    read: int = 0
    """Pictures whose words were read."""
    skipped: list[Skipped] = field(default_factory=list)
    inferred: dict[str, Roles] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Known sources that could not be read, and why."""

    def __str__(self) -> str:
        counts = [f"+{self.added} ~{self.changed} −{self.removed}"]
        if self.skipped:
            counts.append(f"{len(self.skipped)} skipped")
        if self.left_out:
            counts.append(f"{len(self.left_out)} source{'s' * (len(self.left_out) > 1)} left out")
        return ", ".join(counts)

    def write_errors(self, path: Path) -> None:
        """Write the skipped list as CSV (`--errors file.csv`)."""
        # What stands for a byte that is not UTF-8 in a name is written out.
        with (
            writing_file(path),
            path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(Skipped._fields)
            writer.writerows(self.skipped)
