"""Environments, their configuration document, volumes and backups."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox_railway.client import Place, Railway, Refused

CREATE = """mutation ($input: EnvironmentCreateInput!) {
  environmentCreate(input: $input) { id name isEphemeral sourceEnvironment { id } }
}"""
INSTANCES = """query ($id: String!) {
  environment(id: $id) { serviceInstances { edges { node { serviceName
    latestDeployment { status } } } } }
}"""


async def create(railway: Railway, place: Place, name: str, **more: Any) -> Any:
    return await railway.ask(CREATE, input={"projectId": place.project, "name": name, **more})


async def in_environment(railway: Railway, environment: str) -> dict[str, str | None]:
    shown = await railway.ask(INSTANCES, id=environment)
    return {
        e["node"]["serviceName"]: (e["node"]["latestDeployment"] or {}).get("status")
        for e in shown["serviceInstances"]["edges"]
    }


async def test_a_new_environment_is_empty_and_its_name_free(railway: Railway) -> None:
    place, _, _ = await railway.instance_of_luthien()
    staging = await create(railway, place, "staging")
    assert await in_environment(railway, staging["id"]) == {}
    with pytest.raises(Refused, match="environment with that name already exists"):
        await create(railway, place, "staging")
    listed = await railway.ask(
        "query ($id: String!) { environments(projectId: $id) { edges { node { name } } } }",
        id=place.project,
    )
    assert [e["node"]["name"] for e in listed["edges"]] == ["production", "staging"]


async def test_environments_are_throttled_too(slow: Railway) -> None:
    place = await slow.project()
    await create(slow, place, "one")
    with pytest.raises(Refused) as caught:
        await create(slow, place, "two")
    assert str(caught.value) == (
        "Whoa there pal! Only one environment can be created per user every 30s. "
        "Try again in a sec"
    )


async def test_a_copy_has_services_variables_and_volumes_and_deploys(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    copied = await create(railway, place, "pr-1", sourceEnvironmentId=place.environment)
    assert copied["sourceEnvironment"]["id"] == place.environment
    there = Place(place.project, copied["id"])

    async def up() -> bool:
        return await in_environment(railway, there.environment) == {
            "Postgres": "SUCCESS",
            "Redis": "SUCCESS",
            "gateway": "SUCCESS",
        }

    await railway.until(up)
    assert await railway.variables(there, gateway, unrendered=True) == await railway.variables(
        place, gateway, unrendered=True
    )
    await railway.ask("mutation ($id: String!) { environmentDelete(id: $id) }", id=copied["id"])
    with pytest.raises(Refused, match="Environment not found"):
        await in_environment(railway, copied["id"])
    assert len(await in_environment(railway, place.environment)) == 3


async def test_a_service_appears_in_every_environment_that_is_no_fork(railway: Railway) -> None:
    place = await railway.project()
    staging = await create(railway, place, "staging")
    await railway.settled_service(place, "worker")
    assert set(await in_environment(railway, staging["id"])) == {"worker"}


async def test_the_configuration_document_and_a_committed_patch(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    read = """query ($id: String!, $decrypt: Boolean) {
      environment(id: $id) { config(decryptVariables: $decrypt) configEtag }
    }"""
    before = await railway.ask(read, id=place.environment, decrypt=True)
    shown = before["config"]["services"][gateway]
    assert shown["source"] == {"repo": "LuthienResearch/luthien-proxy", "branch": "main"}
    assert shown["variables"]["PORT"] == {"value": "8000"}
    hidden = await railway.ask(read, id=place.environment)
    assert hidden["config"]["services"][gateway]["variables"]["PORT"] != {"value": "8000"}
    patch = {
        "services": {
            gateway: {
                "variables": {"LOG_LEVEL": {"value": "debug"}, "CLIENT_API_KEY": None},
                "deploy": {"multiRegionConfig": {"us-west2": {"numReplicas": 2}}},
            }
        }
    }
    await railway.ask(
        """mutation ($id: String!, $patch: EnvironmentConfig) {
          environmentPatchCommit(environmentId: $id, patch: $patch)
        }""",
        id=place.environment,
        patch=patch,
    )
    newest = await railway.finished(place, gateway)
    replicas = newest["meta"]["serviceManifest"]["deploy"]["multiRegionConfig"]
    assert replicas == {"us-west2": {"numReplicas": 2}}
    after = await railway.variables(place, gateway)
    assert after["LOG_LEVEL"] == "debug"
    assert "CLIENT_API_KEY" not in after
    assert (await railway.ask(read, id=place.environment))["configEtag"] != before["configEtag"]


async def test_staged_changes_wait_for_their_commit(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    read = "query ($id: String!) { environmentStagedChanges(environmentId: $id) { id status } }"
    assert (await railway.ask(read, id=place.environment))["id"] == "<empty>"
    stage = """mutation ($id: String!, $input: EnvironmentConfig!, $merge: Boolean) {
      environmentStageChanges(environmentId: $id, input: $input, merge: $merge) { id status patch }
    }"""
    one = {"services": {gateway: {"variables": {"A": {"value": "1"}}}}}
    two = {"services": {gateway: {"variables": {"B": {"value": "2"}}}}}
    await railway.ask(stage, id=place.environment, input=one)
    staged = await railway.ask(stage, id=place.environment, input=two, merge=True)
    assert staged["status"] == "STAGED"
    assert set(staged["patch"]["services"][gateway]["variables"]) == {"A", "B"}
    assert "A" not in await railway.variables(place, gateway)
    commit = """mutation ($id: String!) {
      environmentPatchCommitStaged(environmentId: $id, skipDeploys: true)
    }"""
    await railway.ask(commit, id=place.environment)
    assert (await railway.variables(place, gateway))["B"] == "2"
    assert len(await railway.deployments(place, gateway)) == 1
    with pytest.raises(Refused):
        await railway.ask(commit, id=place.environment)


# -- volumes -----------------------------------------------------------------------------------


async def volumes(railway: Railway, place: Place) -> dict[str, Any]:
    shown = await railway.ask(
        """query ($id: String!) { environment(id: $id) { volumeInstances { edges { node {
          id mountPath isPendingDeletion state currentSizeMB sizeMB volume { id name }
        } } } } }""",
        id=place.environment,
    )
    return {e["node"]["volume"]["id"]: e["node"] for e in shown["volumeInstances"]["edges"]}


async def test_a_volume_appears_late_is_renamed_and_deleted_with_grace(railway: Railway) -> None:
    place = await railway.project()
    service = await railway.settled_service(place)
    create_volume = "mutation ($i: VolumeCreateInput!) { volumeCreate(input: $i) { id name } }"
    given = {
        "projectId": place.project,
        "environmentId": place.environment,
        "serviceId": service,
        "mountPath": "/data",
    }
    created = (await railway.ask(create_volume, i=given))["id"]
    with pytest.raises(Refused, match=r"creating volumes too quickly|Only one volume"):
        await railway.ask(create_volume, i=given)

    async def there() -> Any:
        return (await volumes(railway, place)).get(created)

    shown = await railway.until(there)
    assert shown["mountPath"] == "/data"
    assert shown["currentSizeMB"] < shown["sizeMB"]
    await railway.ask(
        "mutation ($id: String!, $input: VolumeUpdateInput!) "
        "{ volumeUpdate(volumeId: $id, input: $input) { name } }",
        id=created,
        input={"name": "disk"},
    )
    assert (await there())["volume"]["name"] == "disk"
    await railway.configure(deletion_grace=1e9)
    await railway.ask("mutation ($id: String!) { volumeDelete(volumeId: $id) }", id=created)
    pending = await there()
    assert (pending["isPendingDeletion"], pending["state"]) == (True, "DELETING")


async def test_backups_are_made_restored_locked_and_deleted(railway: Railway) -> None:
    place = await railway.project()
    await railway.database(place, "postgres")
    (disk,) = (await volumes(railway, place)).values()
    instance = disk["id"]

    async def work(action: str, **more: str) -> None:
        extra = "".join(f", {key}: ${key}" for key in more)
        declared = "".join(f", ${key}: String!" for key in more)
        started = await railway.ask(
            f"mutation ($i: String!{declared}) "
            f"{{ {action}(volumeInstanceId: $i{extra}) {{ workflowId }} }}",
            i=instance,
            **more,
        )
        await railway.until(lambda: railway.is_complete(started["workflowId"]))

    async def listed() -> list[Any]:
        found: list[Any] = await railway.ask(
            "query ($i: String!) { volumeInstanceBackupList(volumeInstanceId: $i) "
            "{ id name usedMB } }",
            i=instance,
        )
        return found

    await work("volumeInstanceBackupCreate", name="before upgrade")
    (backup,) = await listed()
    assert backup["name"] == "before upgrade"
    await work("volumeInstanceBackupRestore", volumeInstanceBackupId=backup["id"])
    await work("volumeInstanceBackupDelete", volumeInstanceBackupId=backup["id"])
    assert await listed() == []
    await work("volumeInstanceBackupCreate", name="kept")
    (kept,) = await listed()
    pair = {"i": instance, "b": kept["id"]}
    lock = """mutation ($i: String!, $b: String!) {
      volumeInstanceBackupLock(volumeInstanceId: $i, volumeInstanceBackupId: $b)
    }"""
    assert await railway.ask(lock, **pair) is True
    with pytest.raises(Refused, match="locked"):
        await work("volumeInstanceBackupDelete", volumeInstanceBackupId=kept["id"])
    await railway.ask(
        "mutation ($i: String!) { volumeInstanceBackupScheduleUpdate("
        "volumeInstanceId: $i, kinds: [DAILY, WEEKLY]) }",
        i=instance,
    )
    shown = await railway.ask(
        "query ($i: String!) { volumeInstanceBackupScheduleList(volumeInstanceId: $i) { kind } }",
        i=instance,
    )
    assert [row["kind"] for row in shown] == ["DAILY", "WEEKLY"]
