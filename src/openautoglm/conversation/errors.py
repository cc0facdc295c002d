"""The one error of this room that a user sees."""

from __future__ import annotations

from openautoglm.errors import UserError


class ChatError(UserError):
    """A turn, a command or a session that cannot be used as it is; its text says what to do."""
