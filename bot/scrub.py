"""Keeps tokens and private addresses out of logs and exceptions."""

from __future__ import annotations

import logging
import re
import traceback

MASK = "•••"

_TOKEN = re.compile(r"\b(xox[a-z](?:\.xox[a-z])?-|xapp-|xwfp-)[A-Za-z0-9._-]+")
_PRIVATE_URL = re.compile(
    r"(https?://[^\s\"'<>]{0,300}?/"
    r"(?:commands|actions|services|workflows|link|response)[/?])[^\s\"'<>]+"
)
"""response_urls and Socket Mode tickets: whoever holds one may speak or listen."""
_NOISE = ("As you gave `client` as well", "As `installation_store` or `authorize` has been used")
"""Bolt finds SLACK_BOT_TOKEN by itself and warns that another token counts: it is the same."""
_FIELD = re.compile(r"((?:response_url|token|trigger_id)(?:=|[\"']?\s*:\s*[\"']))[^&\s\"']+")
"""The same inside of a payload, form-encoded or JSON."""
_BEARER = re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]+")


class Scrubber(logging.Filter):
    """Masks what looks like a Slack secret, and the given values wherever they stand."""

    def __init__(self, *secrets: str | None) -> None:
        super().__init__()
        self._secrets = tuple(s for s in secrets if s)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        text = _TOKEN.sub(rf"\1{MASK}", text)
        text = _PRIVATE_URL.sub(rf"\1{MASK}", text)
        text = _FIELD.sub(rf"\1{MASK}", text)
        return _BEARER.sub(rf"\1{MASK}", text)

    def trace(self, error: BaseException) -> str:
        """The whole stack trace, without secrets and without local values."""
        return self.text("".join(traceback.format_exception(error)))

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message.startswith(_NOISE):
            return False
        if record.exc_info and record.exc_info[1] is not None:
            message = f"{message}\n{self.trace(record.exc_info[1])}"
        record.msg, record.args = self.text(message), ()
        record.exc_info, record.exc_text, record.stack_info = None, None, None
        return True


def logger(scrubber: Scrubber) -> logging.Logger:
    """The door's log; slack_bolt and slack_sdk write through it too.

    Never more than INFO: at DEBUG both libraries log whole payloads, response_urls included.
    """
    log = logging.getLogger("luthien.slack")
    log.filters[:] = [scrubber]
    log.setLevel(logging.INFO)
    return log
