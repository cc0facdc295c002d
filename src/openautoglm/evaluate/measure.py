"""Vectors of a gallery → figures: retrieval both ways, pairs, and the shape of the space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openautoglm.evaluate import geometry
from openautoglm.evaluate.bootstrap import Figure, Statistic, bootstrap
from openautoglm.evaluate.encoding import Vectors
from openautoglm.evaluate.gallery import Gallery
from openautoglm.evaluate.questions import FORWARD, Direction, Question, questions
from openautoglm.tasks import matching, retrieval
from openautoglm.tasks.retrieval import Ranking


@dataclass(frozen=True)
class Section:
    """Retrieval in one direction, over the captions of one field, one language, or all."""

    kind: str
    """"all", "field" or "language"."""
    name: str
    """Of the field or the language."""
    direction: Direction
    queries: int
    gallery: int
    relevant: float
    """Mean number of right items a query."""
    figures: dict[str, Figure] = field(default_factory=dict)
    """recall@1, recall@5, recall@10, median rank, mAP."""

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        figures = {name: figure.as_dict() for name, figure in self.figures.items()}
        return {**self.__dict__, "figures": figures}


class Ranked(NamedTuple):
    """A section with what its pictures are drawn from."""

    section: Section
    question: Question
    ranking: Ranking


def measure_retrieval(
    gallery: Gallery,
    pictures: Vectors,
    captions: Vectors,
    *,
    seed: int = 0,
    only: tuple[str, str] | None = None,
) -> Iterator[Ranked]:
    """Measure every question that can be asked of the gallery, or those of `only` some captions."""
    for asked in questions(gallery, only):
        left, right = (captions, pictures) if asked.direction == FORWARD else (pictures, captions)
        ranking = retrieval.rank(left[asked.queries], right[asked.items], asked.relevant)
        counts, size = asked.relevant.counts, len(asked.items)
        section = Section(
            asked.kind,
            asked.name,
            asked.direction,
            len(asked.queries),
            size,
            float(counts.mean()),
            _figures(ranking, counts, size, seed),
        )
        yield Ranked(section, asked, ranking)


def _figures(ranking: Ranking, counts: NDArray[np.int64], size: int, seed: int) -> dict[str, Figure]:
    columns: dict[str, tuple[NDArray[Any], Statistic]] = {
        f"recall@{k}": (ranking.best <= k, "mean") for k in retrieval.RECALL_AT
    }
    columns["median rank"] = (ranking.best, "median")
    columns["mAP"] = (ranking.average_precision, "mean")
    chance = {f"recall@{k}": retrieval.chance_recall(size, counts, k) for k in retrieval.RECALL_AT}
    chance["median rank"] = retrieval.chance_median_rank(size, counts)
    chance["mAP"] = retrieval.chance_average_precision(size, counts)
    figures = bootstrap(columns, seed=seed)
    return {name: replace(figure, chance=float(chance[name])) for name, figure in figures.items()}


class Pairs(NamedTuple):
    """Cosines of captions with pictures."""

    right: NDArray[np.float32]
    """(n,) of those that belong together."""
    wrong: NDArray[np.float32]
    """(m,) one random other picture for each of them, where there is one."""


def score_pairs(gallery: Gallery, pictures: Vectors, captions: Vectors, *, seed: int = 0) -> Pairs:
    """Compute the cosine of every right pair, and of as many wrong ones."""
    texts = np.repeat(np.arange(len(gallery.captions)), gallery.relevant.counts)
    others = matching.wrong_partners(gallery.relevant, len(gallery.pictures), seed)
    some = others >= 0
    return Pairs(
        geometry.pair_cosines(captions[texts], pictures[gallery.relevant.items]),
        geometry.pair_cosines(captions[texts[some]], pictures[others[some]]),
    )


def measure_pairs(pairs: Pairs, threshold: float | None, *, seed: int = 0) -> dict[str, Figure]:
    """Measure cosine and alignment of the right pairs; accuracy and F1 where there is a threshold."""
    columns: dict[str, tuple[NDArray[Any], Statistic]] = {
        "mean cosine": (pairs.right, "mean"),
        "alignment": (geometry.squared_distances(pairs.right), "mean"),
    }
    figures = bootstrap(columns, seed=seed)
    if threshold is not None and len(pairs.wrong):
        matched = matching.match(pairs.right, pairs.wrong, threshold)
        verdicts = np.concatenate([pairs.right >= threshold, pairs.wrong < threshold])
        figures["accuracy"] = replace(bootstrap({"": (verdicts, "mean")}, seed=seed)[""], chance=0.5)
        figures["F1"] = Figure(matched.f1)
    return figures


def measure_space(pictures: Vectors, captions: Vectors, *, seed: int = 0) -> dict[str, Figure]:
    """Measure the uniformity of either side; left out where there are fewer than two vectors."""
    sides = {"uniformity of pictures": pictures, "uniformity of captions": captions}
    return {name: Figure(geometry.uniformity(side, seed)) for name, side in sides.items() if len(side) > 1}
