"""Roles from Slack: given, taken, by group; effective with the next click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.chat import Chat
from tests.e2e.house import open_house, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_role_is_given_told_and_taken(town: House, people: Chat) -> None:
    await people.cleo.types("/luthien create mine --plan")
    await people.cleo.gets("`create` needs the role deployer", "role grant U0CLEO0001 deployer")

    await people.ben.types("/luthien role grant @cleo deployer")
    await people.ben.gets("`role` needs the role admin; yours is deployer")
    await people.ada.types("/luthien role grant @cleo deployer")
    await people.ada.gets("<@U0CLEO0001> has the role deployer now", "The person is told")

    await people.cleo.types("/luthien create mine --plan")
    planned = await people.cleo.gets("Plan: Create instance mine")
    private = people.cleo.elsewhere("@luthien")
    await private.sees("<@U0ADA00001> gave you the role *deployer*")
    await people.cleo.types("/luthien whoami")
    await people.cleo.gets("deployer, from a grant by <@U0ADA00001>")

    await people.ada.types("/luthien role revoke @cleo")
    await people.ada.gets("Nothing is granted to <@U0CLEO0001> any more")
    await people.cleo.clicks("Do it", planned)
    await people.cleo.gets("`create` needs the role deployer; yours is viewer")
    await private.sees("<@U0ADA00001> took the role *deployer* from you")
    assert not await town.projects()


async def test_a_group_gives_its_members_a_role(town: House, people: Chat) -> None:
    await town.control("slack/group", handle="sre-team", members=["cleo"])
    await people.ada.types("/luthien role grant @sre-team admin")
    await people.ada.gets("has the role admin now", "It counts for 1 member at once")
    await people.ben.sees("<@U0ADA00001> gave", "the role *admin*")

    await people.cleo.types("/luthien role")
    await people.cleo.gets("3 roles given by name", "@sre-team (cleo)", "granted by ada")
    await people.cleo.types("/luthien sweep --dry-run")
    await people.cleo.gets("No deletion is scheduled")

    await town.control("slack/group", handle="sre-team", members=[])

    async def refused() -> bool:  # as soon as Slack's event is here
        await people.cleo.types("/luthien sweep --dry-run")
        answer = await people.cleo.gets("")
        return "needs the role admin; yours is viewer" in answer

    await until(refused, within=10, what="cleo is refused")


async def test_the_command_line_gives_and_lists_roles(town: House, people: Chat) -> None:
    given = await town.luthien("role", "grant", "@cleo", "deployer", "--json")
    assert given.code == 0, given.err
    assert given.json == {"key": "slack:U0CLEO0001", "name": "cleo", "role": "deployer"}
    listed = (await town.luthien("role", "--json")).json
    assert ("slack:U0CLEO0001", "deployer") in [(r["key"], r["role"]) for r in listed["roles"]]
    taken = await town.luthien("role", "revoke", "U0CLEO0001")
    assert taken.code == 0, taken.err
    refused = await town.luthien("role", "revoke", "U0CLEO0001", "--json")
    assert (refused.code, refused.json["code"]) == (2, "not_found")


async def test_the_form_asks_slack_for_the_person(people: Chat) -> None:
    await people.ada.types("/luthien role grant")
    view = await people.ada.modal()
    kinds = {block["block_id"]: block["element"]["type"] for block in view["blocks"][1:]}
    assert kinds["person"] == "users_select"


@pytest.mark.asyncio(loop_scope="function")
async def test_what_the_policy_keeps_from_one_is_not_offered_and_refused_anyway(
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "rules:\n"
        "  - {commands: restart, may: admin, about: It is felt by everybody.}\n"
        "  - {commands: [delete, lock], instances: 'prod-*', may: admin}\n"
        "  - {commands: cancel-delete, instances: 'prod-*', may: viewer}\n"
    )
    async with open_house(tmp_path, LUTHIEN_POLICY=str(policy)) as house:
        for name in ("prod-eu", "acme"):
            await house.control("railway/populate", count=1, name=f"luthien-{name}")
        later = "deletion-scheduled:2099-01-01T00:00:00+00:00"
        leaving = {"count": 1, "name": "luthien-prod-us", "description": later}
        await house.control("railway/populate", **leaving)
        await house.serve()
        ben, cleo = Chat(house.http).ben, Chat(house.http).cleo
        await ben.types("/luthien help")
        told = await ben.gets("What you can do here", "The policy keeps `restart` from you")
        assert "/luthien restart <instance>" not in told
        await ben.types("/luthien help restart")
        await ben.gets("The policy keeps it from you")
        await ben.types("/luthien restart acme")
        await ben.gets("`restart` of `acme` needs the role admin", "felt by everybody")

        home = str(await ben.home())
        assert "'delete acme'" in home
        assert "'delete prod-eu'" not in home
        await ben.types("/luthien delete prod-eu")
        await ben.gets("`delete` of `prod-eu` needs the role admin")
        await cleo.types("/luthien list")
        listed = await cleo.gets("prod-us", "Deletion")
        assert "Keep prod-us" in listed.buttons, "the policy gives it to a viewer"
        known = (await house.luthien("list", "--json")).json["instances"]
        assert {"restart", "delete"} <= set(known[0]["actions"]), "an admin may"
