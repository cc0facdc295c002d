"""How every benchmark writes what it measured: one JSON file a name, with the machine and the commit.

The full form writes `benchmarks/results/NAME.json`, which is committed and from which README, docs and
model cards take their numbers; the small form (`--quick`) writes under `runs/`, so that a test can run
it without touching a committed figure.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
RUNS = ROOT / "runs"


def figure(
    value: float,
    unit: str,
    *,
    low: float | None = None,
    high: float | None = None,
    seeds: int | None = None,
    note: str = "",
) -> dict[str, Any]:
    """One measured number. `low` and `high` bound its 95 % interval, where there are repetitions."""
    entry = {"value": value, "low": low, "high": high, "seeds": seeds, "unit": unit, "note": note}
    return {key: part for key, part in entry.items() if part not in (None, "")}


def write(
    name: str,
    figures: Mapping[str, Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    *,
    quick: bool = False,
    command: str | None = None,
) -> Path:
    """Write the figures and every line of the printed table; returns the file's path.

    `command` is what makes them, where it is not `make bench-NAME`.
    """
    folder = RUNS / "results" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {
        "name": name,
        "command": (command or f"make bench-{name}") + (" QUICK=1" if quick else ""),
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "figures": figures,
        "rows": list(rows),
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {path.relative_to(ROOT)}")
    return path


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import torch

    cpu = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }


def peak_mib() -> int:
    """Highest resident size of this process, in MiB; `ru_maxrss` would count what its parent held, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024)


def _commit() -> str:
    """The commit that was measured; `+` when the tree held more than it."""
    try:
        head = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", str(ROOT), "status", "--porcelain", "--", "src", "benchmarks/*.py"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")
