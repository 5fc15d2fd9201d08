"""The remote half against the real API: what a door sees is the same with and without a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from api.remote import RemoteControl
from api.server import create_app
from engine.actor import Actor, Door, Origin, Role
from engine.errors import Locked, NotFound, OpsError, OutcomeUnknown, Unreachable
from tests.unit.api.fakes import HAPPY, THINGS, FakeControl, Make, Things, knows, run_view

if TYPE_CHECKING:
    from collections.abc import Callable

ADA = Actor(door=Door.CLI, id="ada", name="ada", role=Role.ADMIN)
HERE = Origin(door=Door.CLI)


@dataclass
class At:
    address: str = "http://api"
    token: str = "t"


async def _ready() -> dict[str, bool]:
    return {}


def remote(control: FakeControl, user: str = "ada") -> RemoteControl:
    app = create_app(control, token="t", knows=knows, ready=_ready)
    return RemoteControl(At, user=user, transport=httpx.ASGITransport(app))


async def test_a_change_and_a_question_as_if_they_were_here() -> None:
    control = FakeControl()
    async with remote(control) as far:
        made = await far.perform(ADA, Make(thing="acme", colour="blue"), HERE)
        asked = await far.perform(ADA, Things(), HERE)
        plan = await far.perform(ADA, Make(thing="acme"), HERE, plan_only=True)
    assert made.run == run_view()
    assert asked.answer == THINGS
    assert plan.answer is not None
    assert control.asked[0] == ("cli:ada", Make(thing="acme", colour="blue"), False)


async def test_the_user_is_told_even_with_a_strange_name() -> None:
    control = FakeControl()
    async with remote(control, "ada lovelace/é") as far:
        await far.perform(ADA, Things(), HERE)
    assert control.asked[0][0].startswith("cli:ada_lovelace_")


async def test_errors_come_back_as_what_they_were() -> None:
    async with remote(FakeControl({"make": Locked("Held.", next_step="/luthien runs")})) as far:
        with pytest.raises(Locked, match="Held"):
            await far.perform(ADA, Make(thing="acme"), HERE)
        with pytest.raises(NotFound):
            await far.show("nope")


async def test_events_are_followed_from_anywhere() -> None:
    async with remote(FakeControl()) as far:
        assert [event async for event in far.follow("rtest234")] == HAPPY
        assert [event async for event in far.follow("rtest234", after=4)] == HAPPY[4:]


async def test_no_server_is_unreachable() -> None:
    async with RemoteControl(lambda: None, user="ada") as far:
        with pytest.raises(Unreachable):
            await far.show("rtest234")


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [(httpx.ConnectError, Unreachable), (httpx.ReadError, OutcomeUnknown)],
)
async def test_a_broken_connection_is_told_by_what_may_have_happened(
    failure: Callable[[str], Exception], meaning: type[OpsError]
) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise failure("gone")

    async with RemoteControl(At, user="ada", transport=httpx.MockTransport(broken)) as far:
        with pytest.raises(meaning):
            await far.perform(ADA, Make(thing="acme"), HERE)


async def test_a_lost_answer_is_asked_for_again_under_the_same_key() -> None:
    control = FakeControl()
    inner = httpx.ASGITransport(create_app(control, token="t", knows=knows, ready=_ready))
    keys: list[str] = []

    class LosesTheFirstAnswer(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            keys.append(request.headers["Idempotency-Key"])
            answer = await inner.handle_async_request(request)
            if len(keys) == 1:
                raise httpx.ReadError("lost")
            return answer

    async with RemoteControl(At, user="ada", transport=LosesTheFirstAnswer()) as far:
        made = await far.perform(ADA, Make(thing="acme"), HERE)
    assert made.run == run_view()
    assert len(control.asked) == 1
    assert len(set(keys)) == 1


async def test_a_server_that_comes_back_is_followed_on() -> None:
    control = FakeControl()
    control.told = HAPPY[:3]  # the server stops in the middle of the run
    asked: list[str] = []
    app = create_app(control, token="t", knows=knows, ready=_ready)
    inner = httpx.ASGITransport(app)

    class Restarting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.headers["Last-Event-ID"])
            if len(asked) == 2:
                control.told = HAPPY
                raise httpx.ConnectError("not yet")
            return await inner.handle_async_request(request)

    async with RemoteControl(At, user="ada", transport=Restarting(), pace=100) as far:
        assert [event async for event in far.follow("rtest234")] == HAPPY
    assert asked == ["0", "3", "3"]
