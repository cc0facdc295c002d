"""Commands of a conversation: lines that begin with `/` and say exactly what to do with the state."""

from __future__ import annotations

import json
from typing import Any

from openautoglm.config import nearest
from openautoglm.conversation.chat import Chat, Reply
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.session import sessions

QUIT = ("/quit", "/exit", "/q")
COMMANDS = {
    "/state": "show the whole state",
    "/set": "/set words red bicycles, /set where price < 20, /set without child, /set sort -price, "
    "/set like ID, /set page 2; "
    "nothing behind the name empties it",
    "/drop": "/drop words, without, like, filters, where, sort, or the conditions on a column: /drop price",
    "/undo": "go back to the state before the last edit",
    "/reset": "begin anew",
    "/history": "list the states that /undo goes back to",
    "/sessions": "list the conversations of this workspace",
    "/help": "list the commands",
    "/quit": "leave; the session is kept",
}
_SPACED = ("words", "without")


def command(chat: Chat, line: str) -> Reply:
    """Carry a command out.

    Raises:
        UserError: if there is no such command, or what it sets makes no sense; the state is then as before.
    """
    name, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if name == "/set":
        part, _, value = rest.partition(" ")
        return chat.set(**{part or "nothing": _value(part, value.strip())})
    if name == "/drop":
        if not rest:
            raise ChatError(COMMANDS["/drop"])
        return chat.drop(rest)
    if name == "/undo":
        return chat.undo()
    if name == "/reset":
        return chat.reset()
    if name == "/state":
        return _told(chat, line, json.dumps(chat.state.as_dict(), ensure_ascii=False, indent=1))
    if name == "/history":
        listed = "\n".join(
            f"{place:3}  {state}" for place, state in enumerate(chat.history, -len(chat.history))
        )
        return _told(chat, line, listed or "nothing to go back to")
    if name == "/sessions":
        workspace = chat.finder.catalog.folder
        return _told(chat, line, "\n".join(sessions(workspace)) or "none yet")
    if name == "/help":
        return _told(chat, line, "\n".join(f"{one:10} {told}" for one, told in COMMANDS.items()))
    raise ChatError(f"there is no command {name!r}{nearest(name, list(COMMANDS))}")


def _value(part: str, value: str) -> Any:
    if part in _SPACED:
        return [value] if value else []
    if part == "like":
        return value.split()
    if part == "page":
        if not value.isdecimal():
            raise ChatError(f"a page is a number from 1 on, not {value!r}")
        return int(value)
    return value or None


def _told(chat: Chat, line: str, text: str) -> Reply:
    return Reply(line, "set", chat.state, text)
