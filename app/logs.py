"""Logs: one line each, secrets left out, other people's chatter kept down."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from engine.subject import subject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import TextIOWrapper

MASK = "[masked]"

_SECRETS = re.compile(
    r"""
      xox[a-z]-[\w-]+ | xapp-[\w-]+                        # Slack tokens
    | https?://hooks\.slack\.com/\S+                       # response_url, webhooks
    | https?://\S{0,300}/slack/(?:response|actions|commands)/[^\s"']+  # the stand-in's
    | (?<=Bearer\ )\S+
    | (?<=ticket=)[^\s&"']+                                # Socket Mode link
    | (?<=://)[^\s:/@]+:[^\s@/]+(?=@)                      # user:password in a URL
    | (?<=[_-]key=)[^\s&"']+ | (?<=[_-]KEY=)[^\s&"']+
    | \b(?:sk|lp)-[\w-]{16,}                               # API keys by prefix
    """,
    re.VERBOSE,
)


_WORD = re.compile(r"[^\s\"=\\\x00-\x1f]+")


class Redaction(logging.Filter):
    """Replaces known secrets and everything that looks like one, tracebacks included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._known = sorted({s for s in secrets if len(s) >= 6}, key=len, reverse=True)

    def mask(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, MASK)
        return _SECRETS.sub(MASK, text)

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.mask(record.getMessage())
        record.args = None
        record.fields = self._masked(_fields(record))
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        if record.exc_text:
            record.exc_text = self.mask(record.exc_text)
            record.exc_info = None
        return True

    def _masked(self, fields: dict[str, Any]) -> dict[str, Any]:
        """All texts in one go: mostly there is nothing to mask."""
        texts = [value for value in fields.values() if isinstance(value, str)]
        whole = "\n".join(texts)
        if self.mask(whole) == whole:
            return fields
        return {k: self.mask(v) if isinstance(v, str) else v for k, v in fields.items()}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Its own, and whom it is about where they do not say so."""
    own: dict[str, Any] = getattr(record, "fields", {})
    return {**own, **{key: value for key, value in subject().items() if key not in own}}


class OneLine(logging.Formatter):
    """`2026-11-21T05:26:11.123Z INFO api.app message run=… actor=… request=…`; a traceback follows
    as JSON text, so that a record stays one line."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{at.replace('+00:00', 'Z')} {record.levelname} {record.name} {text}"
        line += "".join(f" {key}={_plain(value)}" for key, value in _fields(record).items())
        return line + (f" trace={json.dumps(record.exc_text)}" if record.exc_text else "")


def _plain(value: object) -> str:
    """A word as it is; whatever could be taken for more than one, as JSON text."""
    text = str(value)
    return text if _WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class Json(logging.Formatter):
    """The same as one JSON object a line, for whatever collects logs."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        return json.dumps(line | ({"trace": record.exc_text} if record.exc_text else {}))


class _Calm(logging.Filter):
    """DBOS reports a normal cancel as an error, a resumed run as a duplicate, and a run that the
    next start goes on with as cancelled; how a run fares is told by the run itself."""

    _CHATTER = ("Workflow already exists", "Asyncio task cancelled for workflow or step")

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        cancelled = record.exc_info and "Cancelled" in str(record.exc_info[0])
        return not (cancelled or record.getMessage().startswith(self._CHATTER))


class _PrivateFile(logging.FileHandler):
    """Made when the first record is written, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, delay=True)

    @override
    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError:  # `doctor` tells of such a folder; a log line must not break it
            return Path(os.devnull).open("a")
        return super()._open()


def configure(
    *, secrets: Iterable[str], file: Path | None = None, as_json: bool = False, level: str = "info"
) -> None:
    """Send every log of this process to stderr, or to `file` when one is given. `level` is that of
    what the product does; libraries stay as quiet as they are."""
    logging.getLogger("luthien").setLevel(level.upper())
    handler = logging.StreamHandler(sys.stderr) if file is None else _PrivateFile(file)
    handler.addFilter(Redaction(secrets))
    handler.setFormatter(Json() if as_json else OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("dbos", "httpx", "httpcore", "apscheduler", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A tick that is still at work is not started again: that is meant, and nothing to warn of.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    # DBOS and uvicorn bring handlers of their own when they find none.
    for ours in ("dbos", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(ours)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = True
    logging.getLogger("dbos").addFilter(_Calm())
