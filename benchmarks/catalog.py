"""make bench-catalog: a large folder of pictures added, added again, and once more after a few changes.

For each size, from nothing, each step in a process of its own:

*first*     all pictures are new
*nothing*   the same folder once more
*changes*   100 pictures were replaced by others and 10 removed; removed rows are pruned

The pictures are `mosaics.py`'s: a megapixel each, all different, in folders of a thousand, and are deleted
afterwards. Before each step they are dropped from the page cache, so that they come from the disk.

*Touched* are the rows that the table tells apart before and after `changes`: gone, come, with another value
in any column (`_updated_at` is one), or at another place in its files. *Written* is what came to the
table's files. *Peak* is the process's highest resident size (VmHWM); children that it waited for count
beside it, where there are any.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import ROOT, RUNS, figure, peak_mib, write
from benchmarks.mosaics import Mosaics

SIZES = 10_000, 100_000
QUICK_SIZES = 120, 300
CHANGED, REMOVED = 100, 10
Rows = dict[str, tuple[Any, ...]]
"""What the table says of each row, by its id: every column but the id, and the row's address."""


def main() -> None:
    """Measure each size and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few hundred pictures of a quarter the size")
    parser.add_argument("--sizes", type=int, nargs="+", help="other sizes; nothing is written")
    parser.add_argument("--child", metavar="FOLDER", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(add(given.child)))
        return
    home = RUNS / ("catalog-quick" if given.quick else "catalog")
    mosaics = Mosaics(home / "cut", shrink=2 if given.quick else 1)
    rows: list[dict[str, Any]] = []
    for size in given.sizes or (QUICK_SIZES if given.quick else SIZES):
        rows += measure(home / str(size), size, mosaics)
    if not given.sizes:
        write("catalog", figures(rows), rows, quick=given.quick)


def measure(folder: Path, size: int, mosaics: Mosaics) -> list[dict[str, Any]]:
    """Make the pictures, take the three steps, delete all."""
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    photos = [mosaics.write(folder / "photos", number) for number in range(size)]
    made = {
        "making_s": round(time.perf_counter() - began, 1),
        "kb_a_picture": round(sum(path.stat().st_size for path in photos) / size / 1000),
    }
    rows = [step("first", size, folder, photos) | made | clusters(folder)]
    rows.append(step("nothing", size, folder, photos))
    chosen = range(0, size, size // (CHANGED + REMOVED))[: CHANGED + REMOVED]
    changed, removed = chosen[:CHANGED], chosen[CHANGED:]
    for number in changed:
        mosaics.write(folder / "photos", number, edition=1)
    for number in removed:
        photos[number].unlink()
    before, bytes_before = table(folder), table_bytes(folder)
    row = step("changes", size, folder, [path for path in photos if path.exists()])
    after = table(folder)
    touched = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    meant = {photos[number].name for number in [*changed, *removed]}
    rows.append(
        row
        | {
            "touched": len(touched),
            "touched_that_did_not_change": sum(Path(key).name not in meant for key in touched),
            "written_mib": round((table_bytes(folder) - bytes_before) / 2**20, 2),
        }
    )
    shutil.rmtree(folder)
    for one in rows:
        print(line(one), flush=True)
    return rows


def step(name: str, size: int, folder: Path, photos: list[Path]) -> dict[str, Any]:
    """Run one `add` in a new process, the pictures on the disk and not in memory."""
    os.sync()
    for path in photos:
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
    command = [sys.executable, "-m", "benchmarks.catalog", "--child", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{size} pictures, {name}: {done.stderr}")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"pictures": size, "step": name, "rows_per_s": round(size / row["seconds"], 1), **row}


def add(folder: Path) -> dict[str, Any]:
    """Add the pictures in `folder` and say what it took; this process does nothing else."""
    from openautoglm.workspace import Workspace

    began = time.perf_counter()
    report = Workspace.open(folder / "shop", create=True).add(folder / "photos", prune=True)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": round(seconds, 2),
        "processor_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_mib": peak_mib(),
        "children_peak_mib": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "report": str(report),
    }


def table(folder: Path) -> Rows:
    """Read all that the table says of its rows, and where they lie."""
    import lance

    dataset = lance.dataset(str(folder / "shop" / "items.lance"))
    read = dataset.to_table(with_row_address=True)
    ids = read["id"].to_pylist()
    columns = (read[name].to_pylist() for name in read.column_names if name != "id")
    plain = ([tuple(one) if isinstance(one, list) else one for one in column] for column in columns)
    return dict(zip(ids, zip(*plain, strict=True), strict=True))


def table_bytes(folder: Path) -> int:
    """Size of the table's files, those of older versions included: what is written only adds to it."""
    files = (folder / "shop" / "items.lance").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def clusters(folder: Path) -> dict[str, int]:
    """Count what the catalogue took for copies, which the pictures should not have."""
    import lance

    found = lance.dataset(str(folder / "shop" / "items.lance")).to_table(columns=["_near", "_image_hash"])
    near = found["_near"].drop_null()
    return {
        "different_files": len(found["_image_hash"].unique()),
        "near_copies": len(near),
        "clusters": len(near.unique()),
    }


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Pick the figures of the largest size, and the peak of the smallest."""
    sizes = sorted({row["pictures"] for row in rows})
    by = {(row["pictures"], row["step"]): row for row in rows}
    first, nothing, changes = (by[sizes[-1], name] for name in ("first", "nothing", "changes"))
    note = f"{sizes[-1]:,} JPEGs of {first['kb_a_picture']} kB from the disk"
    kept = f"highest resident size of the process; {first['pictures']:,} new pictures"
    small = by[sizes[0], "first"]
    others = changes["touched_that_did_not_change"]
    return {
        "rows_per_s": figure(first["rows_per_s"], "rows/s", note=f"{note}, all new"),
        "first_s": figure(first["seconds"], "s", note=f"{note}, all new"),
        "peak_mib": figure(first["peak_mib"], "MiB", note=kept),
        "peak_mib_10k": figure(small["peak_mib"], "MiB", note=f"the same, {small['pictures']:,} pictures"),
        "touched_after_change": figure(
            changes["touched"],
            "rows",
            note=f"{CHANGED} pictures replaced, {REMOVED} removed; {others} rows touched that neither was",
        ),
        "again_s": figure(changes["seconds"], "s", note=f"{CHANGED} pictures replaced, {REMOVED} removed"),
        "again_nothing_s": figure(nothing["seconds"], "s", note="the same folder once more"),
    }


def line(row: dict[str, Any]) -> str:
    """Return a row of the printed table."""
    told = f"{row['pictures']:>8,}  {row['step']:<9}{row['seconds']:>8.1f} s{row['rows_per_s']:>9,.0f} rows/s"
    told += f"{row['processor_s']:>8.1f} s of a core{row['peak_mib']:>7,} MiB   {row['report']}"
    if "touched" in row:
        told += f"; {row['touched']} rows touched, {row['written_mib']} MiB written"
    return told + (f"; {row['near_copies']} near copies" if "near_copies" in row else "")


if __name__ == "__main__":
    main()
