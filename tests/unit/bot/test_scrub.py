"""No token, ticket or response_url reaches a log."""

from __future__ import annotations

import io
import logging

import pytest

from bot.scrub import MASK, Scrubber

SCRUBBER = Scrubber("my-signing-secret", None)


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-12345-abcdef",
        "xapp-1-A0-xyz",
        "xoxe.xoxb-1-abc",
        "my-signing-secret",
        "https://hooks.slack.com/commands/T1/123/abcdef",
        "http://127.0.0.1:8899/slack/response/T1/abcdef",
        "ws://x/ xoxp-1-2",
        "Authorization: Bearer abc.def",
        "response_url=http%3A%2F%2Fhost%2Fabcdef&x=1",
        '{"response_url": "http://host/abcdef"}',
    ],
)
def test_what_looks_like_a_secret_is_masked(secret: str) -> None:
    said = SCRUBBER.text(f"before {secret} after")
    assert MASK in said
    assert said.startswith("before ")
    assert "abcdef" not in said
    assert "my-signing-secret" not in said
    assert "abc.def" not in said


def test_the_log_and_its_traces_are_scrubbed() -> None:
    out = io.StringIO()
    log = logging.getLogger("tests.bot.scrub")
    log.addHandler(logging.StreamHandler(out))
    log.addFilter(SCRUBBER)
    try:
        raise ValueError("token xoxb-1-secretpart")
    except ValueError:
        log.exception("while sending to %s", "https://hooks.slack.com/actions/T1/secretpart")
    assert "secretpart" not in out.getvalue()
    assert "ValueError" in out.getvalue()
