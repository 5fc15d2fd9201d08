"""`/control/railway/*`: what happens to Railway from outside its API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sandbox.control_route import ControlError, control_route, json_body
from sandbox.railway import deployments, github_calls, phases
from sandbox.railway.errors import RailwayError
from sandbox.railway.phases import STEPS
from sandbox.railway.populate import populate
from sandbox.railway.summary import summary

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from sandbox.railway.records import Project, ServiceInstance
    from sandbox.railway.world import World


def control_routes(world: World) -> list[BaseRoute]:
    async def show(_: Request) -> Response:
        return JSONResponse(summary(world))

    async def push(request: Request) -> Response:
        """A new commit arrives on a branch."""
        body = await json_body(request)
        world.settle()
        try:
            sha, started = github_calls.push(
                world,
                _text(body, "repo"),
                _text(body, "branch"),
                str(body.get("message") or "A push from the sandbox"),
                body.get("files"),
            )
        except RailwayError as error:
            raise ControlError(str(error)) from error
        return JSONResponse({"commit": sha, "deployments": started})

    async def crash(request: Request) -> Response:
        """The running deployment of a service crashes and stays down."""
        body = await json_body(request)
        world.settle()
        instance = _instance(world, body)
        running = phases.active(world, instance)
        if not running:
            raise ControlError("nothing of that service is running")
        message = str(body.get("message") or "Process exited with code 137 (out of memory)")
        deployments.crash(world, running[-1], message)
        return JSONResponse({"deployment": running[-1].id})

    async def fail(request: Request) -> Response:
        """The next deployment of a service fails, in the step that is named."""
        body = await json_body(request)
        project, service = _text(body, "project"), _text(body, "service")
        step = str(body.get("step") or "BUILD_IMAGE")
        if step not in STEPS:
            raise ControlError(f"step has to be one of {', '.join(STEPS)}")
        error = str(body.get("error") or "process exited with code 1")
        world.settings.fail_next[f"{project}/{service}"] = {"step": step, "error": error}
        world.changed()
        return JSONResponse({"ok": True})

    async def fill(request: Request) -> Response:
        """Many finished instances at once, for measurements."""
        body = await json_body(request)
        count = body.get("count")
        if not isinstance(count, int) or not 0 < count <= 5_000:
            raise ControlError("count has to be a number from 1 to 5000")
        made = populate(
            world,
            count,
            name=str(body.get("name") or "luthien-filler-{n}"),
            description=str(body.get("description") or ""),
            settings={str(k): str(v) for k, v in (body.get("variables") or {}).items()},
            legacy=body.get("legacy") is True,
        )
        return JSONResponse({"projects": made})

    return [
        control_route("/control/railway/populate", fill, "POST"),
        control_route("/control/railway/summary", show, "GET"),
        control_route("/control/railway/push", push, "POST"),
        control_route("/control/railway/crash", crash, "POST"),
        control_route("/control/railway/fail", fail, "POST"),
    ]


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{key} is missing")
    return value


def _instance(world: World, body: dict[str, Any]) -> ServiceInstance:
    project = _project(world, _text(body, "project"))
    name, place = _text(body, "service"), body.get("environment")
    for instance in world.instances.of(project_id=project.id):
        service = world.services[instance.service_id]
        environment = world.environments[instance.environment_id]
        if (
            instance.deleted_at is None
            and name in (service.id, service.name)
            and place in (None, environment.id, environment.name)
        ):
            return instance
    raise ControlError(f"project {project.name} has no service {name}")


def _project(world: World, wanted: str) -> Project:
    for project in world.projects.values():
        if project.deleted_at is None and wanted in (project.id, project.name):
            return project
    raise ControlError(f"no project {wanted} exists")
