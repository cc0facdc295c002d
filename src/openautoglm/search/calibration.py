"""What a list of scores looks like where its relevant rows end, learned from the validation split.

Each text of the validation rows is asked for; relevant are the rows that have it. The list is taken twice:

    present    as it is                               → the cut with the best F1 (softmax over the places,
                                                        expected F1 as the objective)
    absent     without the query's relevant rows      → told from the present ones by logistic regression,
                                                        at a threshold that lets FALSE_FOUND of them pass
                                                        at most

Half of the texts teach, the other half sets the threshold and measures (`Check`); then all of them teach the
cut anew. What is learned are a few hundred numbers (`relevance.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openautoglm.catalog.values import to_tags
from openautoglm.evaluate.encoding import Encoder, Vectors
from openautoglm.search.background import Background
from openautoglm.search.relevance import DEPTH, End, forget, heads, likeness, places
from openautoglm.search.vectors import IMAGE, made_by

if TYPE_CHECKING:
    import torch

    from openautoglm.catalog.catalog import Catalog

FALSE_FOUND = 0.05
"""Share of the queries for absent things that are let through, at most."""
SURE = 1.645
"""Standard deviations of that share that the threshold stays below it: then it holds in 95 of 100 cases."""
TEXTS = 2000
"""Asked for at most."""
FEW = 100
"""Texts, and pictures, below which nothing is learned."""
UNITS = 16
"""Of the cut's hidden layer."""
_STEPS, _RATE = 300, 0.01
_LISTS_AT_ONCE = 200
_CUT_DECAY, _FOUND_DECAY = 0.1, 1e-4


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
    likeness: NDArray[np.float32]
    """(Q, n, P) how like the pictures are to each other (`relevance.likeness`)."""

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
    rows = np.zeros((len(names), DEPTH), np.int64)
    counts = np.zeros(len(names), np.int64)
    for batch in catalog.dataset.to_batches(columns=[IMAGE, *_roles(catalog)], filter=own, with_row_id=True):
        vectors = np.asarray(batch[IMAGE].flatten(), np.float32).reshape(-1, queries.shape[1])
        scores = queries @ vectors.T
        here = np.zeros(scores.shape, bool)
        for row, texts in enumerate(_said(catalog, pa.Table.from_batches([batch]))):
            for text in texts:
                if (number := names.get(text.casefold())) is not None:
                    here[number, row] = True
        counts += here.sum(axis=1)
        addresses = np.broadcast_to(batch["_rowid"].to_numpy().astype(np.int64), scores.shape)
        best[0], right, rows = _top(
            np.hstack([best[0], scores]), np.hstack([right, here]), np.hstack([rows, addresses])
        )
        (best[1],) = _top(np.hstack([best[1], np.where(here, -np.inf, scores)]))
    background = Background.of(catalog, model.fingerprint())
    judged = np.array([background.judge(query) for query in queries], np.float32)
    # A text whose hidden list is short would teach the catalogue's size.
    long = np.isfinite(best[1]).all(axis=1)
    rest = (judged[long, 0], judged[long, 1])
    alike = _likeness(catalog, rows[long])
    present = Lists(best[0][long], right[long], counts[long], *rest, alike)
    absent = Lists(best[1][long], np.zeros_like(right[long]), 0 * counts[long], *rest, 0 * alike)
    return (present, absent) if len(counts[long]) >= FEW else None


def learn(present: Lists, absent: Lists) -> tuple[End, Check]:
    """Fit both parts on the even lists; set the threshold and measure on the odd ones."""
    teach, hold = slice(0, None, 2), slice(1, None, 2)
    found = _fit_found(present[teach], absent[teach])
    passing = _heads(absent[hold]) @ found[:-1] + found[-1]
    # A threshold from n lists lets more or fewer pass on others; so much less makes it FALSE_FOUND at most.
    margin = SURE * np.sqrt(FALSE_FOUND * (1 - FALSE_FOUND) / len(passing))
    found[-1] -= np.quantile(passing, min(1 - FALSE_FOUND + margin, 1.0))
    half = End(*_fit_cut(present[teach]), tuple(found.tolist()), {})
    check = measured(half, present[hold], absent[hold])
    return End(*_fit_cut(present), half.found, asdict(check)), check


def measured(end: End, present: Lists, absent: Lists) -> Check:
    """Hold an end against lists whose relevant rows are known."""
    ends = _ends(end, present)
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
        false_found=float((_ends(end, absent) > 0).mean()),
    )


