"""`Chat`: a conversation over a catalogue, turn by turn.

    with shop.chat() as chat:
        reply = chat.say("red bicycles")
        print(reply)                          # the rows, and the state in a line
        chat.say("only cheap ones")
        chat.say("like the second, but blue")
        print(chat.say("what is in the first?").text)
        chat.say("back to all")

A turn that fails, or is stopped, changes nothing. `chat.state` may be read and set at any moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from openautoglm.conversation.answers import Answer, Ask, Tell, answer
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.finding import Finder
from openautoglm.conversation.moves import forget
from openautoglm.conversation.phrases import phrase, told
from openautoglm.conversation.reading import Reading
from openautoglm.conversation.session import KEPT, Session
from openautoglm.conversation.state import Filter, State
from openautoglm.conversation.turn import Act, Turn
from openautoglm.conversation.understand import understand
from openautoglm.conversation.uninterrupted import uninterrupted
from openautoglm.search.hit import Hit, Results


@dataclass(frozen=True)
class Reply:
    """What a turn led to."""

    said: str
    """The turn."""
    act: Act
    """What it was understood as; "nothing" where it was not, and the state is as before."""
    state: State
    text: str = ""
    """The answer to a question, or what there is to say."""
    results: Results | None = None
    """The page that the state finds; None where the turn did not search."""
    answer: Answer | None = None

    @property
    def hits(self) -> Sequence[Hit]:
        """The rows of the page."""
        return () if self.results is None else self.results.hits

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON holds of it."""
        found = self.results
        results = None if found is None else {
            "relevant": found.relevant, "start": found.start, "hits": [hit.as_dict() for hit in found.hits]
        }  # fmt: skip
        about = None if self.answer is None else {
            "text": self.answer.text, "source": self.answer.source,
            "value": self.answer.value, "row": self.answer.row,
        }  # fmt: skip
        return {
            "said": self.said, "act": self.act, "text": self.text, "answer": about, "results": results,
            "state": self.state.as_dict(), "line": str(self.state),
        }  # fmt: skip

    def __str__(self) -> str:
        start = 0 if self.results is None else self.results.start
        lines = [f"{number:3}  {hit.id}  {hit.label}" for number, hit in enumerate(self.hits, start + 1)]
        return "\n".join([*lines, *([self.text] if self.text else []), f"[{self.state}]"])


