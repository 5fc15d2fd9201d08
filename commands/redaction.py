"""How variables are shown: secret values never, not even their length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.secrecy import bears_a_key, is_reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.blueprint import ServiceSpec

HIDDEN = "••••••••"


def redacted(service: ServiceSpec, variables: Mapping[str, str]) -> dict[str, str]:
    """Name → what may be shown of its value, in the blueprint's order and then by name.

    A variable that the blueprint does not know may be a secret, so its value is hidden.
    """
    order = {name: place for place, name in enumerate(service.variables)}
    names = sorted(variables, key=lambda name: (order.get(name, len(order)), name))
    return {name: shown(service, name, variables[name]) for name in names}


def shown(service: ServiceSpec, name: str, value: str) -> str:
    """The value, or what stands in its place."""
    if not value or is_reference(value):
        return value
    return HIDDEN if service.hides(name) or bears_a_key(value) else value
