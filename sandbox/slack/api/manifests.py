"""apps.manifest.*: checking a manifest before an app is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack import manifest_rules
from sandbox.slack.api.method import Call, TokenKind, method
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier

if TYPE_CHECKING:
    from sandbox.slack.records import Json


@method(
    "apps.manifest.validate",
    tier=Tier.THREE,
    required=["manifest"],
    errors="invalid_manifest",
    token=TokenKind.CONFIGURATION,
)
def apps_manifest_validate(call: Call) -> Json:
    problems = manifest_rules.check(call.structure("manifest"))
    if problems:
        errors = [{"message": p.message, "pointer": p.pointer or "/"} for p in problems]
        raise SlackError("invalid_manifest", errors=errors)
    return {"errors": []}
