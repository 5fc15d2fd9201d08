"""The bot on Railway, by the variables that Railway sets: its page's address, its own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.chat import Chat

if TYPE_CHECKING:
    from tests.e2e.house import House


async def on_railway(house: House) -> None:
    """A service at the stand-in that the bot takes for itself, without a domain."""

    async def ask(text: str, **given: Any) -> Any:
        answer = await house.http.post(
            "/railway/graphql/v2",
            headers={"Authorization": f"Bearer {house.settings['RAILWAY_API_TOKEN']}"},
            json={"query": text, "variables": given},
        )
        [value] = answer.json()["data"].values()
        return value

    [workspace, *_] = (await ask("{ me { workspaces { id } } }"))["workspaces"]
    project = await ask(
        "mutation($input: ProjectCreateInput!) { projectCreate(input: $input)"
        " { id environments { edges { node { id } } } } }",
        input={"name": "ops", "workspaceId": workspace["id"]},
    )
    service = await ask(
        "mutation($input: ServiceCreateInput!) { serviceCreate(input: $input) { id } }",
        input={"projectId": project["id"], "name": "bot"},
    )
    [environment] = project["environments"]["edges"]
    house.settings |= {
        "LUTHIEN_PUBLIC_URL": "",
        "RAILWAY_PROJECT_ID": project["id"],
        "RAILWAY_ENVIRONMENT_ID": environment["node"]["id"],
        "RAILWAY_SERVICE_ID": service["id"],
    }


async def test_without_a_domain_slack_gives_no_link_and_the_settings_are_compared(
    sandbox_only: House,
) -> None:
    house = sandbox_only
    await on_railway(house)
    await house.serve()
    ben = Chat(house.http).ben
    await ben.types("/luthien web")
    refused = await ben.gets("has no address that you could open", "Generate Domain")
    assert f"service/{house.settings['RAILWAY_SERVICE_ID']}/settings" in refused.text
    assert not any("127.0.0.1" in link for link in refused.links.values())
    assert "127.0.0.1" not in refused.text
    assert "no public address, so Slack gives no link" in house.server.log
    local = f"http://{house.settings['LUTHIEN_LISTEN']}"
    assert f"serving at {local}, data in " in house.server.log

    # On the machine itself its own address is right.
    ran = await house.luthien("web", "--json")
    assert ran.json["url"].startswith(f"{local}/sign-in/")

    told = (await house.luthien("doctor", "--json")).json["checks"]
    [own] = [check for check in told if check["name"] == "This deployment"]
    assert not own["ok"]
    assert "pre-deploy command is not set, should be python -m app migrate" in own["detail"]
    assert "`railway config apply`" in own["fix"]


async def test_a_domain_of_railway_is_the_pages_address(sandbox_only: House) -> None:
    house = sandbox_only
    house.settings |= {"LUTHIEN_PUBLIC_URL": "", "RAILWAY_PUBLIC_DOMAIN": "bot.up.railway.app"}
    await house.serve()
    ben = Chat(house.http).ben
    await ben.types("/luthien web")
    got = await ben.gets("Your way into the web page")
    assert got.links["Open the web page"].startswith("https://bot.up.railway.app/sign-in/")
    assert "serving at https://bot.up.railway.app, data in " in house.server.log
    told = (await house.luthien("doctor", "--json")).json["checks"]
    assert "This deployment" not in [check["name"] for check in told]
