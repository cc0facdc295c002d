"""Sessions: conversations kept in the workspace, one file a name, written whole after each turn.

    shop/chats/NAME.json         state, the states before it (`KEPT` at most), number of turns
    shop/chats/NAME.log.jsonl    the latest turns, each with the state that it led to; only ever appended to
    shop/chats/NAME.log.earlier.jsonl    the `LOGGED` turns before those, so that no chat grows without end
    shop/chats/NAME.lock         held while the chat is open: one chat a session, many sessions a catalogue

A chat without a name gets one from the clock, so that nothing is lost; the latest `UNNAMED` of them are kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from openautoglm.catalog.errors import writing_to
from openautoglm.conversation.errors import ChatError
from openautoglm.conversation.state import State

FOLDER = "chats"
FORMAT = 1
KEPT = 50
"""States that can be gone back to."""
LOGGED = 1000
"""Turns that a log holds before it becomes the earlier one."""
UNNAMED = 20
_LOG, _EARLIER = "log.jsonl", "log.earlier.jsonl"
_NAME = re.compile(r"[^\W_][\w-]{0,63}")
_CLOCK = re.compile(r"\d{8}-\d{6}(?:-\d+)?")


class Session:
    """A conversation's file, locked while it is open; `with` closes it.

    Args:
        workspace: the workspace's folder.
        name: of the session; None takes one from the clock.

    Raises:
        ChatError: if the name cannot be a file's, another process has the session open, or its file is
            damaged.
        CatalogError: if the workspace cannot be written.
    """

    def __init__(self, workspace: Path, name: str | None = None) -> None:
        if name is not None and not _NAME.fullmatch(name):
            raise ChatError(
                f"a session's name has letters, digits, - and _, and begins with one of the first two; "
                f"not {name!r}"
            )
        self.folder = workspace / FOLDER
        with writing_to(workspace):
            self.folder.mkdir(exist_ok=True)
        self.named = name is not None
        self.name, self._lock = self._take(name)
        self.turns = 0
        self.state = State()
        self.history: deque[State] = deque(maxlen=KEPT)
        try:
            self._load()
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def path(self) -> Path:
        """The file with the state."""
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """The file with the latest turns."""
        return self._file(_LOG)

    @property
    def earlier_log(self) -> Path:
        """The file with the `LOGGED` turns before those."""
        return self._file(_EARLIER)

    def save(self, state: State, history: Iterable[State], entry: Mapping[str, Any]) -> None:
        """Write the state, and add a turn to the log.

        Raises:
            CatalogError: if the workspace cannot be written; the file before then stands.
        """
        before, turns = deque(history, KEPT), self.turns + 1
        kept = {
            "format": FORMAT,
            "turns": turns,
            "updated_at": _now(),
            "state": state.as_dict(),
            "history": [one.as_dict() for one in before],
        }
        draft = self.path.with_suffix(".json.tmp")
        with writing_to(self.folder.parent):
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"at": _now(), **entry}, ensure_ascii=False, default=str) + "\n")
            with draft.open("w", encoding="utf-8") as file:
                json.dump(kept, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
            if turns % LOGGED == 0:
                self.log.replace(self.earlier_log)
        self.state, self.history, self.turns = state, before, turns

    def close(self) -> None:
        """Let go of the session; of chats without a name the oldest go."""
        if self._lock < 0:
            return
        os.close(self._lock)
        self._lock = -1
        if not self.turns:
            self._file("lock").unlink(missing_ok=True)
        if not self.named:
            self._forget_oldest()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _file(self, suffix: str) -> Path:
        return self.folder / f"{self.name}.{suffix}"

    def _take(self, name: str | None) -> tuple[str, int]:
        """Take the lock of a name, or of the first free one of this second."""
        clock = f"{datetime.now():%Y%m%d-%H%M%S}"
        for count in range(1, 1000):
            chosen = name or (clock if count == 1 else f"{clock}-{count}")
            if name is None and (self.folder / f"{chosen}.json").exists():
                continue
            handle = _lock(self.folder, chosen)
            if handle is not None:
                return chosen, handle
            if name is not None:
                holder = (self.folder / f"{name}.lock").read_text(
                    errors="replace"
                ).strip() or "another process"
                raise ChatError(
                    f"the session {name!r} is open in {holder}; close that chat, or name another session"
                )
        raise ChatError("too many chats were begun in this second; name a session")

    def _load(self) -> None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error
        try:
            kept = json.loads(text)
            if not isinstance(kept, dict):
                raise ValueError("it is no object")
            if isinstance(kept.get("format"), int) and kept["format"] > FORMAT:
                raise ChatError(
                    f"{self.path} has format {kept['format']}, this version reads up to {FORMAT}; update "
                    f"Open-AutoGLM"
                )
            self.turns = int(kept["turns"])
            self.state = State.from_dict(kept["state"])
            self.history.extend(State.from_dict(one) for one in kept["history"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> ChatError:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        return ChatError(
            f"{self.path} is damaged ({what}); restore it from a copy, or delete it to begin anew: "
            f"{self.log.name} beside it has the turns"
        )

    def _forget_oldest(self) -> None:
        unnamed = sorted(one.stem for one in self.folder.glob("*.json") if _CLOCK.fullmatch(one.stem))
        for name in unnamed[:-UNNAMED]:
            handle = _lock(self.folder, name)
            if handle is not None:
                for suffix in ("json", _LOG, _EARLIER, "lock"):
                    (self.folder / f"{name}.{suffix}").unlink(missing_ok=True)
                os.close(handle)


def sessions(workspace: Path) -> list[str]:
    """Name the sessions of a workspace, the one changed last first."""
    files = (workspace / FOLDER).glob("*.json")
    return [one.stem for one in sorted(files, key=lambda one: one.stat().st_mtime, reverse=True)]


def _lock(folder: Path, name: str) -> int | None:
    """Lock a session's file; None if another process, or another chat of this one, has it."""
    path = folder / f"{name}.lock"
    with writing_to(folder.parent):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    with contextlib.suppress(FileNotFoundError):
        if os.fstat(handle).st_ino == path.stat().st_ino:
            os.truncate(handle, 0)
            os.write(handle, f"process {os.getpid()} (since {datetime.now():%Y-%m-%d %H:%M:%S})".encode())
            return handle
    os.close(handle)  # it was deleted by the one who had it, between opening and locking
    return _lock(folder, name)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
