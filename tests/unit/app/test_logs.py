from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from app.logs import Json, OneLine, Redaction
from engine.subject import about

if TYPE_CHECKING:
    from pathlib import Path


def line(message: str, *arguments: object, error: Exception | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("api", logging.INFO, "f", 1, message, arguments, exc_info)
    assert Redaction(["known-secret"]).filter(record)
    return OneLine().format(record)


@pytest.mark.parametrize(
    "secret",
    [
        "known-secret",
        "xoxb-123-abc",
        "xapp-1-A0-99",
        "https://hooks.slack.com/commands/T0/1/abc",
        "http://127.0.0.1:8899/slack/response/T0/abcdef",
        "sk-luthien-bxTIGCGLwvxfNBR89v0CqnBBJ7fn",
    ],
)
def test_a_secret_never_reaches_the_log(secret: str) -> None:
    assert secret not in line("got %s now", secret)
    assert secret not in line("it broke", error=ValueError(f"got {secret}"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer [masked]"),
        ("postgresql://user:pass@db/x", "postgresql://[masked]@db/x"),
        ("ws://127.0.0.1/link/?ticket=abc&app_id=A0", "/link/?ticket=[masked]&app_id=A0"),
        ("PROXY_API_KEY=abc", "PROXY_API_KEY=[masked]"),
        ("serving at http://127.0.0.1:8080", "serving at http://127.0.0.1:8080"),
    ],
)
def test_only_the_secret_part_is_masked(text: str, kept: str) -> None:
    assert kept in line(text)


def test_a_record_is_one_line_traceback_included() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        shown = line("it\nbroke", error=error)
    assert "\n" not in shown
    assert "it\\nbroke" in shown
    assert "ValueError" in shown


def test_dbos_and_uvicorn_write_like_everybody_and_the_file_is_private(tmp_path: Path) -> None:
    log = tmp_path / "data" / "luthien.log"
    code = (
        "import logging, sys; from pathlib import Path; from app import logs\n"
        "logs.configure(secrets=['known-secret'], file=Path(sys.argv[1]))\n"
        "import dbos, uvicorn\n"
        "logging.getLogger('dbos').warning('with known-secret')\n"
        "logging.getLogger('dbos').warning('Workflow already exists in queue: x')\n"
        "logging.getLogger('dbos').warning('Asyncio task cancelled for workflow or step <f>')\n"
        "logging.getLogger('uvicorn.error').info('hello')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(log)], capture_output=True, check=True)
    assert ran.stdout + ran.stderr == b""
    lines = log.read_text().splitlines()
    assert [text.split(" ", 1)[1] for text in lines] == [
        "WARNING dbos with [masked]",
        "INFO uvicorn.error hello",
    ]
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_line_names_run_actor_and_request() -> None:
    record = logging.LogRecord("api", logging.INFO, "f", 1, 'said "hi"', (), None)
    with about(run="r1", actor="slack:U0ADA", request="q1"):
        assert line("hi").endswith("INFO api hi run=r1 actor=slack:U0ADA request=q1")
        told = json.loads(Json().format(record))
    assert told["message"] == 'said "hi"'
    assert (told["run"], told["actor"], told["request"]) == ("r1", "slack:U0ADA", "q1")


def test_fields_follow_the_message_and_are_masked_like_it() -> None:
    record = logging.LogRecord("luthien", logging.INFO, "f", 1, "run failed", (), None)
    record.fields = {"command": "create acme", "next": "known-secret", "duration_s": 1.5}
    with about(run="r1", actor="xoxb-123-abc"):
        assert Redaction(["known-secret"]).filter(record)
        shown, told = OneLine().format(record), json.loads(Json().format(record))
    assert shown.endswith(
        'run failed command="create acme" next=[masked] duration_s=1.5 run=r1 actor=[masked]'
    )
    assert (told["command"], told["next"], told["duration_s"]) == ("create acme", "[masked]", 1.5)


def test_a_field_cannot_pretend_to_be_another_line_or_field() -> None:
    record = logging.LogRecord("luthien", logging.INFO, "f", 1, "hi", (), None)
    record.fields = {"request": 'x" actor=root\n2026 ERROR'}
    shown = OneLine().format(record)
    assert "\n" not in shown
    assert shown.endswith(r'request="x\" actor=root\n2026 ERROR"')
