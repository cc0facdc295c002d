"""`Workspace.chat`: search, session and what answers questions, put together.

A chat finds rows by looks and words where the workspace has a model that searches, else by words; a question
about what a picture shows is put to the model where it learned to answer, and the catalogue answers the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openautoglm.asking import answerer
from openautoglm.conversation.chat import Chat
from openautoglm.conversation.finding import Finder
from openautoglm.conversation.session import Session
from openautoglm.workspace_models import WorkspaceError, WorkspaceModels

if TYPE_CHECKING:
    from openautoglm.conversation.answers import Ask
    from openautoglm.search.wanted import By
    from openautoglm.workspace import Workspace


def open_chat(
    shop: Workspace, models: WorkspaceModels, session: str | None, *, by: By | None, k: int, ask: Ask | None
) -> Chat:
    """See `Workspace.chat`."""
    if k < 1:
        raise WorkspaceError(f"k is the number of rows on a page and must be 1 or more, not {k}")
    chosen = by or ("auto" if models.default is not None else "words")
    finder = Finder(shop.catalog, shop.search, by=chosen, page_size=k)
    return Chat(
        finder, Session(shop.folder, session), ask or answerer(shop.catalog, models.own(None), shop.model)
    )
