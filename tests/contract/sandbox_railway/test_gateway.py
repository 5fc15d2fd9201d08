"""What answers behind a domain: Railway's edge, and the gateway with its admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.sandbox_railway.client import GATEWAY_VARIABLES, Railway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

ADMIN = {"Authorization": f"Bearer {GATEWAY_VARIABLES['ADMIN_API_KEY']}"}
CLIENT = {"x-api-key": GATEWAY_VARIABLES["CLIENT_API_KEY"]}
MESSAGE = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
CAPS = "luthien_proxy.policies.all_caps_policy:AllCapsPolicy"
JUDGE = "luthien_proxy.policies.tool_call_judge_policy:ToolCallJudgePolicy"


@pytest.fixture
async def visitor(railway: Railway) -> AsyncIterator[httpx.AsyncClient]:
    _, _, domain = await railway.instance_of_luthien()
    async with railway.visit(domain) as client:
        yield client


async def test_an_unknown_host_is_the_edges_404(railway: Railway) -> None:
    async with railway.visit("nobody-production-0000.localhost") as visitor:
        reply = await visitor.get("/health")
    assert reply.status_code == 404
    body = reply.json()
    assert body["request_id"]
    assert {k: body[k] for k in ("status", "code", "message")} == {
        "status": "error",
        "code": 404,
        "message": "Application not found",
    }


@pytest.mark.parametrize(
    ("broken", "component"),
    [
        ({"DATABASE_URL": "${{postgres.DATABASE_URL}}"}, "database"),
        ({"DATABASE_URL": "${{Postgres.DATABASE_PUBLIC_URL}}"}, None),
        ({"REDIS_URL": ""}, "redis"),
        ({"REDIS_URL": "redis://default:wrong@redis.railway.internal:6379"}, "redis"),
        ({"REDIS_URL": "${{Postgres.DATABASE_URL}}"}, "redis"),
        ({"REDIS_URL": "redis://default:x@elsewhere.railway.internal:6379"}, "redis"),
    ],
)
async def test_a_wrongly_wired_instance_is_not_ready(
    railway: Railway, broken: dict[str, str], component: str | None
) -> None:
    place = await railway.project()
    for code in ("postgres", "redis"):
        await railway.finished(place, await railway.database(place, code))
    gateway = await railway.settled_service(place)
    await railway.set_variables(place, gateway, {**GATEWAY_VARIABLES, **broken})
    domain = await railway.domain(place, gateway)
    await railway.connect(gateway)
    if component is None:  # a Postgres URL that leads nowhere: migrations fail, nothing starts
        await railway.finished(place, gateway, "FAILED")
        return
    await railway.finished(place, gateway)
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/health")).status_code == 200
        unready = await visitor.get("/ready")
    assert unready.status_code == 503
    good = {"database": "ok", "redis": "ok"}
    assert {k for k, v in unready.json()["checks"].items() if v != good[k]} == {component}


async def test_a_domain_on_another_port_reaches_nothing(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    wrong = await railway.domain(place, gateway, port=9000)
    unset = await railway.domain(place, gateway, port=None)
    async with railway.visit(wrong) as visitor:
        reply = await visitor.get("/health")
    assert reply.status_code == 502
    assert reply.json()["message"] == "Application failed to respond"
    async with railway.visit(unset) as visitor:
        assert (await visitor.get("/health")).status_code == 200


async def test_nothing_answers_before_the_container_runs(railway: Railway) -> None:
    await railway.configure(pace=1000)
    place = await railway.project()
    gateway = await railway.settled_service(place)
    domain = await railway.domain(place, gateway)
    await railway.connect(gateway)
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/health")).status_code == 404


async def test_a_custom_domain_leads_to_the_same_gateway(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    created = await railway.ask(
        """mutation ($input: CustomDomainCreateInput!) {
          customDomainCreate(input: $input) {
            domain status { verified certificateStatus verificationDnsHost verificationToken
              dnsRecords { fqdn recordType requiredValue currentValue purpose status } }
          }
        }""",
        input={
            "domain": "gateway.example.com",
            "projectId": place.project,
            "environmentId": place.environment,
            "serviceId": gateway,
            "targetPort": 8000,
        },
    )
    assert created["status"]["verified"] is False
    purposes = {r["purpose"]: r["recordType"] for r in created["status"]["dnsRecords"]}
    assert purposes == {
        "DNS_RECORD_PURPOSE_TRAFFIC_ROUTE": "DNS_RECORD_TYPE_CNAME",
        "DNS_RECORD_PURPOSE_ACME_DNS01_CHALLENGE": "DNS_RECORD_TYPE_TXT",
    }
    async with railway.visit("gateway.example.com") as visitor:
        assert (await visitor.get("/ready")).status_code == 200


# -- the gateway itself ------------------------------------------------------------------------


async def test_the_landing_page(visitor: httpx.AsyncClient) -> None:
    reply = await visitor.get("/")
    assert "text/html" in reply.headers["content-type"]
    assert "Luthien gateway" in reply.text
    assert (await visitor.get("/nothing")).status_code == 404


@pytest.mark.parametrize("headers", [{}, CLIENT, {"Authorization": "Bearer nonsense"}])
async def test_the_admin_api_needs_the_admin_key(
    visitor: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await visitor.get("/api/admin/policy/current", headers=headers)).status_code == 403


async def set_policy(visitor: httpx.AsyncClient, **body: Any) -> Any:
    reply = await visitor.post("/api/admin/policy/set", headers=ADMIN, json=body)
    return reply.json()


async def test_a_policy_takes_effect_at_once_and_outlives_a_deployment(railway: Railway) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    async with railway.visit(domain) as visitor:
        listed = (await visitor.get("/api/admin/policy/list", headers=ADMIN)).json()["policies"]
        assert CAPS in [policy["class_ref"] for policy in listed]
        before = await visitor.get("/api/admin/policy/current", headers=ADMIN)
        assert before.json()["policy"] == "NoOpPolicy"
        done = await set_policy(visitor, policy_class_ref=CAPS, config={}, enabled_by="ada")
        assert done["success"] is True
        reply = await visitor.post("/v1/messages", headers=CLIENT, json=MESSAGE)
        assert reply.json()["content"] == [{"type": "text", "text": "YOU SAID: HI"}]
        await railway.ask(
            "mutation ($service: String!, $environment: String!) "
            "{ serviceInstanceDeployV2(serviceId: $service, environmentId: $environment) }",
            service=gateway,
            environment=place.environment,
        )
        await railway.finished(place, gateway)
        after = await visitor.get("/api/admin/policy/current", headers=ADMIN)
        assert after.json()["class_ref"] == CAPS


async def test_a_policy_that_does_not_fit_is_refused_with_reasons(
    visitor: httpx.AsyncClient,
) -> None:
    unknown = await set_policy(visitor, policy_class_ref="nothing:Here", config={})
    assert unknown["success"] is False
    assert unknown["troubleshooting"]
    wrong = await set_policy(
        visitor, policy_class_ref=JUDGE, config={"probability_threshold": 2, "colour": "red"}
    )
    assert wrong["success"] is False
    assert {e["field"] for e in wrong["validation_errors"]} == {"probability_threshold", "colour"}
    current = await visitor.get("/api/admin/policy/current", headers=ADMIN)
    assert current.json()["policy"] == "NoOpPolicy"


@pytest.mark.parametrize(
    ("mode", "headers", "status"),
    [
        ("both", CLIENT, 200),
        ("both", {"Authorization": f"Bearer {GATEWAY_VARIABLES['CLIENT_API_KEY']}"}, 200),
        ("both", {}, 401),
        ("both", {"x-api-key": "nonsense"}, 401),
        ("both", {"x-api-key": "sk-ant-own"}, 200),
        ("client_key", {"x-api-key": "sk-ant-own"}, 401),
        ("client_key", CLIENT, 200),
        ("passthrough", {"x-api-key": "sk-ant-own"}, 200),
        ("passthrough", {}, 401),
    ],
)
async def test_messages_need_a_key_that_the_mode_accepts(
    visitor: httpx.AsyncClient, mode: str, headers: dict[str, str], status: int
) -> None:
    body = {"auth_mode": mode}
    changed = await visitor.post("/api/admin/auth/config", headers=ADMIN, json=body)
    assert changed.json() == body
    reply = await visitor.post("/v1/messages", headers=headers, json=MESSAGE)
    assert reply.status_code == status
    if status == 401:
        assert reply.json()["error"]["type"] == "authentication_error"


async def test_diagnostics_credentials_and_telemetry(visitor: httpx.AsyncClient) -> None:
    status = (await visitor.get("/api/admin/system-status", headers=ADMIN)).json()
    assert status["status"] == "ok"
    assert set(status["components"]) == {"database", "redis"}
    secret = {"name": "anthropic", "value": "sk-ant-very-secret-value"}
    await visitor.post("/api/admin/credentials", headers=ADMIN, json=secret)
    listed = await visitor.get("/api/admin/credentials", headers=ADMIN)
    assert listed.json() == {"credentials": [{"name": "anthropic"}]}
    await visitor.post("/v1/messages", headers=CLIENT, json=MESSAGE)
    telemetry = (await visitor.get("/api/admin/telemetry", headers=ADMIN)).json()
    assert telemetry["requests_total"] == 1
    config = (await visitor.get("/api/admin/config", headers=ADMIN)).json()
    assert config["port"] == 8000
    bad = await visitor.post("/api/admin/auth/config", headers=ADMIN, json={"auth_mode": "none"})
    assert bad.status_code == 422
