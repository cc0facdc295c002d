"""What a list of scores looks like where its relevant rows end, learned from the validation split.

Each text of the validation rows is asked for; relevant are the rows that have it. The list is taken twice:

    present    as it is                               → the cut with the best F1 (softmax over the places,
                                                        expected F1 as the objective)
    absent     without the query's relevant rows      → told from the present ones by logistic regression,
                                                        at the threshold that lets FALSE_FOUND of them pass

Half of the texts teach, the other half sets the threshold and measures (`Check`). What is learned are some
thirty numbers (`relevance.py`), so a few hundred texts are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openautoglm.catalog.values import to_tags
from openautoglm.evaluate.encoding import Encoder, Vectors
from openautoglm.search.background import Background
from openautoglm.search.relevance import DEPTH, End, forget, heads, places
from openautoglm.search.vectors import IMAGE, made_by

if TYPE_CHECKING:
    import torch

    from openautoglm.catalog.catalog import Catalog

FALSE_FOUND = 0.05
"""Share of the queries for absent things that are let through."""
TEXTS = 1000
"""Asked for at most."""
FEW = 100
"""Texts, and pictures, below which nothing is learned."""
_STEPS, _RATE, _DECAY = 600, 0.02, 1e-4


@dataclass(frozen=True)
class Check:
    """How good an end is, on texts that it was not learned from."""

    texts: int
    precision: float
    """Of the rows that are said to match those that do, over the lists that are said to match at all."""
    recall: float
    """Of the rows that match those that are said to, over the same lists."""
    f1_of_best: float
    """Their F1, as part of the best that a cut of each list can have."""
    false_nothing: float
    """Part of the texts for which there is a row, and "nothing matches" is said."""
    false_found: float
    """Part of them for which something is said to match when their rows are hidden."""

    def __str__(self) -> str:
        return (
            f"end of relevance from {self.texts:,} validation texts, on as many others: precision "
            f"{self.precision:.2f}, recall {self.recall:.2f}; says nothing matches for "
            f"{self.false_nothing:.0%} that are there, finds {self.false_found:.0%} that are not"
        )


@dataclass(frozen=True)
class Lists:
    """The best pictures for Q queries."""

    scores: Vectors
    """(Q, n) cosines, best first."""
    relevant: NDArray[np.bool_]
    """(Q, n)"""
    counts: NDArray[np.int64]
    """(Q,) relevant rows in the whole catalogue."""
    mean: Vectors
    spread: Vectors

    def __getitem__(self, some: slice) -> Lists:
        return Lists(*(getattr(self, name)[some] for name in self.__dataclass_fields__))

    def f1(self) -> NDArray[np.float64]:
        """(Q, n) F1 of the cut behind each place."""
        hits = np.cumsum(self.relevant, axis=1)
        found: NDArray[np.float64] = 2 * hits / (np.arange(1, hits.shape[1] + 1) + self.counts[:, None])
        return found


def build_relevance(model: Encoder, catalog: Catalog, *, renew: bool) -> Check | None:
    """Learn where relevance ends, and keep it in the workspace; None where too little is there to learn from.

    Args:
        model: made the vectors of the index.
        catalog: whose validation rows' texts are asked for.
        renew: learn anew even where it was learned.
    """
    fingerprint = model.fingerprint()
    kept = End.read(catalog.folder, fingerprint)
    if kept is not None and not renew:
        return Check(**kept.checked)  # type: ignore[arg-type]
    both = lists_of(model, catalog)
    if both is None:
        forget(catalog.folder)
        return None
    end, check = learn(*both)
    end.save(catalog.folder, fingerprint)
    return check


def lists_of(model: Encoder, catalog: Catalog) -> tuple[Lists, Lists] | None:
    """Ask for the validation rows' texts: the lists as they are, and without the relevant rows."""
    if IMAGE not in catalog.dataset.schema.names:
        return None
    own = f"{made_by(model.fingerprint())} AND {IMAGE} IS NOT NULL"
    asked = _texts(catalog, own)
    if len(asked) < FEW or catalog.count(own) < FEW + DEPTH:
        return None
    order = np.random.default_rng(0).permutation(len(asked))[:TEXTS]
    names = {asked[place].casefold(): number for number, place in enumerate(order)}
    queries = model.encode(texts=[asked[place] for place in order])

    best = [np.full((len(names), DEPTH), -np.inf, np.float32) for _ in range(2)]
    right = np.zeros((len(names), DEPTH), bool)
    counts = np.zeros(len(names), np.int64)
    for batch in catalog.dataset.to_batches(columns=[IMAGE, *_roles(catalog)], filter=own):
        vectors = np.asarray(batch[IMAGE].flatten(), np.float32).reshape(-1, queries.shape[1])
        scores = queries @ vectors.T
        here = np.zeros(scores.shape, bool)
        for row, texts in enumerate(_said(catalog, pa.Table.from_batches([batch]))):
            for text in texts:
                if (number := names.get(text.casefold())) is not None:
                    here[number, row] = True
        counts += here.sum(axis=1)
        best[0], right = _top(np.hstack([best[0], scores]), np.hstack([right, here]))
        best[1], _ = _top(np.hstack([best[1], np.where(here, -np.inf, scores)]), None)
    background = Background.of(catalog, model.fingerprint())
    judged = np.array([background.judge(query) for query in queries], np.float32)
    # A text whose hidden list is short would teach the catalogue's size.
    long = np.isfinite(best[1]).all(axis=1)
    rest = (judged[long, 0], judged[long, 1])
    present = Lists(best[0][long], right[long], counts[long], *rest)
    absent = Lists(best[1][long], np.zeros_like(right[long]), 0 * counts[long], *rest)
    return (present, absent) if len(counts[long]) >= FEW else None


