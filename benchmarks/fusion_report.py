"""What the fusion benchmark says of its runs: the table, the figures that have goals, the drawing.

Means are over seeds, intervals Student's at 95 %. Of the strategies that weigh (`GATED`), a data set's
*choice* is the one with the best mean accuracy under `corrupted` on the validation split; the goals' figures
are its.

    attention_minus_concat_corrupted   test accuracy under `corrupted`, the choice − concat, by seed
    attention_minus_plain_corrupted    the choice − `zero-filled plain`, a concat that never met corruption
    extra_params                       (the choice's parameters − concat's) / concat's, the strategies alone
    missing50_loss_ratio               (clean − `missing 50%`) of the choice over that of `zero-filled`; with
                                       `_plain` at its end, over that of `zero-filled plain`
    gate_spearman                      `apart` of the choice (fusion_gates.py)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.auto_weight import STUDENT
from benchmarks.figures import ROOT, figure
from benchmarks.fusion_conditions import CLEAN_NAME, LEVELS, RATES, at_level
from benchmarks.fusion_training import GATED, PLAIN, TREES, ZERO
from openautoglm.encoders.batch import MODALITIES

CORRUPTED, MISSING = "corrupted", "missing 50%"
SHOWN = (CLEAN_NAME, CORRUPTED, "all mixed", "missing 25%", MISSING, "missing 75%")
"""The conditions of the printed table; the JSON has all of them."""
COLOURS = [f"C{number}" for number in range(10)] + ["black", "olive", "navy"]

Run = Mapping[str, Mapping[str, Any]]
"""By method, what `Learned` holds."""


def told(values: Sequence[float], note: str, unit: str = "fraction") -> dict[str, Any]:
    """A figure of one number a seed; without an interval where there is one seed."""
    mean = fmean(values)
    if len(values) < 2:
        return figure(round(mean, 4), unit, seeds=1, note=note)
    half = STUDENT[len(values)] * stdev(values) / math.sqrt(len(values))
    return figure(round(mean, 4), unit, low=round(mean - half, 4), high=round(mean + half, 4),
                  seeds=len(values), note=note)  # fmt: skip


def ratio(over: Sequence[float], under: Sequence[float], note: str) -> dict[str, Any]:
    """Ratio of two means of one number a seed; the interval leaves out each seed in turn (jackknife).

    >>> ratio([1.0, 1.0], [2.0, 2.0], "")["value"]
    0.5
    """
    whole, count = sum(over) / sum(under), len(over)
    if count < 2 or min(sum(under) - one for one in under) <= 0:
        return figure(round(whole, 4), "ratio", seeds=count, note=note)
    left = [(sum(over) - a) / (sum(under) - b) for a, b in zip(over, under, strict=True)]
    half = STUDENT[count] * math.sqrt((count - 1) / count * sum((one - fmean(left)) ** 2 for one in left))
    return figure(round(whole, 4), "ratio", low=round(whole - half, 4), high=round(whole + half, 4),
                  seeds=count, note=note)  # fmt: skip


def choice(runs: Sequence[Run]) -> str:
    """The strategy that validation prefers among those that weigh."""
    return max(GATED, key=lambda name: fmean(run[name]["validation"][CORRUPTED] for run in runs))


def rows(data: str, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A line for each method and condition."""
    found = []
    for method, learned in runs[0].items():
        for condition in learned["test"]:
            one = told([run[method]["test"][condition] for run in runs], "")
            line = {"data": data, "method": method, "condition": condition, "accuracy": one["value"]}
            line |= {side: one[side] for side in ("low", "high") if side in one}
            line["parameters"] = learned["parameters"]
            found.append(line)
    return found


def print_table(data: str, runs: Sequence[Run]) -> None:
    """Accuracy on the test split, half of the interval behind it, and how gates follow."""
    print(f"\n{data}, test accuracy, {len(runs)} seeds")
    print(f"{'':18}{'params':>7}" + "".join(f"{name:>16}" for name in SHOWN) + "   ρ apart joint within")
    for method, learned in runs[0].items():
        cells = []
        for name in SHOWN:
            one = told([run[method]["test"][name] for run in runs], "")
            half = f" ± {one['high'] - one['value']:.3f}" if "high" in one else ""
            cells.append(f"{one['value']:.3f}{half}")
        gates = [run[method]["gates"] for run in runs]
        followed = [
            f"{fmean(one[key]['mean'] for one in gates):6.2f}" if gates[0].get(key) else f"{'–':>6}"
            for key in ("apart", "joint", "within")
        ]
        parameters = learned["parameters"] or "–"
        print(f"{method:18}{parameters:>7}" + "".join(f"{cell:>16}" for cell in cells) + "  ", *followed)


