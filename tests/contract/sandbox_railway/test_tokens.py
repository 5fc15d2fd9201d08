"""What each kind of token may do. Source: docs.railway.com, integrations/api."""

from __future__ import annotations

import pytest

from tests.contract.sandbox_railway.client import LUTHIEN, Place, Railway, Refused

WORKSPACE = {"Authorization": "Bearer sandbox-workspace"}
PROJECT = {"Project-Access-Token": "sandbox-project"}
LIST = "{ projects { edges { node { id } } } }"
CREATE = "mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) { id } }"


async def refusal(caller: Railway, query: str, **variables: object) -> str:
    with pytest.raises(Refused) as caught:
        await caller.ask(query, **variables)
    assert caught.value.status == 200
    return str(caught.value)


async def test_the_account_sees_itself_and_its_workspaces(railway: Railway) -> None:
    me = await railway.ask("{ me { email workspaces { id name plan } } }")
    assert me["email"]
    assert [w["plan"] for w in me["workspaces"]] == ["PRO"]


@pytest.mark.parametrize(
    "headers",
    [WORKSPACE, PROJECT, {}, {"Authorization": "Bearer nonsense"}],
    ids=["workspace", "project", "none", "unknown"],
)
async def test_only_the_account_token_may_ask_me(
    railway: Railway, headers: dict[str, str]
) -> None:
    await railway.project()
    assert await refusal(railway.with_headers(headers), "{ me { id } }") == "Not Authorized"


async def test_a_workspace_token_reaches_its_workspace_and_creates_there(railway: Railway) -> None:
    caller = railway.with_headers(WORKSPACE)
    (workspace,) = (await caller.ask("{ apiToken { workspaces { id name } } }"))["workspaces"]
    shown = await caller.ask(
        "query ($id: String!) { workspace(workspaceId: $id) { name plan } }", id=workspace["id"]
    )
    assert shown == {"name": workspace["name"], "plan": "PRO"}
    created = await caller.ask(CREATE, input={"name": "luthien-acme"})
    listed = await caller.ask(LIST)
    assert [edge["node"]["id"] for edge in listed["edges"]] == [created["id"]]


async def test_a_workspace_token_does_not_see_other_workspaces(railway: Railway) -> None:
    other = {"id": "22222222-2222-4222-8222-222222222222", "name": "Other", "created_at": 0}
    mine = await railway.workspace()
    state = (await railway.http.get("/control/state")).json()["railway"]
    await railway.http.put(
        "/control/state", json={"railway": {"workspaces": [*state["workspaces"], other]}}
    )
    foreign = await railway.ask(CREATE, input={"name": "elsewhere", "workspaceId": other["id"]})
    caller = railway.with_headers(WORKSPACE)
    assert (await caller.ask(LIST))["edges"] == []
    show = "query ($id: String!) { project(id: $id) { id } }"
    assert await refusal(caller, show, id=foreign["id"]) == "Not Authorized"
    show = "query ($id: String!) { workspace(workspaceId: $id) { id } }"
    assert await refusal(caller, show, id=other["id"]) == "Not Authorized"
    names = await railway.ask("{ me { workspaces { id } } }")
    assert [w["id"] for w in names["workspaces"]] == [mine, other["id"]]


async def test_an_account_has_to_say_which_workspace(railway: Railway) -> None:
    message = await refusal(railway, CREATE, input={"name": "luthien-acme"})
    assert message == "You must specify a workspaceId to create a project"


async def test_a_project_token_knows_its_place(railway: Railway) -> None:
    place = await railway.project()
    caller = railway.with_headers(PROJECT)
    token = await caller.ask("{ projectToken { project { id } environment { id name } } }")
    assert token["project"]["id"] == place.project
    assert token["environment"] == {"id": place.environment, "name": "production"}
    assert await refusal(railway, "{ projectToken { id } }") == "Project Token not found"


async def test_a_project_token_neither_lists_nor_crosses_environments_nor_connects(
    railway: Railway,
) -> None:
    place = await railway.project()
    caller = railway.with_headers(PROJECT)
    service = await caller.settled_service(place)
    assert await refusal(caller, LIST) == "Not Authorized"
    assert await refusal(caller, "{ apiToken { workspaces { id } } }") == "Not Authorized"
    second = await railway.ask(
        "mutation ($input: EnvironmentCreateInput!) { environmentCreate(input: $input) { id } }",
        input={"projectId": place.project, "name": "staging"},
    )
    show = "query ($id: String!) { environment(id: $id) { id } }"
    assert await refusal(caller, show, id=second["id"]) == "Not Authorized"
    elsewhere = Place(place.project, second["id"])
    with pytest.raises(Refused, match="Not Authorized"):
        await caller.set_variables(elsewhere, service, {"A": "1"})
    with pytest.raises(Refused, match="Not Authorized"):
        await caller.connect(service, LUTHIEN)
    with pytest.raises(Refused, match="Not Authorized"):
        await caller.ask("mutation ($id: String!) { projectDelete(id: $id) }", id=place.project)


async def test_a_made_project_token_works_and_can_be_taken_back(railway: Railway) -> None:
    place = await railway.project()
    secret = await railway.ask(
        "mutation ($input: ProjectTokenCreateInput!) { projectTokenCreate(input: $input) }",
        input={"projectId": place.project, "environmentId": place.environment, "name": "ci"},
    )
    caller = railway.with_headers({"Project-Access-Token": secret})
    token = await caller.ask("{ projectToken { id name displayToken } }")
    assert token["name"] == "ci"
    assert secret not in token["displayToken"]
    await railway.ask("mutation ($id: String!) { projectTokenDelete(id: $id) }", id=token["id"])
    assert await refusal(caller, "{ projectToken { id } }") == "Project Token not found"


async def test_unknown_ids_are_refused_in_railways_words(railway: Railway) -> None:
    place = await railway.project()
    unknown = "99999999-9999-4999-8999-999999999999"
    show = "query ($id: String!) { %s(id: $id) { id } }"
    assert await refusal(railway, show % "project", id=unknown) == "Project not found"
    assert await refusal(railway, show % "deployment", id=unknown) == "Deployment not found"
    assert await refusal(railway, show % "volumeInstance", id=unknown) == (
        "VolumeInstance not found"
    )
    with pytest.raises(Refused, match="Service not found"):
        await railway.instance(place, unknown)
    anonymous = railway.with_headers({})
    assert await refusal(anonymous, show % "project", id=place.project) == "Not Authorized"


async def test_templates_are_shown_to_anybody(railway: Railway) -> None:
    template = await railway.with_headers({}).ask('{ template(code: "postgres") { name } }')
    assert template == {"name": "Postgres"}
