"""How Railway says no.

Source: docs.railway.com, integrations/api; messages as collected from clients of the API.
"""

from __future__ import annotations


class RailwayError(Exception):
    """A refusal with Railway's own message; clients have to match on it, not on the code."""

    code = "INTERNAL_SERVER_ERROR"


class BadInput(RailwayError):
    """Variables of the request that do not fit the document."""

    code = "BAD_USER_INPUT"


def not_authorized() -> RailwayError:
    """Also the answer for ids that do not exist or that the token must not see."""
    return RailwayError("Not Authorized")


def not_found(what: str) -> RailwayError:
    return RailwayError(f"{what} not found")