def _ends(end: End, lists: Lists) -> NDArray[np.int64]:
    """(Q,) how many rows of each list are relevant, says `end`; as `End.matches` and `End.of`."""
    hidden, out = np.array(end.hidden), np.array(end.cut)
    scores = np.tanh(_places(lists) @ hidden[:-1] + hidden[-1]) @ out[:-1] + out[-1]
    sizes = np.cumsum(scores, axis=1).argmax(axis=1) + 1
    return np.where(_heads(lists) @ end.found[:-1] + end.found[-1] > 0, sizes, 0)


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


def _top(scores: Vectors, *others: NDArray[Any]) -> tuple[Any, ...]:
    """Keep the DEPTH best of each list, best first, and what `others` hold of them."""
    order = np.argpartition(-scores, DEPTH - 1, axis=1)[:, :DEPTH]
    inner = np.argsort(-np.take_along_axis(scores, order, 1), axis=1, kind="stable")
    order = np.take_along_axis(order, inner, 1)
    return tuple(np.take_along_axis(one, order, 1) for one in (scores, *others))


def _likeness(catalog: Catalog, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(Q, n, P) of lists of row ids (Q, n)."""
    found = []
    for start in range(0, len(rows), _LISTS_AT_ONCE):
        part = rows[start : start + _LISTS_AT_ONCE]
        each, places_ = np.unique(part, return_inverse=True)
        column = catalog.dataset._take_rows(each.tolist(), columns=[IMAGE])[IMAGE].combine_chunks()
        vectors = np.asarray(column.flatten(), np.float32).reshape(len(each), -1)
        found += [likeness(vectors[own]) for own in places_.reshape(part.shape)]
    return np.array(found, np.float32)


def _places(lists: Lists) -> NDArray[np.float64]:
    shape = places(lists.scores, lists.mean, lists.spread)
    return np.concatenate([shape, lists.likeness.astype(np.float64)], axis=2)


def _heads(lists: Lists) -> NDArray[np.float64]:
    return heads(lists.scores, lists.mean, lists.spread)


def _fit_cut(present: Lists) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    """`End.hidden` and `End.cut` with the best expected F1."""
    import torch
    from torch import nn

    gain = torch.tensor(present.f1(), dtype=torch.float32)
    given, middle, scale = _standard(_places(present))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inner, outer = nn.Linear(given.shape[-1], UNITS), nn.Linear(UNITS, 1)

    def loss() -> torch.Tensor:
        sums = torch.cumsum(outer(torch.tanh(inner(given))).squeeze(-1), dim=1)
        return -(torch.softmax(sums, dim=1) * gain).sum(dim=1).mean()

    _descend(nn.ModuleList([inner, outer]), loss, _CUT_DECAY)
    first = inner.weight.detach().numpy().T / scale[:, None]
    rows = [*first.tolist(), (inner.bias.detach().numpy() - middle @ first).tolist()]
    return tuple(map(tuple, rows)), (*outer.weight[0].tolist(), float(outer.bias.detach()[0]))


def _fit_found(present: Lists, absent: Lists) -> NDArray[np.float64]:
    """(H + 1,) weights of the heads, the last for 1, that tell present from absent."""
    import torch
    from torch import nn

    given, middle, scale = _standard(np.concatenate([_heads(present), _heads(absent)]))
    truth = torch.tensor([1.0] * len(present.counts) + [0.0] * len(absent.counts))
    line = nn.Linear(given.shape[-1], 1)
    nn.init.zeros_(line.weight)
    nn.init.zeros_(line.bias)
    _descend(
        line,
        lambda: nn.functional.binary_cross_entropy_with_logits(line(given).squeeze(-1), truth),
        _FOUND_DECAY,
    )
    weights = line.weight.detach().numpy()[0].astype(np.float64) / scale
    return np.append(weights, float(line.bias.detach()[0]) - weights @ middle)


def _standard(features: NDArray[np.float64]) -> tuple[torch.Tensor, NDArray[np.float64], NDArray[np.float64]]:
    """Features (…, F) with mean 0 and spread 1, and what both were."""
    import torch

    flat = features.reshape(-1, features.shape[-1])
    middle, scale = flat.mean(axis=0), flat.std(axis=0) + 1e-6
    return torch.tensor((features - middle) / scale, dtype=torch.float32), middle, scale


def _descend(net: torch.nn.Module, loss: Callable[[], torch.Tensor], decay: float) -> None:
    import torch

    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=decay)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
