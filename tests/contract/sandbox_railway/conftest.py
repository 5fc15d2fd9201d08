from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from sandbox.server import Settings, create_app
from tests.contract.sandbox_railway.client import Railway, in_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ACCOUNT = {"Authorization": "Bearer sandbox-account"}


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Railway]:
    """A sandbox in this process, asked as the account."""
    app = create_app(settings)
    async with (
        app.sandbox.router.lifespan_context(app.sandbox),
        in_process(app, ACCOUNT) as client,
    ):
        yield Railway(app, app.railway, client)


@pytest.fixture
async def railway() -> AsyncIterator[Railway]:
    """A fast sandbox: a second of Railway's is a millisecond here."""
    async with running(Settings(speed=1000)) as caller:
        yield caller


@pytest.fixture
async def slow() -> AsyncIterator[Railway]:
    """A sandbox in which nothing of Railway's own happens while a test looks."""
    async with running(Settings(speed=0.001)) as caller:
        yield caller


@pytest.fixture
def run() -> Callable[[Settings], contextlib.AbstractAsyncContextManager[Railway]]:
    """Starts further sandboxes."""
    return running
