"""A strategy learned on frozen vectors, as a model has it: project, fuse, head; and how it does.

    pooled, tokens ─ MLP projection, unit length ─ strategy ─ unit length ─ head (LayerNorm, linear) ─▶ logits

All strategies have `PARAMETERS` parameters as nearly as their width allows (`fuse/matched.py`), and the
same projections and head beside. All learn from the same batches: the same rows, in the same views, with
the same modalities left out. Of `RATES`, and of `LOOKS` moments while learning, the one is taken with
the best mean accuracy on the validation split under `JUDGED`.

Beside them stand

    zero-filled   `concat` without masks, as AutoML tools do it: zeros stand for what is missing, nothing
                  tells that it is, and learning never leaves out a modality; the same corruption, though
    zero-filled plain
                  the same, learned from clean rows alone, as such tools have them
    only NAME     one modality, by the same projection, MLP and head
    trees         gradient-boosted trees (scikit-learn) on the columns beside the image's and the text's
                  vector, NaN where missing; they learn from `DRAWS` draws of each row
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.fusion_conditions import CLEAN, Condition, conditions, lesson
from benchmarks.fusion_features import DIM, Seen
from benchmarks.fusion_gates import follow
from openautoglm.align.projections import MLPProjection
from openautoglm.encoders.batch import MODALITIES
from openautoglm.fuse.fused import Fused, Tokens
from openautoglm.fuse.matched import matched
from openautoglm.fuse.strategies import STRATEGIES
from openautoglm.tasks.heads import Heads, loss_name
from openautoglm.tasks.target import Target

PARAMETERS = 25_000
ZERO, PLAIN = "zero-filled", "zero-filled plain"
TREES = "trees"
RATES = (1e-3, 3e-3, 1e-2)
JUDGED = ("clean", "corrupted", "missing 50%")
GATED = ("attention", "adaptive_gating")
"""The strategies that weigh modalities by what they look like, of which the goals speak."""
BATCH, DECAY, DRAWS, LOOKS = 128, 0.05, 4, 10


class Learned(NamedTuple):
    """A strategy, or a peer of them, measured."""

    parameters: int
    """Of the strategy alone."""
    off: float
    """How far that is from `PARAMETERS`, as a share."""
    rate: float
    """The learning rate that validation chose."""
    validation: dict[str, float]
    """Accuracy by condition."""
    test: dict[str, float]
    gates: dict[str, Any]
    """How they follow reliability (`fusion_gates.follow`)."""


class Net(nn.Module):
    """From frozen vectors to the category."""

    def __init__(self, name: str, target: Target) -> None:
        super().__init__()
        self.zeros = name in (ZERO, PLAIN)
        self.plain = name == PLAIN
        self.only = MODALITIES.index(name.removeprefix("only ")) if name.startswith("only ") else None
        kind: Any = "concat" if self.zeros else "mean_pool" if self.only is not None else name
        self.project = MLPProjection(dict.fromkeys(MODALITIES, DIM), DIM)
        self.found = matched(kind, DIM, len(MODALITIES), PARAMETERS)
        self.fuse = self.found.strategy
        self.heads = Heads(DIM)
        self.heads.learn([target])

    def presence(self, present: Tensor) -> Tensor:
        """(B, 3): what takes part of what is there."""
        if self.only is None:
            return present
        mask = torch.zeros_like(present)
        mask[:, self.only] = True
        return mask

    def forward(self, seen: Seen, rows: Tensor, condition: Condition) -> tuple[dict[str, Tensor], Tensor]:
        """Logits by target, and gates (B, 3), of some rows under a condition of as many."""
        pooled, tokens = [], []
        for place, (name, views) in enumerate(zip(MODALITIES, seen.modalities, strict=True)):
            at = condition.views[:, place], rows
            pooled.append(self.project(name, views.pooled[at]))
            if self.fuse.wants_tokens:
                tokens.append((self.project(name, views.tokens[at]), views.mask[at]))
        vectors, present = torch.stack(pooled, dim=1), self.presence(condition.present)
        if self.zeros:
            vectors = torch.where(present.unsqueeze(-1), vectors, 0.0)
            present = torch.ones_like(present)
        given: list[Tokens | None] | None = list(tokens) if tokens else None
        fused = self.fuse(vectors, present, given)
        fused = Fused(functional.normalize(fused.embeds, dim=-1), fused.gates, fused.parts)
        return self.heads(fused), fused.gates

    def loss(self, seen: Seen, rows: Tensor, condition: Condition, target: Target) -> Tensor:
        """What learning makes small, of some rows under a condition of as many."""
        outputs, _ = self(seen, rows, condition)
        return self.heads.losses(outputs, {target.name: seen.labels[rows]})[loss_name(target.name)]


Build = Callable[[str, Target], Net]
"""The name of a method → its net with fresh weights."""


class Split(NamedTuple):
    """A split to be measured: what the towers see of it, under which conditions."""

    seen: Seen
    conditions: dict[str, Condition]

    @classmethod
    def of(cls, seen: Seen, seed: int) -> Split:
        """Draw the conditions."""
        return cls(seen, conditions(len(seen.labels), seed))


def names() -> list[str]:
    """Everything that is learned, the strategies first."""
    return [*STRATEGIES, ZERO, PLAIN, *(f"only {name}" for name in MODALITIES)]


def choose(
    name: str,
    train: Seen,
    validation: Split,
    test: Split,
    target: Target,
    steps: int,
    seed: int,
    build: Build = Net,
) -> Learned:
    """Learn at each of `RATES`, take what validation likes best, and measure it on the test split."""
    tried = [learn(name, train, validation, target, rate, steps, seed, build) for rate in RATES]
    place = max(range(len(tried)), key=lambda number: tried[number][0])
    net, rate = tried[place][1], RATES[place]
    accuracies = {key: measure(net, validation.seen, one)[0] for key, one in validation.conditions.items()}
    found = {key: measure(net, test.seen, one) for key, one in test.conditions.items()}
    return Learned(
        net.found.parameters,
        net.found.off,
        rate,
        accuracies,
        {key: accuracy for key, (accuracy, _) in found.items()},
        follow({key: gates for key, (_, gates) in found.items()}, test.seen.strengths),
    )


def learn(
    name: str,
    train: Seen,
    validation: Split,
    target: Target,
    rate: float,
    steps: int,
    seed: int,
    build: Build = Net,
) -> tuple[float, Net]:
    """AdamW, its rate falling linearly to 0; what is drawn depends on the seed alone.

    Returns:
        the best mean accuracy under `JUDGED` that it had, looked at `LOOKS` times, and the net of then.
    """
    torch.manual_seed(seed)
    net = build(name, target)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=DECAY)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    generator = torch.Generator().manual_seed(seed)
    best, kept = -1.0, net.state_dict()
    for step in range(1, steps + 1):
        rows = torch.randint(len(train.labels), (BATCH,), generator=generator)
        condition = lesson(BATCH, len(train.strengths), generator)
        if net.zeros:
            condition = condition._replace(present=torch.ones_like(condition.present))
        if net.plain:
            condition = condition._replace(views=torch.full_like(condition.views, CLEAN))
        loss = net.loss(train, rows, condition, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
        if step % max(1, steps // LOOKS) == 0:
            judged = fmean(measure(net, validation.seen, validation.conditions[key])[0] for key in JUDGED)
            if judged > best:
                best, kept = judged, copy.deepcopy(net.state_dict())
    net.load_state_dict(kept)
    return best, net


@torch.no_grad()
def measure(net: Net, seen: Seen, condition: Condition) -> tuple[float, Tensor]:
    """Accuracy, and gates (N, 3), under a condition."""
    before = net.training
    net.eval()
    outputs, gates = net(seen, torch.arange(len(seen.labels)), condition)
    net.train(before)
    (logits,) = outputs.values()
    return float((logits.argmax(1) == seen.labels).float().mean()), gates


def trees(train: Seen, test: Split, seed: int, rounds: int) -> Mapping[str, float]:
    """Accuracy by condition of gradient-boosted trees, by `rounds` of boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(len(train.labels)).repeat(DRAWS)
    table = side_by_side(train, rows, lesson(len(rows), len(train.strengths), generator))
    known = ~table.isnan().all(dim=0)  # scikit-learn refuses a column that is missing everywhere
    model = HistGradientBoostingClassifier(max_iter=rounds, early_stopping=False, random_state=seed)
    model.fit(table[:, known].numpy(), train.labels[rows].numpy())
    every, right = torch.arange(len(test.seen.labels)), test.seen.labels.numpy()
    return {
        key: float(model.score(side_by_side(test.seen, every, one)[:, known].numpy(), right))
        for key, one in test.conditions.items()
    }


def side_by_side(seen: Seen, rows: Tensor, condition: Condition) -> Tensor:
    """(B, 2 · DIM + F) numbers of some rows under a condition; NaN for what is missing."""
    image, text, _ = seen.modalities
    parts: Sequence[Tensor] = (image.pooled, text.pooled, seen.columns)
    found = [
        part[condition.views[:, place], rows].masked_fill(~condition.present[:, place, None], torch.nan)
        for place, part in enumerate(parts)
    ]
    return torch.cat(found, dim=1)
