"""What builds and services write, as the stand-in keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.capabilities import DeployState, Space
from engine.errors import Rejected
from tests.contract.railway.conftest import REPO, a_gateway

if TYPE_CHECKING:
    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

SECRET = "hunter22-hunter22-hunter22"

Written = tuple[Space, str, str]
"""Space, service and deployment."""


@pytest.fixture
async def gateway(provider: RailwayProvider, sandbox: Sandbox) -> Written:
    """A gateway that has said its secret, and the id of its crashed deployment."""
    space = await provider.create_space("luthien-acme", mark="ready")
    service = await a_gateway(provider, space)
    wrong = f"postgresql://nobody:{SECRET}@nowhere:5432/x"
    await provider.write_variables(space, service.id, {"DATABASE_URL": wrong})
    started = await provider.connect_source(space, service.id, repo=REPO, branch="main")
    *_, last = [d async for d in provider.watch(space, started.id)]
    assert last.state in (DeployState.FAILED, DeployState.CRASHED)
    return space, service.id, started.id


async def test_the_last_lines_oldest_first_without_secrets(
    provider: RailwayProvider, gateway: Written
) -> None:
    whole = await provider.log(*gateway)
    assert len(whole) > 3
    assert [line.at for line in whole] == sorted(line.at for line in whole)
    assert all(line.at.tzinfo and abs(datetime.now(UTC) - line.at).days < 1 for line in whole)
    assert SECRET not in repr(whole)
    assert await provider.log(*gateway, lines=2) == whole[-2:]


async def test_the_log_of_the_build_is_another_one(
    provider: RailwayProvider, gateway: Written
) -> None:
    built = await provider.log(*gateway, build=True)
    ran = await provider.log(*gateway)
    assert built
    assert not {line.text for line in built} & {line.text for line in ran}


async def test_lines_can_be_narrowed_by_words_and_time(
    provider: RailwayProvider, gateway: Written
) -> None:
    whole = await provider.log(*gateway)
    word = max(whole[-1].text.split(), key=len).strip('":,.')
    narrowed = await provider.log(*gateway, wanted=f'"{word}"')
    assert whole[-1] in narrowed
    assert all(word.lower() in line.text.lower() for line in narrowed)
    assert await provider.log(*gateway, wanted="nobody-writes-this") == []
    assert await provider.log(*gateway, since=whole[0].at) == whole
    assert await provider.log(*gateway, since=datetime.now(UTC) + timedelta(hours=1)) == []


async def test_nothing_is_shown_when_secrets_cannot_be_read(
    provider: RailwayProvider, gateway: Written, sandbox: Sandbox
) -> None:
    space, _, deployment = gateway
    nobody = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(Rejected):
        await provider.log(space, nobody, deployment)
