"""Many gateways that lack settings: what one `repair --all`, `doctor` and the watch ask for."""

from __future__ import annotations

from commands.doctor import Doctor
from commands.repair import MOST, Repair
from commands.service_settings import ASKED
from tests.unit.commands.worlds import Described, DescribedRun, DescribedSpace, Given

MANY = MOST + 10


def fleet() -> Given:
    """That many instances without settings; their runs can begin."""
    spaces = [DescribedSpace(name=f"luthien-n{n}", configured=False) for n in range(MANY)]
    started = DescribedRun(id="r2fix", line="repair n0", subject="n0")
    return Given(Described(actor="ben", spaces=tuple(spaces), runs=(started,)))


async def test_so_many_are_begun_at_once_and_the_rest_is_named() -> None:
    given = fleet()
    said = await Repair.parse({"all": True}).answer(given.world)
    assert len(said.data["repairs"]) == len(given.control.asked) == MOST
    assert len(said.data["left"]) == MANY - MOST
    assert "`/luthien repair --all` goes on" in str(said.parts)


async def test_only_so_many_are_asked_for_their_variables() -> None:
    for command in (Doctor(), Repair()):
        given = fleet()
        await command.answer(given.world)
        assert given.host.calls.count("named_dockerfile") == ASKED
