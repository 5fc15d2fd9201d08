"""The settings of the bot's own service, read back from the stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app import own_deployment
from app.settings import OwnPlace

if TYPE_CHECKING:
    from engine.world import Finding
    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

NOBODY = "00000000-0000-4000-8000-000000000000"
SET_UP = """
mutation serviceInstanceUpdate(
  $service: String!, $environment: String!, $input: ServiceInstanceUpdateInput!
) {
  serviceInstanceUpdate(serviceId: $service, environmentId: $environment, input: $input)
}
"""


async def finding(provider: RailwayProvider, place: OwnPlace) -> Finding:
    [found] = await own_deployment.check(provider, place)()
    return found


async def set_up(sandbox: Sandbox, place: OwnPlace, given: dict[str, Any]) -> None:
    """What somebody types in Railway's console."""
    ids = {"service": place.service, "environment": place.environment}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            sandbox.railway,
            headers={"Authorization": "Bearer sandbox-account"},
            json={"query": SET_UP, "variables": ids | {"input": given}},
        )
    assert answer.json() == {"data": {"serviceInstanceUpdate": True}}


@pytest.fixture
async def place(provider: RailwayProvider) -> OwnPlace:
    """A service as Railway makes one: nothing is set."""
    space = await provider.create_space("ops", mark="ready")
    made = await provider.create_service(space, "bot")
    return OwnPlace(space.id, space.environment_id, made.id)


async def test_a_new_service_is_compared_before_and_after_it_is_set_up(
    provider: RailwayProvider, sandbox: Sandbox, place: OwnPlace
) -> None:
    new = await finding(provider, place)
    assert not new.ok
    assert "restart policy is ON_FAILURE, should be ALWAYS" in new.detail
    given = {
        "preDeployCommand": [own_deployment.PRE_DEPLOY_COMMAND],
        "healthcheckPath": own_deployment.HEALTH_CHECK_PATH,
        "healthcheckTimeout": own_deployment.HEALTH_CHECK_TIMEOUT_S,
        "restartPolicyType": own_deployment.RESTART_POLICY,
        "overlapSeconds": own_deployment.OVERLAP_S,
        "drainingSeconds": own_deployment.DRAINING_S,
    }
    for start, said in ((None, "Procfile"), (own_deployment.START_COMMAND, "set up as")):
        await set_up(sandbox, place, given | {"startCommand": start})
        well = await finding(provider, place)
        assert well.ok, well.detail
        assert said in well.detail


async def test_what_the_token_may_not_see_is_not_compared(
    provider: RailwayProvider, place: OwnPlace
) -> None:
    elsewhere = await finding(provider, OwnPlace(NOBODY, NOBODY, NOBODY))
    assert elsewhere.ok
    assert elsewhere.detail.startswith("not compared")
