"""A key is exchanged only when the gateway says so: the new one opens, the old one does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from commands.steps.places import Place
from commands.steps.prove_key import ProveKey
from commands.steps.remember_key import OLD
from engine.capabilities import AdministersGateways, KeyKind, Service, Space
from engine.step import StepFailed
from tests.unit.commands.fakes import FakeContext

if TYPE_CHECKING:
    from engine.capabilities import GatewayAccess
    from tests.unit.commands.host import FakeHost

SPACE = Space(
    "space-1",
    "env-1",
    "luthien-acme",
    "ready",
    datetime(2026, 1, 1, tzinfo=UTC),
    services=(Service("gw", "gateway"),),
)
STEP = ProveKey(
    key="prove",
    space=Place.of(SPACE),
    service="gw",
    url="https://acme.example",
    variable="CLIENT_API_KEY",
    opens=KeyKind.CLIENT,
    remembered="remember",
)


class Gateway:
    """One gateway that these keys open; `dying`: how often an old one still does."""

    def __init__(self, *keys: str, dying: int = 0) -> None:
        self.keys = keys
        self.dying = dying
        self.tried: list[tuple[str, str, KeyKind]] = []

    async def accepts(self, gateway: GatewayAccess, kind: KeyKind) -> bool:
        self.tried.append((gateway.url, gateway.key, kind))
        if gateway.key == "old" and self.dying > 0:
            self.dying -= 1
            return True
        return gateway.key in self.keys


class Context(FakeContext):
    """One whose gateways are these."""

    def __init__(self, host: FakeHost, gateway: Gateway, *, known: bool = True) -> None:
        super().__init__(host, results={"remember": {"known": known}})
        self.gateway = gateway
        self.secrets[OLD] = "old"

    @override
    def use(self, capability: type[Any]) -> Any:
        return self.gateway if capability is AdministersGateways else super().use(capability)


@pytest.fixture
def host_with_key(host: FakeHost) -> FakeHost:
    host.put(SPACE)
    host.service("space-1", "gateway").variables = {"CLIENT_API_KEY": "new"}
    return host


async def test_it_is_proved_when_the_new_one_opens_and_the_old_one_does_not(
    host_with_key: FakeHost,
) -> None:
    gateway = Gateway("new")
    said = await STEP.run(Context(host_with_key, gateway))
    assert said == {"said": "The new key is accepted, the old one refused"}
    assert gateway.tried == [
        ("https://acme.example", key, KeyKind.CLIENT) for key in ("new", "old")
    ]


async def test_an_earlier_deployment_may_answer_a_while(host_with_key: FakeHost) -> None:
    ctx = Context(host_with_key, Gateway("new", dying=3))
    await STEP.run(ctx)
    assert ctx.notes == ["The earlier deployment still answers"]


async def test_a_new_key_that_is_refused_is_told(host_with_key: FakeHost) -> None:
    with pytest.raises(StepFailed, match="The gateway refuses the new key"):
        await STEP.run(Context(host_with_key, Gateway()))


async def test_an_old_key_that_still_opens_is_told(host_with_key: FakeHost) -> None:
    with pytest.raises(StepFailed, match="The gateway still accepts the old key") as failed:
        await STEP.run(Context(host_with_key, Gateway("new", "old")))
    assert "Something else than the new deployment" in failed.value.why
    host_with_key.service("space-1", "gateway").variables["AUTH_MODE"] = "passthrough"
    with pytest.raises(StepFailed) as passes:
        await STEP.run(Context(host_with_key, Gateway("new", "old")))
    assert "AUTH_MODE is passthrough" in passes.value.why


async def test_an_old_key_that_nobody_knows_is_said_to_be_untried(
    host_with_key: FakeHost,
) -> None:
    gateway = Gateway("new", "old")
    said = await STEP.run(Context(host_with_key, gateway, known=False))
    assert "not known and was not tried" in str(said["said"])
    assert [key for _, key, _ in gateway.tried] == ["new"]
