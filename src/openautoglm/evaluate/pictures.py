"""What an evaluation shows: the best and the worst queries as contact sheets, and the two score heaps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from openautoglm.catalog.contact_sheet import Mark, Tile, draw_sheet
from openautoglm.evaluate.gallery import Gallery
from openautoglm.evaluate.measure import Pairs, Ranked
from openautoglm.evaluate.questions import FORWARD

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

_QUERIES = 6
_SHOWN = 5

_RIGHT, _WRONG, _INK, _GRID = "#3c9a6c", "#b9b4aa", "#22252a", "#eceae5"


def draw_queries(ranked: Ranked, gallery: Gallery, catalog: Catalog, folder: Path) -> list[str]:
    """Draw two sheets of a section: the queries answered by the widest margin, and the worst.

    A line of the sheet is the query, what it should have found, and the five it found first.
    """
    order = np.lexsort((-ranked.ranking.margin, ranked.ranking.best))
    count = min(_QUERIES, len(order))
    slug = ranked.section.direction.replace("→", "-to-")
    names = []
    for kind, chosen in (("best", order[:count]), ("worst", order[::-1][:count])):
        right = int((ranked.ranking.best[chosen] == 1).sum())
        title = (
            f"{kind.capitalize()} queries, {ranked.section.direction}\n"
            f"Each line: the query, its right answer, and the first {_SHOWN} found of "
            f"{ranked.section.gallery:,}. {right} of these {count} are right at once."
        )
        tiles = [tile for query in chosen for tile in _line(int(query), ranked, gallery, catalog)]
        columns = 2 + min(_SHOWN, ranked.ranking.top.shape[1])
        names.append(draw_sheet(tiles, folder / f"{slug}-{kind}.png", title=title, columns=columns).name)
    return names


def _line(query: int, ranked: Ranked, gallery: Gallery, catalog: Catalog) -> list[Tile]:
    from_text = ranked.section.direction == FORWARD
    rank = f"rank {ranked.ranking.best[query]:,}"
    right = ranked.question.relevant.of(query)
    top: NDArray[np.int64] = ranked.ranking.top[query][:_SHOWN]

    def tile(position: int, as_text: bool, mark: Mark | None, note: str) -> Tile:
        if as_text:
            return Tile(None, [gallery.captions[position], note], mark)
        image = catalog.load_image({"id": gallery.pictures[position]})
        return Tile(image, [line for line in (_caption(gallery, position), note) if line], mark)

    tiles = [
        tile(int(ranked.question.queries[query]), from_text, "query", "query"),
        tile(int(ranked.question.items[right[0]]), not from_text, None, f"wanted · {rank}"),
    ]
    for place, item in enumerate(top, 1):
        # What stands behind the right answer is no fault, and gets no mark.
        fault: Mark | None = "wrong" if place < ranked.ranking.best[query] else None
        mark: Mark | None = "right" if item in right else fault
        tiles.append(tile(int(ranked.question.items[item]), not from_text, mark, f"found {place}."))
    return tiles


def _caption(gallery: Gallery, picture: int) -> str:
    holders = np.flatnonzero(gallery.relevant.items == picture)
    if not len(holders):
        return ""
    return gallery.captions[int(np.searchsorted(gallery.relevant.starts, holders[0], side="right")) - 1]


def draw_similarity(pairs: Pairs, threshold: float | None, path: Path) -> str:
    """Draw the histogram of the cosines of right and of wrong pairs; return the file's name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), dpi=160, layout="constrained")
    axes = figure.subplots()
    both = np.concatenate([pairs.right, pairs.wrong])
    bins = np.linspace(both.min(), both.max() + 1e-6, 61).tolist()
    heaps: Sequence[tuple[str, NDArray[np.float32], str]] = (
        ("wrong pairs", pairs.wrong, _WRONG),
        ("right pairs", pairs.right, _RIGHT),
    )
    for name, scores, colour in heaps:
        if len(scores):
            weights = np.full(len(scores), 1 / len(scores))
            axes.hist(
                scores, bins, weights=weights, color=colour, alpha=0.75, label=f"{name} ({len(scores):,})"
            )
    if threshold is not None:
        axes.axvline(threshold, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
        left = threshold > (bins[0] + bins[-1]) / 2
        axes.text(
            threshold,
            0.97,
            f"  threshold {threshold:.2f}  ",
            transform=axes.get_xaxis_transform(),
            horizontalalignment="right" if left else "left",
            verticalalignment="top",
            fontsize=8,
            color=_INK,
        )
    axes.set_xlabel("cosine of caption and picture", color=_INK)
    axes.set_ylabel("share of pairs", color=_INK)
    axes.grid(axis="y", color=_GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path)
    return path.name