class Chat:
    """A conversation: a state, the states before it, and what turns make of them.

    Args:
        finder: of the catalogue.
        session: where the conversation is kept; None keeps it in memory only.
        ask: the model that answers questions about rows, where there is one.
    """

    def __init__(self, finder: Finder, session: Session | None = None, ask: Ask | None = None) -> None:
        self.finder, self.session, self.ask = finder, session, ask
        self._state = State() if session is None else session.state
        self._history: deque[State] = deque(() if session is None else session.history, KEPT)

    @property
    def state(self) -> State:
        """What the conversation has come to."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._go("set", "set", state)

    @property
    def history(self) -> Sequence[State]:
        """The states that can be gone back to, the latest last."""
        return tuple(self._history)

    def say(self, text: str, *, tell: Tell | None = None) -> Reply:
        """Take a turn.

        Args:
            text: what is said.
            tell: told the model's answer to a question piece by piece as it is written. Only the reply says
                whether it is sure of it: its `answer.source` is then "model".

        Raises:
            UserError: if the search itself fails, as `Workspace.search` does; the state is then as before.
        """
        chinese = Reading.of(text).chinese
        try:
            turn = understand(text, self._state, self.finder)
            return self._take(text, turn, chinese, tell)
        except ChatError as error:
            return self._keep(Reply(text, "nothing", self._state, told(error, chinese)))

    __call__ = say

    def undo(self) -> Reply:
        """Go back to the state before the last edit."""
        return self._take("undo", Turn("undo", self._state), chinese=False)

    def reset(self) -> Reply:
        """Begin anew; `undo` takes it back."""
        return self._go("reset", "reset", State())

    def drop(self, what: str) -> Reply:
        """Forget a part of the state: words, without, like, filters, sort, or the conditions on a column.

        Raises:
            ChatError: if there is no such part.
        """
        return self._go("drop", "drop", forget(self._state, what, self.finder.columns))

    def set(self, **parts: Any) -> Reply:
        """Set parts of the state by name: words, without, like, sort, page, or `where`, an SQL condition.

        Raises:
            UserError: if there is no such part, or the catalogue refuses it; the state is then as before.
        """
        stored = self._state.as_dict() | {"page": 1}
        for name, value in parts.items():
            if name == "where":
                others = [one for one in self._state.filters if one.op != "sql"]
                stored["filters"] = [
                    *map(_stored, others),
                    *([_stored(Filter("", "sql", str(value)))] if value else []),
                ]
            elif name in ("words", "without", "like"):
                stored[name] = [value] if isinstance(value, str) else list(value)
            elif name in ("sort", "page"):
                stored[name] = value
            else:
                raise ChatError(
                    f"there is no part {name!r}; choose one of words, without, like, where, sort, page"
                )
        try:
            state = State.from_dict(stored)
        except (TypeError, ValueError) as error:
            raise ChatError(f"that cannot be set: {error}") from error
        return self._go("set", "set", state)

    def close(self) -> None:
        """Let go of the session."""
        if self.session is not None:
            self.session.close()

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, text: str, turn: Turn, chinese: bool, tell: Tell | None = None) -> Reply:
        if turn.act == "nothing":
            return self._keep(Reply(text, "nothing", self._state, phrase(turn.said or "help", chinese)))
        if turn.act == "undo":
            return self._undo(text, chinese)
        if turn.question is not None:
            found = answer(turn.question, self.finder, self.ask, chinese=chinese, tell=tell)
            state = turn.state.about(found.row) if found.row else turn.state
            return self._keep(Reply(text, "question", state, found.text, answer=found))
        if turn.said:
            return self._keep(Reply(text, turn.act, self._state, phrase(turn.said, chinese)))
        if turn.act == "page" and turn.state.page == self._state.page:
            return self._keep(Reply(text, "page", self._state, phrase("first page", chinese)))
        return self._go(text, turn.act, turn.state, chinese=chinese)

    def _undo(self, text: str, chinese: bool) -> Reply:
        if not self._history:
            return self._keep(Reply(text, "undo", self._state, phrase("no undo", chinese)))
        before = self._history[-1]
        results = None if before.empty else self.finder.find(before)
        state = before if results is None else before.seen(hit.id for hit in results)
        return self._keep(Reply(text, "undo", state, results=results), self.history[:-1])

    def _go(self, text: str, act: Act, state: State, *, chinese: bool = False) -> Reply:
        """Find what a state asks for, and come to it."""
        nothing_asked = state.empty and act in ("reset", "all", "drop", "set") and state.sort is None
        results = None if nothing_asked else self.finder.find(state)
        found = () if results is None else tuple(hit.id for hit in results)
        if act == "page" and not found:
            return self._keep(Reply(text, act, self._state, phrase("last page", chinese)))
        if act == "search" and not found and not state.filters:
            said = f"{phrase('nothing found', chinese)} {phrase('help', chinese)}"
            return self._keep(Reply(text, "nothing", self._state, said))
        said = phrase("nothing left", chinese) if results is not None and not found else ""
        reply = Reply(text, act, state.seen(found), said, results)
        return self._keep(reply, (*self._history, self._state))

    def _keep(self, reply: Reply, history: Iterable[State] | None = None) -> Reply:
        """Write the turn into the session, and come to its state: both, or neither."""
        before = deque(self._history if history is None else history, KEPT)
        with uninterrupted():
            if self.session is not None:
                entry = {"said": reply.said, "act": reply.act, "text": reply.text}
                self.session.save(reply.state, before, entry | {"state": reply.state.as_dict()})
            self._state, self._history = reply.state, before
        return reply


def _stored(one: Filter) -> dict[str, Any]:
    return {"column": one.column, "op": one.op, "value": one.value, "why": one.why}
