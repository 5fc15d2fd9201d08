"""Steps of a run that another version of the code planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from engine.run import Trouble
from engine.step import Result, Step, StepContext, StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.registry import Registry


class ForeignStep(Step):
    """Stands in a plan for a kind of step, or for fields of one, that is not known here. The steps
    before it are carried out; it can be neither carried out nor undone."""

    kind: ClassVar[str] = "foreign"

    title: str

    @override
    def describe(self) -> str:
        return self.title

    @override
    async def run(self, ctx: StepContext) -> Result:
        raise NotKnownHere(self)

    @override
    async def undo(self, ctx: StepContext, created: Mapping[str, str]) -> None:
        raise StepFailed(
            "only the version of luthien-ops that planned this run knows how to remove it"
        )


class NotKnownHere(Exception):
    """A step's turn came that only another version knows."""

    def __init__(self, step: ForeignStep) -> None:
        super().__init__(step.key)
        self.step = step

    def trouble(self, run_id: str) -> Trouble:
        """Nothing was tried, so nothing is in doubt; people decide."""
        return Trouble(
            step=self.step.key,
            step_title=self.step.title,
            summary="This version of luthien-ops does not know this step.",
            why="Another version planned the run, and none of its replicas is there any more.",
            next_step=f"Start that version again and `/luthien retry {run_id}`",
        )


def loaded(registry: Registry, stored: Mapping[str, Any], title: str) -> Step:
    """A stored step as it was, or what stands for it."""
    try:
        return registry.load_step(stored)
    except Exception:  # noqa: BLE001 (a kind that is unknown, or fields that are)
        return ForeignStep(key=stored["key"], after=tuple(stored.get("after", ())), title=title)
