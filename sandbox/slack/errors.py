"""How this Slack says no."""

from __future__ import annotations

from typing import Any

COMMON_ERRORS = frozenset(
    {
        "access_denied",
        "account_inactive",
        "internal_error",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_auth",
        "invalid_charset",
        "invalid_cursor",
        "invalid_form_data",
        "invalid_json",
        "json_not_object",
        "missing_scope",
        "not_allowed_token_type",
        "not_authed",
        "ratelimited",
        "request_timeout",
        "token_revoked",
        "unknown_method",
    }
)
"""Errors that any method may answer. Source: docs.slack.dev/apis/web-api, "Errors"."""


class SlackError(Exception):
    """`{"ok": false, "error": code}` and whatever else Slack adds to it."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def as_json(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.extra}


def invalid_arguments(*problems: str) -> SlackError:
    """The answer to arguments that do not fit the method's schema."""
    messages = [f"[ERROR] {problem}" for problem in problems]
    return SlackError("invalid_arguments", response_metadata={"messages": messages})
