from __future__ import annotations

import pytest
from tests.conversation.shops import shop

from openautoglm.conversation.chat import Chat
from openautoglm.conversation.finding import Finder
from openautoglm.workspace import Workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return shop(tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="session")
def finder(workspace: Workspace) -> Finder:
    return Finder(workspace.catalog, workspace.search)


@pytest.fixture
def chat(finder: Finder) -> Chat:
    return Chat(finder)