def learn(present: Lists, absent: Lists) -> tuple[End, Check]:
    """Fit both parts on the even lists; set the threshold and measure on the odd ones."""
    teach, hold = slice(0, None, 2), slice(1, None, 2)
    cut = _fit_cut(present[teach])
    found = _fit_found(present[teach], absent[teach])
    passing = _heads(absent[hold]) @ found[:-1] + found[-1]
    found[-1] -= np.quantile(passing, 1 - FALSE_FOUND)
    end = End(tuple(cut.tolist()), tuple(found.tolist()), {})
    check = measured(end, present[hold], absent[hold])
    return End(end.cut, end.found, asdict(check)), check


def measured(end: End, present: Lists, absent: Lists) -> Check:
    """Hold an end against lists whose relevant rows are known."""
    ends = np.array([_end(end, present, place) for place in range(len(present.counts))])
    found = np.flatnonzero(ends)
    hits = np.array([present.relevant[place, : ends[place]].sum() for place in found])
    f1 = present.f1()
    best = f1[found].max(axis=1, initial=0).sum()
    return Check(
        texts=len(ends),
        precision=float(np.mean(hits / ends[found])) if len(found) else 0.0,
        recall=float(np.mean(hits / np.maximum(present.counts[found], 1))) if len(found) else 0.0,
        f1_of_best=float(f1[found, ends[found] - 1].sum() / best) if best else 0.0,
        false_nothing=float(np.mean(ends == 0)),
        false_found=float(np.mean([_end(end, absent, place) > 0 for place in range(len(absent.counts))])),
    )


def _end(end: End, lists: Lists, place: int) -> int:
    return end.of(lists.scores[place], float(lists.mean[place]), float(lists.spread[place]))


def _roles(catalog: Catalog) -> dict[str, str]:
    return {name: one.role for name, one in catalog.fields.items() if one.role in ("text", "tags")}


def _texts(catalog: Catalog, own: str) -> list[str]:
    """The different texts of the validation rows, in a fixed order."""
    condition = f"{own} AND _split = 'validation'"
    table = catalog.dataset.to_table(columns=list(_roles(catalog)), filter=condition)
    found = {text.casefold(): text for texts in _said(catalog, table) for text in reversed(texts)}
    return [found[key] for key in sorted(found)]


def _said(catalog: Catalog, table: pa.Table) -> Iterator[list[str]]:
    """Each row's texts and single tags."""
    roles = _roles(catalog)
    for row in table.select(list(roles)).to_pylist():
        said = []
        for name, value in row.items():
            parts = to_tags(value) if roles[name] == "tags" and value else [value]
            said += [text for part in parts or () if part and (text := part.strip())]
        yield said


def _top(scores: Vectors, right: NDArray[np.bool_] | None) -> tuple[Vectors, NDArray[np.bool_]]:
    """Keep the DEPTH best of each list, best first."""
    order = np.argpartition(-scores, DEPTH - 1, axis=1)[:, :DEPTH]
    inner = np.argsort(-np.take_along_axis(scores, order, 1), axis=1, kind="stable")
    order = np.take_along_axis(order, inner, 1)
    kept = np.zeros(order.shape, bool) if right is None else np.take_along_axis(right, order, 1)
    return np.take_along_axis(scores, order, 1), kept


def _places(lists: Lists) -> NDArray[np.float64]:
    return places(lists.scores, lists.mean, lists.spread)


def _heads(lists: Lists) -> NDArray[np.float64]:
    return heads(lists.scores, lists.mean, lists.spread)


def _fit_cut(present: Lists) -> NDArray[np.float64]:
    import torch

    gain = torch.tensor(present.f1(), dtype=torch.float32)

    def loss(values: torch.Tensor) -> torch.Tensor:
        return -(torch.softmax(torch.cumsum(values, 1), 1) * gain).sum(1).mean()

    return _fitted(_places(present), loss)


def _fit_found(present: Lists, absent: Lists) -> NDArray[np.float64]:
    import torch

    both = np.concatenate([_heads(present), _heads(absent)])
    truth = torch.tensor([1.0] * len(present.counts) + [0.0] * len(absent.counts))
    return _fitted(both, lambda values: torch.nn.functional.binary_cross_entropy_with_logits(values, truth))


def _fitted(
    features: NDArray[np.float64], loss: Callable[[torch.Tensor], torch.Tensor]
) -> NDArray[np.float64]:
    """Find the weights (F + 1,), the last for 1, of features (…, F) that make the loss small."""
    import torch

    flat = features.reshape(-1, features.shape[-1])
    middle, scale = flat.mean(axis=0), flat.std(axis=0) + 1e-6
    given = torch.tensor((features - middle) / scale, dtype=torch.float32)
    weights = torch.zeros(features.shape[-1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([weights, bias], lr=_RATE, weight_decay=_DECAY)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        loss(given @ weights + bias).backward()
        optimizer.step()
    found = weights.detach().numpy().astype(np.float64) / scale
    return np.append(found, float(bias.detach()[0]) - found @ middle)