def figures(data: str, runs: Sequence[Run], prefix: str) -> dict[str, Any]:
    """The figures that have goals, and each method's accuracy; `prefix` stands before every key."""
    chosen = choice(runs)
    ours, concat = ([run[name] for run in runs] for name in (chosen, "concat"))
    gap = [a["test"][CORRUPTED] - b["test"][CORRUPTED] for a, b in zip(ours, concat, strict=True)]
    plain = [a["test"][CORRUPTED] - run[PLAIN]["test"][CORRUPTED] for a, run in zip(ours, runs, strict=True)]
    lost = [one["test"][CLEAN_NAME] - one["test"][MISSING] for one in ours]
    extra = ours[0]["parameters"] / concat[0]["parameters"] - 1
    note = f"{data}; {chosen}, which validation chose among {' and '.join(GATED)}"
    found = {
        "attention_minus_concat_corrupted": told(gap, f"{note}: test accuracy, corrupted, minus concat's"),
        "attention_minus_plain_corrupted": told(plain, f"{note}: the same, minus that of {PLAIN}"),
        "extra_params": figure(
            round(extra, 4), "fraction", note=f"{note}: its parameters over concat's, minus 1"
        ),
        "missing50_loss": told(lost, f"{note}: clean minus {MISSING}"),
        "extra_params_worst": figure(
            round(max(abs(one["parameters"] / concat[0]["parameters"] - 1)
                      for name, one in runs[0].items() if name != TREES), 4),
            "fraction", note=f"{data}; largest difference of any strategy's parameters from concat's",
        ),
    }  # fmt: skip
    for name, end in ((ZERO, ""), (PLAIN, "_plain")):
        theirs = [run[name]["test"][CLEAN_NAME] - run[name]["test"][MISSING] for run in runs]
        found[f"missing50_loss_zero{end}"] = told(theirs, f"{data}; {name}: clean minus {MISSING}")
        if sum(theirs) > 0:
            said = f"{note}: clean minus {MISSING}, over that of {name}"
            found[f"missing50_loss_ratio{end}"] = ratio(lost, theirs, said)
    for key, name in (
        ("gate_spearman", "apart"),
        ("gate_spearman_joint", "joint"),
        ("gate_spearman_within", "within"),
    ):
        found[key] = told([one["gates"][name]["mean"] for one in ours], f"{note}: {name}", "Spearman's ρ")
    for method in runs[0]:
        for condition, short in ((CLEAN_NAME, "clean"), (CORRUPTED, "corrupted"), (MISSING, "missing50")):
            key = f"{method}_{short}".replace(" ", "_").replace("-", "_")
            found[key] = told([run[method]["test"][condition] for run in runs], f"{data}: test accuracy")
    return {prefix + key: value for key, value in found.items()}


def draw(results: Mapping[str, Sequence[Run]], path: Path) -> None:
    """A line of three for each data set: accuracy over missing, over corruption; gates over reliability."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    page = Figure(figsize=(15, 4.6 * len(results)), layout="constrained")
    FigureCanvasAgg(page)
    axes = page.subplots(len(results), 3, squeeze=False)
    missing = {0.0: [CLEAN_NAME], **{rate: [f"missing {rate:.0%}"] for rate in RATES}}
    levels = {0.0: [CLEAN_NAME], **{at: [at_level(name, at) for name in MODALITIES] for at in LEVELS}}
    for (data, runs), (left, middle, right) in zip(results.items(), axes, strict=True):
        methods = [method for method in runs[0] if not method.startswith("only ")]
        for number, method in enumerate(methods):
            style = ":" if method in (ZERO, PLAIN, TREES) else "-"
            for axis, points in ((left, missing), (middle, levels)):
                y = [
                    fmean(run[method]["test"][key] for run in runs for key in keys)
                    for keys in points.values()
                ]
                axis.plot(list(points), y, linestyle=style, marker=".", color=COLOURS[number], label=method)
        left.set(title=f"{data}: modalities missing", xlabel="missing rate", ylabel="test accuracy")
        left.legend(fontsize="x-small", ncols=2, loc="lower left")
        middle.set(title="one modality corrupted, mean of the three", xlabel="strength")
        for method, style in zip(GATED, ("-", "--"), strict=True):
            for number, name in enumerate(MODALITIES):
                curves = [run[method]["gates"]["curve"][name] for run in runs]
                y = [fmean(point) for point in zip(*curves, strict=True)]
                x = [1 - at for at in (0.0, *LEVELS)]
                right.plot(x, y, f"{style}o", color=COLOURS[number], label=f"{method}, {name}")
        right.set(title="mean gate of the one that is corrupted", ylim=(0, None))
        right.set_xlabel("reliability, 1 − strength")
        right.legend(fontsize="x-small", loc="lower right")
        for axis in (left, middle, right):
            axis.grid(alpha=0.3)
    page.savefig(path, format="png", dpi=100)
    print(f"drawn: {path.relative_to(ROOT)}")
