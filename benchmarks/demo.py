"""make bench-demo: the demo as users run it, its figures kept."""

from __future__ import annotations

import sys

from examples.pictograms.demo import run

from benchmarks.figures import RUNS, figure, write


def main() -> None:
    """Run the demo and write its figures."""
    quick = "--quick" in sys.argv[1:]
    measured = run(RUNS / "bench-demo", quick=quick)
    write(
        "demo",
        {
            "r1_en": figure(
                measured["r1_en"], "fraction", seeds=1, note="text → picture, unseen house, 1,599 pictures"
            ),
            "r1_zh": figure(measured["r1_zh"], "fraction", seeds=1, note="the same, Chinese labels"),
            "minutes_all": figure(
                measured["minutes_all"], "minutes", seeds=1, note="from nothing to the sheets"
            ),
        },
        [measured],
        quick=quick,
    )


if __name__ == "__main__":
    main()
