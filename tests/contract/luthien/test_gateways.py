"""A gateway's admin API, as the stand-in serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from engine.capabilities import Database, GatewayAccess, GatewayPolicy, KeyKind
from engine.errors import OutcomeUnknown, Rejected, Unreachable
from providers.luthien.provider import LuthienGateways
from tests.contract.railway.conftest import (
    REPO,
    a_gateway,
    connect,
    process,
    provider,
    sandbox,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

__all__ = ["connect", "process", "provider", "sandbox"]

NOOP = "luthien_proxy.policies.noop_policy:NoOpPolicy"
JUDGE = "luthien_proxy.policies.tool_call_judge_policy:ToolCallJudgePolicy"
KEYS = {"CLIENT_API_KEY": "sk-luthien-client", "ADMIN_API_KEY": "admin-of-test"}


@pytest.fixture
async def gateways() -> AsyncIterator[LuthienGateways]:
    async with LuthienGateways(httpx.AsyncHTTPTransport(verify=False)) as opened:
        yield opened


@pytest.fixture
async def admin(provider: RailwayProvider) -> GatewayAccess:
    """A gateway that runs, and its admin key."""
    space = await provider.create_space("luthien-acme", mark="ready")
    await provider.add_database(space, Database.POSTGRES, name="Postgres")
    await provider.add_database(space, Database.REDIS, name="Redis")
    service = await a_gateway(provider, space)
    wiring = {
        "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
        "REDIS_URL": "${{Redis.REDIS_URL}}",
        "PORT": "8000",
    }
    await provider.write_variables(space, service.id, {**wiring, **KEYS})
    public = await provider.expose(space, service.id, port=8000)
    deployment = await provider.connect_source(space, service.id, repo=REPO, branch="main")
    async for _ in provider.watch(space, deployment.id):
        pass
    return GatewayAccess(public.url, KEYS["ADMIN_API_KEY"])


async def test_a_policy_is_read_listed_and_set(
    gateways: LuthienGateways, admin: GatewayAccess
) -> None:
    assert (await gateways.policy(admin)).class_ref == NOOP
    assert JUDGE in [kind.class_ref for kind in await gateways.policies(admin)]
    verdict = await gateways.set_policy(admin, GatewayPolicy(JUDGE, {"model": "m1"}), by="ada")
    assert verdict.accepted
    now = await gateways.policy(admin)
    assert (now.class_ref, now.config, now.set_by) == (JUDGE, {"model": "m1"}, "ada")


async def test_what_is_wrong_with_a_policy_is_told_by_field(
    gateways: LuthienGateways, admin: GatewayAccess
) -> None:
    wrong = GatewayPolicy(JUDGE, {"probability_threshold": 7, "colour": "red"})
    verdict = await gateways.set_policy(admin, wrong, by="ada")
    assert not verdict.accepted
    assert dict(verdict.faults) == {
        "probability_threshold": "has to be between 0 and 1",
        "colour": "is no field of this policy",
    }
    assert verdict.advice
    unknown = await gateways.set_policy(admin, GatewayPolicy("nothing:Here"), by="ada")
    assert "could not be loaded" in unknown.message
    assert (await gateways.policy(admin)).class_ref == NOOP


@pytest.mark.parametrize("kind", ["lost-before", "lost-after", "504-after"])
async def test_a_policy_whose_answer_was_lost_may_be_in_force(
    gateways: LuthienGateways, admin: GatewayAccess, sandbox: Sandbox, kind: str
) -> None:
    where = {"vendor": "gateway", "operation": "POST /api/admin/policy/set", "nth": 1}
    sandbox.control("faults", **where, kind=kind)
    with pytest.raises(OutcomeUnknown):
        await gateways.set_policy(admin, GatewayPolicy(JUDGE), by="ada")
    done = (await gateways.policy(admin)).class_ref == JUDGE
    assert done is (kind != "lost-before")


async def test_a_read_that_is_lost_may_be_repeated(
    gateways: LuthienGateways, admin: GatewayAccess, sandbox: Sandbox
) -> None:
    where = {"vendor": "gateway", "operation": "GET /api/admin/policy/current", "nth": 1}
    sandbox.control("faults", **where, kind="lost-before")
    with pytest.raises(Unreachable):
        await gateways.policy(admin)


async def test_keys_that_count_and_keys_that_do_not(
    gateways: LuthienGateways, admin: GatewayAccess
) -> None:
    assert await gateways.accepts(admin, KeyKind.ADMIN)
    assert not await gateways.accepts(GatewayAccess(admin.url, "dead"), KeyKind.ADMIN)
    client = GatewayAccess(admin.url, KEYS["CLIENT_API_KEY"])
    assert await gateways.accepts(client, KeyKind.CLIENT)
    assert not await gateways.accepts(GatewayAccess(admin.url, "dead"), KeyKind.CLIENT)
    with pytest.raises(Rejected, match="refuses the admin key"):
        await gateways.policy(client)
    assert "admin-of-test" not in repr(admin)


async def test_a_gateway_that_is_not_there(gateways: LuthienGateways, sandbox: Sandbox) -> None:
    nobody = GatewayAccess(sandbox.gateway_url.format(domain="nobody.localhost"), "x")
    with pytest.raises(Unreachable, match="does not answer"):
        await gateways.policy(nobody)
    with pytest.raises(Unreachable, match="does not answer"):
        await gateways.accepts(nobody, KeyKind.CLIENT)
