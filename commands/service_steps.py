"""The steps that bring one service of a blueprint from nothing to healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.steps.add_service import AddService
from commands.steps.check_deployment import CheckDeployment
from commands.steps.check_health import CheckHealth
from commands.steps.connect_source import ConnectSource
from commands.steps.expose import Expose
from commands.steps.stop_following import StopFollowing
from commands.steps.wait_for_deployment import WaitForDeployment
from commands.steps.write_settings import WriteSettings
from commands.steps.write_variables import WriteVariables
from engine.step import Ref, Step

if TYPE_CHECKING:
    from commands.steps.places import Place
    from engine.blueprint import ServiceSpec


def service_steps(
    service: ServiceSpec, place: Place, source: tuple[str, str], instance: str, *, after: str
) -> list[Step]:
    """One service from nothing to healthy. Its variables wait for what they refer to; its source
    comes last, because that deploys it: a first build that does not know the settings may make
    the host ignore them later."""
    name = service.name
    made, deployed = f"service-{name}", f"deployment-{name}"
    service_id = Ref(ref=f"{made}.id")
    needs = tuple(f"database-{component}" for component in service.needs)
    set_up: tuple[str, ...] = (f"variables-{name}",)
    steps: list[Step] = [
        AddService(key=made, after=(after,), space=place, name=name),
        WriteVariables(
            key=set_up[0],
            after=(made, *needs),
            space=place,
            service=service_id,
            service_name=name,
            values={
                key: variable.value.replace("{instance}", instance)
                for key, variable in service.variables.items()
                if variable.value is not None
            },
            generated={k: v.generated for k, v in service.variables.items() if v.generated},
            same_as={k: v.same_as for k, v in service.variables.items() if v.same_as},
        ),
    ]
    wanted = service.settings
    settings = (f"settings-{name}",) if wanted.given else ()
    if wanted.given:
        set_up += settings
        steps.append(
            WriteSettings(
                key=f"settings-{name}",
                after=(made,),
                space=place,
                service=service_id,
                service_name=name,
                settings=wanted,
            )
        )
    if service.port is not None:
        set_up += (f"domain-{name}",)
        steps.append(
            Expose(
                key=f"domain-{name}",
                after=(made,),
                space=place,
                service=service_id,
                service_name=name,
                port=service.port,
            )
        )
    repo, branch = source
    steps += [
        ConnectSource(
            key=f"source-{name}",
            after=set_up,
            space=place,
            service=service_id,
            service_name=name,
            repo=repo,
            branch=branch,
        ),
        StopFollowing(
            key=f"pushes-{name}",
            after=(f"source-{name}",),
            space=place,
            service=service_id,
            service_name=name,
        ),
        WaitForDeployment(
            key=deployed,
            after=(f"source-{name}",),
            redo=(f"source-{name}",),  # a dead deployment stays dead
            space=place,
            service_name=name,
            deployment=Ref(ref=f"source-{name}.deployment_id"),
            expected=service.expected,
        ),
    ]
    if wanted.dockerfile or wanted.health_path:
        steps.append(
            CheckDeployment(
                key=f"built-{name}",
                after=(deployed,),
                redo=(*settings, f"source-{name}", deployed),
                space=place,
                service=service_id,
                service_name=name,
                deployment=Ref(ref=f"{deployed}.deployment_id"),
                dockerfile=wanted.dockerfile is not None,
                health_path=wanted.health_path or "",
            )
        )
    if service.port is not None and service.health_paths:
        steps.append(
            CheckHealth(
                key=f"health-{name}",
                after=(deployed,),
                space=place,
                service_name=name,
                url=Ref(ref=f"domain-{name}.url"),
                paths=service.health_paths,
            )
        )
    return steps
