"""How well right pairs are told from wrong ones: by the matching head, and beside it by the cosine.

The same pairs are judged by both. Each caption stands with a picture that belongs to it and with one that
does not: a random one, or the hardest, which the cosine holds to be most alike. Only the latter are hard, and
the cosine is at its worst there, by choice of the pairs.

    accuracy, F1   by a threshold chosen on the validation split's pairs of the same kind
    AUROC          P(a right pair scores above a wrong one), which needs no threshold
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from openautoglm.catalog.threads import in_order
from openautoglm.evaluate import geometry
from openautoglm.evaluate.bootstrap import Figure, bootstrap
from openautoglm.evaluate.encoding import Prepares, Tell, Vectors
from openautoglm.evaluate.gallery import Gallery
from openautoglm.tasks import classification, matching

if TYPE_CHECKING:
    from openautoglm.catalog.catalog import Catalog

MOST_PAIRS = 10_000
"""Right pairs above which a random part of them is judged: the head passes its layers for each pair."""
KINDS = ("random", "hardest")
SCORERS = ("cosine", "head")


@runtime_checkable
class Matches(Protocol):
    """An encoder that can also judge pairs."""

    @property
    def matches(self) -> bool:
        """Whether it has learned to."""
        ...

    def match(
        self,
        images: Sequence[Any],
        texts: Sequence[str],
        pairs: Sequence[tuple[int, int]] | None = None,
        batch_size: int = 64,
    ) -> NDArray[np.floating]:
        """Probability of each pair."""
        ...


@dataclass(frozen=True)
class MatchSection:
    """The figures of one scorer on one kind of pairs."""

    wrong: str
    """Kind of the wrong pairs: "random" or "hardest"."""
    scorer: str
    """"cosine" or "head"."""
    pairs: int
    """Right and wrong ones."""
    threshold: float | None
    figures: dict[str, Figure] = field(default_factory=dict)
    """AUROC, and, where there is a threshold, accuracy and F1."""

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return {**self.__dict__, "figures": {name: one.as_dict() for name, one in self.figures.items()}}


class Scored(NamedTuple):
    """What one scorer gives the right pairs (n,) and the wrong ones (m,)."""

    right: NDArray[np.floating]
    wrong: NDArray[np.floating]


Scores = dict[tuple[str, str], Scored]
"""By kind of the wrong pairs and scorer."""


def score(
    model: Matches,
    catalog: Catalog,
    gallery: Gallery,
    pictures: Vectors,
    captions: Vectors,
    *,
    batch_size: int = 64,
    seed: int = 0,
    tell: Tell | None = None,
) -> Scores:
    """Let head and cosine judge the right pairs of a gallery, and as many wrong ones of each kind."""
    relevant = gallery.relevant
    texts = np.repeat(np.arange(len(gallery.captions)), relevant.counts)
    kept = np.arange(len(texts))
    if len(kept) > MOST_PAIRS:
        kept = np.sort(np.random.default_rng(seed).choice(kept, MOST_PAIRS, replace=False))
    partners = {
        "random": matching.wrong_partners(relevant, len(gallery.pictures), seed)[kept],
        "hardest": matching.hardest_partners(relevant, captions, pictures)[kept],
    }
    texts = texts[kept]
    sets = {"right": np.stack([relevant.items[kept], texts], axis=1)}
    for kind, others in partners.items():
        there = others >= 0
        sets[kind] = np.stack([others[there], texts[there]], axis=1)
    asked, places = np.unique(np.concatenate(list(sets.values())), axis=0, return_inverse=True)
    told: dict[str, NDArray[np.floating]] = {
        "cosine": geometry.pair_cosines(captions[asked[:, 1]], pictures[asked[:, 0]]),
        "head": _judged(model, catalog, gallery, asked, batch_size, tell),
    }
    ends = np.cumsum([len(one) for one in sets.values()])
    parts = dict(zip(sets, np.split(places, ends[:-1]), strict=True))
    return {
        (kind, scorer): Scored(told[scorer][parts["right"]], told[scorer][parts[kind]])
        for kind in KINDS
        for scorer in SCORERS
    }


def _judged(
    model: Matches,
    catalog: Catalog,
    gallery: Gallery,
    asked: NDArray[np.int64],
    batch_size: int,
    tell: Tell | None,
) -> NDArray[np.float64]:
    """The head's probability of each pair (picture, caption), which are in the order of the pictures.

    Of a video's frames it is the mean.
    """
    found = np.zeros(len(asked))
    wanted = np.unique(asked[:, 0])
    for start in range(0, len(wanted), batch_size):
        some = wanted[start : start + batch_size]
        first, last = np.searchsorted(asked[:, 0], [some[0], some[-1] + 1])
        frames = list(_frames(model, catalog, [gallery.pictures[place] for place in some]))
        begins = np.cumsum([0, *(len(one) for one in frames)])
        texts, text_rows = np.unique(asked[first:last, 1], return_inverse=True)
        own = np.searchsorted(some, asked[first:last, 0])
        counts = np.diff(begins)[own]
        pairs = [
            (begin + frame, text)
            for begin, count, text in zip(begins[own].tolist(), counts, text_rows.tolist(), strict=True)
            for frame in range(count)
        ]
        said = model.match(
            [image for one in frames for image in one],
            [gallery.captions[text] for text in texts],
            pairs,
            batch_size=batch_size,
        )
        found[first:last] = np.add.reduceat(said, np.cumsum([0, *counts[:-1]])) / counts
        if tell:
            tell("pairs", int(last), len(asked))
    return found


def _frames(model: Matches, catalog: Catalog, ids: Sequence[str]) -> Iterator[list[Any]]:
    def load(row: dict[str, Any]) -> list[Any]:
        if isinstance(model, Prepares):
            return [model.prepare(frame) for frame in catalog.load_frames(row, model.enough)]
        return list(catalog.load_frames(row))

    return in_order(load, catalog.read(["_image", "_image_bytes"], ids=ids).to_pylist())


def measure(scores: Scores, chosen_on: Scores, *, seed: int = 0) -> list[MatchSection]:
    """Measure each scorer on each kind of pairs, by thresholds chosen on others; without any, AUROC alone."""
    sections = []
    for (kind, scorer), (right, wrong) in scores.items():
        if not len(wrong):
            continue
        positive = np.repeat([True, False], [len(right), len(wrong)])
        auroc = classification.auroc(np.concatenate([right, wrong]).astype(np.float64), positive)
        figures = {} if auroc is None else {"AUROC": Figure(auroc, chance=0.5)}
        held = chosen_on.get((kind, scorer))
        threshold = None
        if held is not None and len(held.wrong):
            threshold = matching.choose_threshold(*held)
            verdicts = np.concatenate([right >= threshold, wrong < threshold])
            figures["accuracy"] = replace(bootstrap({"": (verdicts, "mean")}, seed=seed)[""], chance=0.5)
            figures["F1"] = Figure(matching.match(right, wrong, threshold).f1)
        sections.append(MatchSection(kind, scorer, len(positive), threshold, figures))
    return sections
