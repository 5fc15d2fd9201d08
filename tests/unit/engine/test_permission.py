"""What the policy allows is enforced before anything is touched, whatever the door."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from commands.cancel_delete import CancelDelete
from commands.delete import DeleteInstance
from engine.actor import Actor, Door, Role
from engine.errors import InvalidInput, NotAllowed
from engine.policy_file import StandingPolicy
from engine.run import RunStatus
from tests.unit.engine.house import ADA, BEN, CLEO, OPS, REGISTRY, Build, Look, Vendor, plane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.plane import Plane

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Noon:
    """It is Saturday noon until told otherwise."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOON).total_seconds()

    async def sleep(self, duration: timedelta) -> None:
        self.at += duration


@asynccontextmanager
async def ruled(folder: Path, policy: str, clock: Noon | None = None) -> AsyncIterator[Plane]:
    path = folder / "policy.yaml"
    path.write_text(policy)
    standing = StandingPolicy(path, {c.name: c for c in REGISTRY.commands})
    async with plane(folder, Vendor(), policy=standing, clock=clock) as opened:
        yield opened


async def refused(p: Plane, actor: Actor) -> NotAllowed:
    with pytest.raises(NotAllowed) as caught:
        await p.submit(actor, Build(), OPS)
    assert await p.list_runs() == []
    return caught.value


async def test_a_rule_raises_what_is_needed_and_names_its_line(tmp_path: Path) -> None:
    rule = "rules:\n  - about: Only while we learn.\n    commands: build\n    may: admin\n"
    async with ruled(tmp_path, rule) as p:
        error = await refused(p, BEN)
        assert error.summary == "`build` of `acme` needs the role admin; yours is deployer."
        assert error.why == "Only while we learn. policy.yaml, line 4: `may: admin`."
        assert error.next_step == "/luthien policy explain build"
        with pytest.raises(NotAllowed):
            await p.preview(BEN, Build(), OPS)
        assert (await p.submit(ADA, Build(), OPS)).status is RunStatus.QUEUED


async def test_a_rule_lets_somebody_do_more_than_the_definition(tmp_path: Path) -> None:
    async with ruled(tmp_path, "rules: [{commands: build, instances: acme, may: U0CLEO}]") as p:
        assert await p.submit(CLEO, Build(), OPS)
        assert (await p.perform(CLEO, Look(), OPS)).answer


async def test_the_first_rule_that_says_something_decides(tmp_path: Path) -> None:
    rules = (
        "rules:\n"
        "  - {commands: build, about: says nothing of it}\n"
        "  - {commands: build --keep, may: admin}\n"
        "  - {commands: build, instances: 'b*', may: nobody}\n"
        "  - {commands: '*', may: deployer}\n"
        "  - {commands: build, may: nobody}\n"
    )
    async with ruled(tmp_path, rules) as p:
        with pytest.raises(NotAllowed, match="needs the role admin"):
            await p.submit(BEN, Build(keep=True), OPS)
        assert await p.submit(BEN, Build(), OPS)


async def test_nobody_may_means_nobody(tmp_path: Path) -> None:
    async with ruled(tmp_path, "rules: [{commands: build, may: nobody}]") as p:
        error = await refused(p, ADA)
    assert error.summary == "`build` of `acme` needs nobody; yours is admin."
    assert "whoever keeps the policy" in error.who


