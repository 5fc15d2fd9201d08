"""Check that everything luthien-ops needs is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Table, explained
from engine.command import Question
from engine.words import plural

if TYPE_CHECKING:
    from engine.world import Finding, World


class Doctor(Question):
    """Check the settings, the database, the chat and the host, and say what to do."""

    name: ClassVar[str] = "doctor"
    role: ClassVar[Role] = Role.DEPLOYER
    group: ClassVar[str] = "Help"
    examples: ClassVar[tuple[str, ...]] = ("doctor",)

    async def answer(self, world: World) -> Answer:
        found = await asyncio.gather(*(check() for check in world.checks))
        findings = [finding for some in found for finding in some]
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


def _title(checks: int, wrong: int) -> str:
    if wrong:
        return f"{plural(wrong, 'problem')} in {plural(checks, 'check')}"
    return f"All is well ({plural(checks, 'check')})"


def _row(finding: Finding, advised: bool) -> tuple[str, ...]:
    """`advised`: something is wrong, so there is a column for what to do."""
    row = (finding.name, "ok" if finding.ok else "PROBLEM", finding.detail)
    advice = "" if finding.ok else finding.fix
    return (*row, advice) if advised else row
