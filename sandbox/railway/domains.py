"""Public domains of services: generated ones and own ones.

Source: docs.railway.com, networking/domains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway.errors import RailwayError, not_authorized
from sandbox.railway.records import CustomDomain, ServiceDomain
from sandbox.railway.seeded import slug

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import ServiceInstance
    from sandbox.railway.world import World

SUFFIX = "localhost"
"""Where Railway has up.railway.app."""
LABEL_LIMIT = 63
FAILED = "Failed to create service domain, please try again"
CUSTOM_LIMIT = {"free": 0, "trial": 1, "hobby": 2, "pro": 20}


def of_instance(source: ServiceInstance, call: Call) -> dict[str, list[Any]]:
    """The domains of a service in one environment."""
    return {
        kind: [
            domain
            for domain in table.of(service_id=source.service_id)
            if domain.environment_id == source.environment_id and domain.deleted_at is None
        ]
        for kind, table in (
            ("service_domains", call.world.domains),
            ("custom_domains", call.world.custom_domains),
        )
    }


def of_service(
    _: None, call: Call, project_id: str, environment_id: str, service_id: str
) -> dict[str, list[Any]]:
    call.environment(environment_id, project_id)
    return of_instance(call.instance(service_id, environment_id), call)


def create(_: None, call: Call, given: dict[str, Any]) -> ServiceDomain:
    """`{service}-{environment}-{four letters}`; refused while the instance still propagates."""
    world = call.world
    environment = call.environment(given["environment_id"])
    service = call.service(given["service_id"])
    instance = world.instance(service.id, environment.id)
    if instance is None or instance.visible_at > world.now():
        raise RailwayError(FAILED)
    label = f"{slug(service.name)}-{slug(environment.name)}"
    if len(label) + 5 > LABEL_LIMIT:
        raise RailwayError(FAILED)
    attempt = 0
    while True:
        tail = world.chance.letters(
            4, "abcdef0123456789", "domain", environment.project_id, label, attempt
        )
        domain = f"{label}-{tail}.{SUFFIX}"
        if not taken(world, domain):
            break
        attempt += 1
    now = world.now()
    created = world.domains.add(
        ServiceDomain(
            world.chance.uuid("domain"),
            environment.project_id,
            environment.id,
            service.id,
            domain,
            now,
            now,
            target_port=given.get("target_port"),
        )
    )
    world.changed()
    return created


def taken(world: World, domain: str) -> bool:
    return any(
        d.deleted_at is None
        for table in (world.domains, world.custom_domains)
        for d in table.of(domain=domain)
    )


def update(_: None, call: Call, given: dict[str, Any]) -> bool:
    found = _service_domain(call, given["service_domain_id"])
    world = call.world
    name = given["domain"].removesuffix(f".{SUFFIX}") + f".{SUFFIX}"
    if name != found.domain and taken(world, name):
        raise RailwayError("Domain is not available")
    world.domains.discard(found)
    found.domain = name
    found.target_port = given.get("target_port", found.target_port)
    found.updated_at = world.now()
    world.domains.add(found)
    world.changed()
    return True


def delete(_: None, call: Call, id_: str) -> bool:
    _service_domain(call, id_).deleted_at = call.world.now()
    call.world.changed()
    return True


def _service_domain(call: Call, domain_id: str) -> ServiceDomain:
    call.known()
    found = call.world.domains.get(domain_id)
    if found is None or found.deleted_at is not None:
        raise not_authorized()
    call.environment(found.environment_id)
    return found


def available(_: None, call: Call, domain: str) -> dict[str, Any]:
    call.known()
    free = not taken(call.world, domain)
    return {"available": free, "message": "" if free else "Domain is not available"}


# -- own domains -------------------------------------------------------------------------------


def custom_create(_: None, call: Call, given: dict[str, Any]) -> CustomDomain:
    world = call.world
    call.environment(given["environment_id"], given["project_id"])
    instance = call.instance(given["service_id"], given["environment_id"])
    domain = given["domain"].lower().rstrip(".")
    if taken(world, domain):
        raise RailwayError("Domain is not available")
    own = [d for d in world.custom_domains.of(service_id=instance.service_id) if not d.deleted_at]
    if len(own) >= CUSTOM_LIMIT[world.settings.plan]:
        raise RailwayError("Custom domain limit reached for your plan")
    now = world.now()
    created = world.custom_domains.add(
        CustomDomain(
            world.chance.uuid("domain"),
            instance.project_id,
            instance.environment_id,
            instance.service_id,
            domain,
            now,
            now,
            "railway-verify=" + world.chance.letters(32, "abcdef0123456789", "verify", domain),
            target_port=given.get("target_port"),
        )
    )
    world.changed()
    return created


def custom(_: None, call: Call, id_: str, project_id: str) -> CustomDomain:
    found = _custom(call, id_)
    if found.project_id != project_id:
        raise not_authorized()
    return found


def custom_update(
    _: None, call: Call, id_: str, environment_id: str, target_port: int | None = None
) -> bool:
    found = _custom(call, id_)
    call.environment(environment_id)
    found.target_port = target_port
    found.updated_at = call.world.now()
    call.world.changed()
    return True


def custom_delete(_: None, call: Call, id_: str) -> bool:
    _custom(call, id_).deleted_at = call.world.now()
    call.world.changed()
    return True


def _custom(call: Call, domain_id: str) -> CustomDomain:
    call.known()
    found = call.world.custom_domains.get(domain_id)
    if found is None or found.deleted_at is not None:
        raise not_authorized()
    call.environment(found.environment_id)
    return found


def custom_status(source: CustomDomain, call: Call) -> dict[str, Any]:
    """Both records are needed; this stand-in's DNS has them as soon as the world is told so."""
    host, _, zone = source.domain.partition(".")
    known = call.world.app_data.get("dns", {})
    target = f"{call.world.chance.letters(8, 'abcdefghij0123456789', source.id)}.up.railway.app"
    verify_host = f"_railway-verify.{host}"
    rows = [
        (host, source.domain, "CNAME", target, "TRAFFIC_ROUTE"),
        (
            verify_host,
            f"_railway-verify.{source.domain}",
            "TXT",
            source.verification_token,
            "ACME_DNS01_CHALLENGE",
        ),
    ]
    found = [
        {
            "hostlabel": label,
            "fqdn": fqdn,
            "zone": zone,
            "record_type": f"DNS_RECORD_TYPE_{kind}",
            "required_value": wanted,
            "current_value": known.get(fqdn, ""),
            "purpose": f"DNS_RECORD_PURPOSE_{purpose}",
            "status": "DNS_RECORD_STATUS_PROPAGATED"
            if known.get(fqdn) == wanted
            else "DNS_RECORD_STATUS_REQUIRES_UPDATE",
        }
        for label, fqdn, kind, wanted, purpose in rows
    ]
    verified = all(row["current_value"] == row["required_value"] for row in found)
    state = "VALID" if verified else "VALIDATING_OWNERSHIP"
    detail = "COMPLETE" if verified else "POLLING_AUTHORIZATIONS"
    return {
        "cdn_provider": None,
        "certificate_error_message": None,
        "certificate_error_type": None,
        "certificate_retryable": None,
        "certificate_status": f"CERTIFICATE_STATUS_TYPE_{state}",
        "certificate_status_detailed": f"CERTIFICATE_STATUS_TYPE_DETAILED_{detail}",
        "dns_records": found,
        "verification_dns_host": verify_host,
        "verification_token": source.verification_token,
        "verified": verified,
    }


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.customDomain": custom,
    "Query.customDomainAvailable": available,
    "Query.domains": of_service,
    "Query.serviceDomainAvailable": available,
    "Mutation.customDomainCreate": custom_create,
    "Mutation.customDomainDelete": custom_delete,
    "Mutation.customDomainUpdate": custom_update,
    "Mutation.serviceDomainCreate": create,
    "Mutation.serviceDomainDelete": delete,
    "Mutation.serviceDomainUpdate": update,
    "CustomDomain.cdnMode": lambda _source, _call: None,
    "CustomDomain.status": custom_status,
    "CustomDomain.syncStatus": lambda _source, _call: "ACTIVE",
    "ServiceInstance.domains": of_instance,
    "ServiceDomain.cdnMode": lambda _source, _call: None,
    "ServiceDomain.newDomainName": lambda _source, _call: None,
    "ServiceDomain.newHostLabel": lambda _source, _call: None,
    "ServiceDomain.suffix": lambda _source, _call: SUFFIX,
    "ServiceDomain.syncStatus": lambda _source, _call: "ACTIVE",
}