async def test_a_freeze_holds_until_it_is_over(tmp_path: Path) -> None:
    clock = Noon()
    freeze = "freezes:\n  - {name: weekend, from: fri 16:00, until: mon 08:00, still: admin}\n"
    async with ruled(tmp_path, freeze, clock) as p:
        error = await refused(p, BEN)
        assert error.summary == (
            "The freeze “weekend” lasts until Mon 23 Nov 2026 08:00 UTC,"
            " so nothing is changed now."
        )
        assert "policy.yaml, line 2" in error.why
        assert (await p.perform(BEN, Look(), OPS)).answer, "reading goes on"
        run = await p.submit(ADA, Build(), OPS)
        async for _ in p.follow(run.id):
            pass
        scheduler = Actor(door=Door.TIMER, id="scheduler", name="scheduler", role=Role.ADMIN)
        with pytest.raises(NotAllowed, match="The freeze “weekend” lasts"):
            await p.submit(scheduler, Build(), OPS)
        keeps = CancelDelete(instance="acme")
        rulings = {r.about: r for r in await p.explain(BEN, keeps)}
        assert rulings["freeze"].allowed
        assert "does not hold for what keeps things" in rulings["freeze"].text
        clock.at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
        assert await p.submit(BEN, Build(), OPS)


async def test_nobody_creates_more_in_a_day_than_the_policy_allows(tmp_path: Path) -> None:
    clock = Noon()
    policy = "time_zone: Europe/Helsinki\ncreations_per_day: 2\n"

    async def build(actor: Actor) -> None:
        run = await p.submit(actor, Build(), OPS)
        async for _ in p.follow(run.id):
            pass

    async with ruled(tmp_path, policy, clock) as p:
        await build(BEN)
        await build(BEN)
        with pytest.raises(NotAllowed, match="ben created 2 instances today, of 2") as caught:
            await build(BEN)
        assert "policy.yaml, line 2: `creations_per_day: 2`" in caught.value.why
        assert "from Sat 21 Nov 2026 22:00 UTC on" in caught.value.who
        await build(ADA)
        clock.at = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
        await build(BEN)


async def test_a_change_of_the_policy_is_told_once_by_whoever_uses_it(tmp_path: Path) -> None:
    async with ruled(tmp_path, "rules: []") as p:
        (tmp_path / "policy.yaml").write_text("rules: nonsense")
        await p.ask(ADA, Look(), OPS)
        await p.ask(ADA, Look(), OPS)
        [waiting] = await p.notices.untold()
        assert "cannot be read, so what held before still does" in waiting.notice.text
        await p.notices.tell(waiting.notice)
        await p.ask(ADA, Look(), OPS)
        assert await p.notices.untold() == []


async def test_going_on_with_a_run_needs_what_its_command_needs(tmp_path: Path) -> None:
    async with ruled(tmp_path, "rules: []") as p:
        run = await p.submit(ADA, Build(trouble="failed"), OPS)
        async for _ in p.follow(run.id):
            pass
        (tmp_path / "policy.yaml").write_text("rules: [{instances: acme, may: admin}]")
        with pytest.raises(NotAllowed, match="needs the role admin"):
            await p.retry(BEN, run.id)
        assert await p.retry(ADA, run.id)


async def test_production_alone_has_the_name_typed_before_what_cannot_be_taken_back(
    tmp_path: Path,
) -> None:
    at_once = DeleteInstance(instance="prod-eu", force=True, confirm="c0ffee")
    async with ruled(tmp_path, "time_zone: UTC\nproduction: [prod-*]\n") as p:
        with pytest.raises(InvalidInput, match="The name `prod-eu` is typed") as caught:
            await p.complete(at_once)
        assert "policy.yaml, line 2: `production: [prod-*]`" in caught.value.why
        assert caught.value.next_step == "/luthien delete prod-eu --force --type-name prod-eu"
        ruling = {r.about: r for r in await p.explain(BEN, at_once)}["name"]
        assert ruling.quote is not None
        assert ruling.quote.line == 2
        await p.complete(at_once.model_copy(update={"type_name": "prod-eu"}))
        await p.complete(at_once.model_copy(update={"force": False}))
        await p.complete(at_once.model_copy(update={"instance": "acme"}))
        (tmp_path / "policy.yaml").write_text(
            "production: [prod-*]\nrules: [{instances: prod-eu, type_name: false}]\n"
        )
        await p.complete(at_once)
        assert "name" not in {r.about for r in await p.explain(BEN, at_once)}
