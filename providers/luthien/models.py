"""What a gateway's admin API answers, as far as we read it.

Source: the public repository LuthienResearch/luthien-proxy (admin API).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")


class CurrentPolicy(Wire):
    class_ref: str
    config: dict[str, Any] = Field(default_factory=dict)
    enabled_by: str | None = None


class KnownPolicy(Wire):
    name: str = ""
    class_ref: str
    description: str | None = ""


class KnownPolicies(Wire):
    policies: list[KnownPolicy] = []


class PolicySet(Wire):
    """`success` false: nothing was changed."""

    success: bool
    message: str | None = None
    error: str | None = None
    troubleshooting: list[str] | None = None
    validation_errors: list[dict[str, Any]] | None = None
