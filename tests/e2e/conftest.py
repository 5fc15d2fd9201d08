"""Real processes for every test: a sandbox, a data folder, and a server where one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.chat import Chat
from tests.e2e.house import House, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture
async def sandbox_only(tmp_path: Path) -> AsyncIterator[House]:
    """The sandbox runs; the server does not, unless the test starts it with `serve()`."""
    async with open_house(tmp_path) as house:
        yield house


@pytest_asyncio.fixture
async def house(sandbox_only: House) -> House:
    """Sandbox and server, over Socket Mode."""
    await sandbox_only.serve()
    return sandbox_only


@pytest_asyncio.fixture
async def http_house(tmp_path: Path) -> AsyncIterator[House]:
    """Sandbox and server; Slack posts over HTTP."""
    async with open_house(tmp_path, over_http=True) as opened:
        await opened.serve()
        yield opened


@pytest.fixture
def chat(house: House) -> Chat:
    """The people of the workspace, over Socket Mode."""
    return Chat(house.http)


@pytest.fixture
def http_chat(http_house: House) -> Chat:
    return Chat(http_house.http)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One sandbox and server, over Socket Mode, for all tests of a module: each has instances of
    its own, and its loop is the module's."""
    async with open_house(tmp_path_factory.mktemp("town")) as opened:
        await opened.serve()
        yield opened


@pytest.fixture(scope="module")
def people(town: House) -> Chat:
    return Chat(town.http)
