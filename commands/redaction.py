"""How variables are shown: secret values never, not even their length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.blueprint import ServiceSpec

HIDDEN = "••••••••"

_REFERENCE = re.compile(r"\$\{\{[^{}$]+\}\}")
"""One whole reference, as the host writes them: it names a value and is none."""


def redacted(service: ServiceSpec, variables: Mapping[str, str]) -> dict[str, str]:
    """Name → what may be shown of its value, in the blueprint's order and then by name.

    A variable that the blueprint does not know may be a secret, so its value is hidden.
    """
    order = {name: place for place, name in enumerate(service.variables)}
    names = sorted(variables, key=lambda name: (order.get(name, len(order)), name))
    return {name: _shown(service, name, variables[name]) for name in names}


def _shown(service: ServiceSpec, name: str, value: str) -> str:
    if not value or _REFERENCE.fullmatch(value):
        return value
    return HIDDEN if service.hides(name) else value
