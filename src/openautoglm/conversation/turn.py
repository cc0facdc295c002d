"""What a turn was understood as: its act, the state that it asks for, and the question if it is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from openautoglm.conversation.columns import Columns
from openautoglm.conversation.state import Filter, State

Act = Literal[
    "search", "refine", "like", "sort", "page", "undo", "all", "drop", "reset", "question", "nothing", "set"
]
Ask = Literal["row", "column", "count", "different", "extreme", "values", "spread", "compare"]


@dataclass(frozen=True)
class Question:
    """A question about rows, or about what was found."""

    kind: Ask
    text: str
    """As it was asked."""
    rows: tuple[str, ...] = ()
    column: str | None = None
    sort: str | None = None
    """Of an extreme: the order in which the answer comes first."""
    among: State = field(default_factory=State)
    """The state whose results are asked about."""


@dataclass(frozen=True)
class Turn:
    """A turn that was understood."""

    act: Act
    state: State
    question: Question | None = None
    said: str = ""
    """What to answer where there is nothing to find: a key of `phrases.py`, or a text."""


class View(Protocol):
    """What understanding may look up in the catalogue."""

    @property
    def columns(self) -> Columns:
        """Its columns."""

    @property
    def page_size(self) -> int:
        """How many rows a page has."""

    def row(self, name: str) -> dict[str, Any]:
        """Read a row by its id."""

    def spread(self, state: State, column: str) -> Sequence[Any]:
        """Read a column's values among the rows that a state finds, without empty ones."""

    def says(self, text: str) -> bool:
        """Whether some row's texts have all of these words."""


def kept(state: State, filters: Sequence[Filter], without: Sequence[str], view: View) -> State:
    """Add a turn's conditions to a state."""
    return state.filtered(filters, view.columns.kinds).with_without(*without) if filters or without else state
