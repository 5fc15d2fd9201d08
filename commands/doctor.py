"""Check that everything luthien-ops needs is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from commands.instances import all_instances, dockerfiles_asked
from commands.repair import repairs
from commands.service_settings import ASKED, consequences
from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Table, explained
from engine.command import Question
from engine.errors import OpsError
from engine.words import plural, some, typed
from engine.world import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.world import World


class Doctor(Question):
    """Check the settings, the database, the chat and the host, and say what to do."""

    name: ClassVar[str] = "doctor"
    role: ClassVar[Role] = Role.DEPLOYER
    group: ClassVar[str] = "Help"
    examples: ClassVar[tuple[str, ...]] = ("doctor",)

    async def answer(self, world: World) -> Answer:
        found = await asyncio.gather(*(check() for check in world.checks))
        gateways, lacking = await _gateways(world)
        findings = [*(finding for some in found for finding in some), *gateways]
        wrong = [finding for finding in findings if not finding.ok]
        pages = list(dict.fromkeys(finding.page for finding in wrong if finding.page))
        well = [finding for finding in findings if finding.ok]
        return Answer(
            title=_title(len(findings), len(wrong)),
            private=True,
            parts=(
                Table(
                    columns=("Check", "Result", "Found", *(["What to do"] if wrong else [])),
                    rows=tuple(_row(finding, bool(wrong)) for finding in [*wrong, *well]),
                    empty="There is nothing to check.",
                ),
                Offers(
                    offers=(
                        *repairs(lacking),
                        Offer(label="Check again", line=self.name),
                        *(explained(page, f"About {page.replace('_', ' ')}") for page in pages),
                    )
                ),
            ),
            data={
                "ok": not wrong,
                "checks": [
                    {"name": f.name, "ok": f.ok, "detail": f.detail, "fix": f.fix or None}
                    | ({"runbook": f.page} if f.page else {})
                    for f in findings
                ],
            },
        )


async def _gateways(world: World) -> tuple[Sequence[Finding], Sequence[str]]:
    """Whether the host knows how each gateway is built and run, and whose it does not know. What
    keeps it from being asked is found by other checks."""
    name = "Settings of gateways"
    try:
        instances = await all_instances(world)
    except OpsError:
        return (), ()
    lacking = [i for i in instances if i.needs_repair]
    if not lacking:
        detail = f"complete for {plural(len(instances), 'gateway')}"
        return [Finding(name, ok=True, detail=detail if instances else "there are none")], ()
    known = await dockerfiles_asked(world, lacking, most=ASKED)
    wrong = [f"{some(names)}: {what}" for names, what in consequences(known)]
    fix = f"repair {lacking[0].name}" if len(lacking) == 1 else "repair --all"
    problem = Finding(name, ok=False, detail="; ".join(wrong), fix=typed(fix))
    return [problem], [instance.name for instance in lacking]


def _title(checks: int, wrong: int) -> str:
    if wrong:
        return f"{plural(wrong, 'problem')} in {plural(checks, 'check')}"
    return f"All is well ({plural(checks, 'check')})"


def _row(finding: Finding, advised: bool) -> tuple[str, ...]:
    """`advised`: something is wrong, so there is a column for what to do."""
    row = (finding.name, "ok" if finding.ok else "PROBLEM", finding.detail)
    advice = "" if finding.ok else finding.fix
    return (*row, advice) if advised else row
