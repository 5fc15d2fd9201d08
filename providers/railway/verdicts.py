"""What Railway means by an error message.

Railway answers most errors with HTTP 200 and one code for everything, so only the text tells them
apart. Source: Railway's own CLI (railwayapp/cli, src/client.rs, src/errors.rs) and the clients
alchemy-run/distilled (src/errors.ts) and jamesprnich/terraform-provider-railway (helpers.go).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """Ordered by what the caller can do."""

    UNREACHED = "unreached"  # nothing was done; Railway never saw it
    RATE_LIMITED = "rate limited"  # nothing was done; Railway says when to come back
    THROTTLED = "throttled"  # nothing was done; its turn comes later
    SETTLING = "settling"  # nothing was done; the world is not far enough yet
    MISSING = "missing"  # there is no such thing (yet, or any more)
    DENIED = "denied"  # no right to it, or no such thing: Railway does not say which
    TOKEN = "token"  # the token itself is not accepted
    PLAN = "plan"  # the workspace's plan or payment forbids it
    INVALID = "invalid"  # our request does not fit Railway's schema
    REFUSED = "refused"  # any other no
    UNCLEAR = "unclear"  # an error without a cause: it may have been carried out
    LOST = "lost"  # sent, no usable answer: it may have been carried out


@dataclass(frozen=True)
class Rule:
    pattern: re.Pattern[str]
    verdict: Verdict
    next_step: str = ""


def _rule(pattern: str, verdict: Verdict, next_step: str = "") -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), verdict, next_step)


_TOKEN_STEP = (
    "Check RAILWAY_API_TOKEN (https://railway.com/account/tokens), then `luthien doctor`."
)
_TWO_FACTOR_STEP = "The token's owner has to set it up: https://railway.com/account/security"
_UPDATE_STEP = "Railway's API differs from what this version knows: update luthien-ops."
_PLAN_STEP = "Look at the workspace's plan and payment: https://railway.com/workspace/billing"

RULES: tuple[Rule, ...] = (
    # Creation throttles: one project per 30 s and workspace, environments and volumes alike.
    _rule(r"too quickly|only one environment can be created", Verdict.THROTTLED),
    # Changes that follow each other closely, and reads that run ahead of the world.
    _rule(r"too recently updated", Verdict.SETTLING),
    _rule(r"ServiceInstance not found", Verdict.SETTLING),
    _rule(r"failed to create service domain", Verdict.SETTLING),
    _rule(r"cannot redeploy yet", Verdict.SETTLING),
    # Tokens and rights.
    _rule(r"project token not found", Verdict.TOKEN, _TOKEN_STEP),
    _rule(r"invalid.{0,200}token|token.{0,200}expired", Verdict.TOKEN, _TOKEN_STEP),
    _rule(r"two factor authentication required", Verdict.REFUSED, _TWO_FACTOR_STEP),
    _rule(r"not authori[sz]ed|unauthori[sz]ed", Verdict.DENIED, _TOKEN_STEP),
    _rule(r"\bnot found\b", Verdict.MISSING),
    # Money.
    _rule(r"resource provision limit|please upgrade|trial has expired", Verdict.PLAN, _PLAN_STEP),
    _rule(r"workspace has been restricted", Verdict.PLAN, _PLAN_STEP),
    # No cause given.
    _rule(r"problem processing request|internal server error", Verdict.UNCLEAR),
    _rule(r"timed? ?out|gateway time-?out", Verdict.UNCLEAR),
)
"""The first rule that fits decides; a message that none fits is REFUSED."""

SCHEMA_CODES = frozenset({"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT"})

_EVERY = re.compile(r"(?:per|every) (\d+) ?s", re.IGNORECASE)
DEFAULT_THROTTLE = timedelta(seconds=30)


def judge(message: str, code: str = "") -> Rule:
    """The rule for an error's message; the code only tells schema errors apart."""
    if code in SCHEMA_CODES:
        return Rule(re.compile(""), Verdict.INVALID, _UPDATE_STEP)
    for rule in RULES:
        if rule.pattern.search(message):
            return rule
    return Rule(re.compile(""), Verdict.REFUSED)


_EDGE_LIMIT = re.compile(
    rb'error(?:[ _]code)?"?:?(?:\s|<[^<>]{0,200}>){0,50}1015\b', re.IGNORECASE
)
_PAGE_START = 20_000
"""Bytes of a page that are looked at."""


def is_edge_limit(page: bytes) -> bool:
    """Whether a page is Cloudflare's error 1015, "You are being rate limited": text, HTML or JSON.

    Source: Cloudflare docs, error 1015; railwayapp's edge sends it with HTTP 429 and without
    X-RateLimit headers (terraform-community-providers/terraform-provider-railway#55).
    """
    return _EDGE_LIMIT.search(page[:_PAGE_START]) is not None


def throttle_interval(message: str) -> timedelta:
    """How far apart creations have to be: "… 1 project per 30 seconds …"."""
    found = _EVERY.search(message)
    return timedelta(seconds=int(found[1])) if found else DEFAULT_THROTTLE
