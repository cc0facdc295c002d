"""Write the table of fusion strategies into docs/fusion.md from the code, or check that it is current.

    src/openautoglm/fuse/NAME.py               "Choose it …", its formulas  ─┐
    STRATEGIES[NAME](dim=256, modalities=3)    its parameters, counted      ─┴─▶ the table of docs/fusion.md

`make docs` writes; `--check` (part of `make lint`) writes nothing and fails when the page differs.
"""

from __future__ import annotations

import re
import sys
from inspect import getmodule
from pathlib import Path

import torch

from openautoglm.fuse.fused import Strategy
from openautoglm.fuse.matched import parameters_of
from openautoglm.fuse.strategies import STRATEGIES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "fusion.md"
DIM, MODALITIES = 256, 3

_TABLE = re.compile(
    r"(<!-- strategies: written by tools/fusion_page.py -->\n).*?(<!-- /strategies -->)", re.DOTALL
)


def table() -> str:
    """A line a strategy."""
    lines = [
        "| name | choose it | formulas | reads | parameters |",
        "| --- | --- | --- | --- | --: |",
    ]
    for name, kind in STRATEGIES.items():
        with torch.device("meta"):  # shapes without numbers
            count = parameters_of(kind(DIM, MODALITIES))
        steps = "<br>".join(f"`{step}`" for step in formulas(kind))
        reads = "tokens" if kind.wants_tokens else "pooled vectors"
        lines.append(f"| `{name}` | {choice(kind)} | {steps} | {reads} | {count:,} |")
    return "\n".join(lines) + "\n"


def choice(kind: type[Strategy]) -> str:
    """When to choose it: the first sentence of the module's paragraph that says so, without its first words.

    >>> from openautoglm.fuse.mean_pool import MeanPool
    >>> choice(MeanPool)
    'as the baseline to beat, and where nothing is trained on the fused vector, since it has no weights.'
    """
    found = re.search(r"^Choose it (.+?[.;:])\s", _opening(kind), re.DOTALL | re.MULTILINE)
    if found is None:
        sys.exit(f"{kind.__module__}: its docstring does not say when to choose it; write 'Choose it …'")
    return " ".join(found[1].split()).rstrip(";:.") + "."


def formulas(kind: type[Strategy]) -> list[str]:
    """Its steps, without shapes and remarks.

    >>> from openautoglm.fuse.attention import Attention
    >>> formulas(Attention)
    ['e = tanh(Σ_m W_m h_m + b)', 'g = softmax over present of W_a e', 'fused = Σ_m g_m h_m']
    """
    found = re.findall(r"^    (\S+) +(= .+?)(?:,? {2,}.*)?$", _opening(kind), re.MULTILINE)
    if not found or found[-1][0] != "fused":
        sys.exit(f"{kind.__module__}: its docstring has no formulas that end with 'fused = …'")
    return [f"{name} {rest}" for name, rest in found]


def _opening(kind: type[Strategy]) -> str:
    return getattr(getmodule(kind), "__doc__", None) or ""


def page() -> str:
    """The page with its table as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    written, count = _TABLE.subn(lambda found: f"{found[1]}{table()}{found[2]}", text)
    if count != 1:
        sys.exit(f"docs/{PAGE.name} has {count} places for the table of strategies; it needs one")
    return written


def main() -> None:
    """Write, or with `--check` compare."""
    text = page()
    if PAGE.read_text(encoding="utf-8") == text:
        return
    if "--check" in sys.argv[1:]:
        sys.exit(f"docs/{PAGE.name} differs from src/openautoglm/fuse; run: make docs")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
