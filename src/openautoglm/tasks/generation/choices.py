"""One of a given set of answers, exactly: log P of each as a whole, by one pass over a trie.

    log P(answer | prompt) = Σ_i log P(token_i | prompt, token_1 … token_{i−1}) + log P(end | prompt, answer)

The end mark counts, or an answer that another begins with would always win. Answers that begin alike share
their first tokens: the trie of all stands behind the prompt, each node seeing the prompt and its own
ancestors, so that every node is computed once and all in one pass (token trees, Miao et al., 2024,
arXiv:2305.09781, section 4). No search can miss the best answer, since none is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from openautoglm.context.writing import Writing
from openautoglm.tasks.generation.prompts import plain_ids

NODES = 512
"""Nodes of a trie that are computed together; larger sets are cut."""


class Likely(NamedTuple):
    """An answer's tokens, end mark included, and the log-probability of each."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


class Path(NamedTuple):
    """One answer in a trie."""

    number: int
    """Its position in the set."""
    nodes: tuple[int, ...]
    """The node of each of its tokens, end mark left out."""
    tokens: tuple[int, ...]
    """End mark included."""


@dataclass
class Trie:
    """Answers by their first tokens.

    >>> trie = Trie()
    >>> trie.add(0, [7, 8], ends=[2])
    >>> trie.add(1, [7, 9], ends=[2])
    >>> trie.ids, trie.parents, trie.paths[1].nodes
    ([7, 8, 9], [-1, 0, 0], (0, 2))
    """

    ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    """Node before each node; −1 for the prompt."""
    paths: list[Path] = field(default_factory=list)
    _known: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, number: int, ids: Sequence[int], ends: Sequence[int]) -> None:
        """Put in the answer `number` of these tokens, behind which stand `ends`: an end mark or nothing."""
        at, nodes = -1, []
        for token in ids:
            if (at, token) not in self._known:
                self._known[at, token] = len(self.ids)
                self.ids.append(token)
                self.parents.append(at)
            at = self._known[at, token]
            nodes.append(at)
        self.paths.append(Path(number, tuple(nodes), (*ids, *ends)))

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Depth of each node from 0 (T,), and which nodes each node sees (T, T): itself, its ancestors."""
        sees = torch.eye(len(self.ids), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                sees[node] |= sees[parent]
        return sees.sum(dim=1) - 1, sees


def tries(answers: Sequence[Sequence[int]], ends: Sequence[int], most: int = NODES) -> list[Trie]:
    """Tries of all answers, of about `most` nodes each; like answers come into the same one."""
    found = [Trie()]
    for number in sorted(range(len(answers)), key=lambda one: list(answers[one])):
        if len(found[-1].ids) + len(answers[number]) > most and found[-1].ids:
            found.append(Trie())
        found[-1].add(number, answers[number], ends)
    return found


def answer_ids(tokenizer: Tokenizer, answers: Sequence[str]) -> list[list[int]]:
    """Tokens of each answer, as they stand behind a prompt.

    Raises:
        ValueError: for an answer of no token.
    """
    found = [plain_ids(tokenizer, answer) for answer in answers]
    if [] in found:
        raise ValueError(f"choice {answers[found.index([])]!r} has no token; leave it out")
    return found


def answer_logprobs(
    writing: Writing, scores: Tensor, sets: Sequence[Sequence[Trie]]
) -> list[dict[int, Likely]]:
    """Tokens and their log-probabilities of every answer of each row.

    Args:
        writing: has read the prompts; it is left as it was.
        scores: (B, V) of the first token.
        sets: the tries of each row.
    """
    found: list[dict[int, Likely]] = [{} for _ in sets]
    first = scores.log_softmax(dim=-1)
    for place in range(max(map(len, sets))):
        some = [tries_of[place] if place < len(tries_of) else Trie() for tries_of in sets]
        for row, (trie, hidden) in enumerate(zip(some, _states(writing, some), strict=True)):
            if not trie.paths:
                continue
            logprobs = torch.cat(
                [first[row : row + 1], writing.scores(hidden[: len(trie.ids)]).log_softmax(-1)]
            )
            for path, each in _along(trie, logprobs):
                found[row][path.number] = Likely(path.tokens, each)
    return found


def _states(writing: Writing, some: Sequence[Trie]) -> Tensor:
    """Hidden states (B, T, d) of all nodes of a trie a row, T those of the largest."""
    size = max(len(trie.ids) for trie in some)
    ids, depths = (
        torch.zeros(len(some), size, dtype=torch.int64),
        torch.zeros(len(some), size, dtype=torch.int64),
    )
    sees = torch.zeros(len(some), size, size, dtype=torch.bool)
    made: dict[int, tuple[Tensor, Tensor]] = {}
    for row, trie in enumerate(some):
        if id(trie) not in made:  # rows with the same answers share their trie
            made[id(trie)] = trie.tensors()
        nodes = slice(0, len(trie.ids))
        ids[row, nodes] = torch.tensor(trie.ids, dtype=torch.int64)
        depths[row, nodes], sees[row, nodes, nodes] = made[id(trie)]
    return writing.branch(ids, depths, sees)


def _along(trie: Trie, logprobs: Tensor) -> Iterator[tuple[Path, tuple[float, ...]]]:
    """Each path's log-probabilities; row 0 of `logprobs` (1 + T, V) stands behind the prompt."""
    where = [[0, *(node + 1 for node in path.nodes)][: len(path.tokens)] for path in trie.paths]
    rows = torch.tensor([place for path in where for place in path], device=logprobs.device)
    tokens = torch.tensor([token for path in trie.paths for token in path.tokens], device=logprobs.device)
    every = iter(logprobs[rows, tokens].tolist())
    for path in trie.paths:
        yield path, tuple(next(every) for _ in path.tokens)
