"""The error of this room: a query, or an index, that the user can put right."""

from __future__ import annotations

from openautoglm.errors import UserError


class SearchError(UserError):
    """The message says what was wrong with the query or the index, and what to do."""
