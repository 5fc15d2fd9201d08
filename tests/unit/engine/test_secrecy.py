from __future__ import annotations

import pytest

from engine.secrecy import is_harmless, looks_secret, names_a_secret, secret_in


@pytest.mark.parametrize(
    "name",
    ["ANTHROPIC_API_KEY", "GITHUB_TOKEN", "password", "SENTRY_DSN", "WEBHOOK_URL", "DB_PASSWD"],
)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name", ["RATE_LIMIT_MAX_KEYS", "AUTH_MODE", "LOG_LEVEL", "KEYBOARD", "LLM_JUDGE_API_BASE"]
)
def test_names_of_other_things(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    "value",
    [
        "sk-ant-api03-abcdefgh",
        "xoxb-123456789012-abc",
        "ghp_abcdefghijklmnop",
        "postgres://user:pass@db/x",
        "eyJhbGciOiJI.eyJzdWIiOiIx.abc",
        "https://hooks.slack.com/services/T0/B0/xyz",
        "a1b2c3d4e5f6a7b8c9d0e1f2",
    ],
)
def test_looks_of_secrets(value: str) -> None:
    assert looks_secret(value)


@pytest.mark.parametrize(
    "value", ["", "true", "4096", "0.5", "${{Postgres.DATABASE_URL}}", "https://otel.example:4318"]
)
def test_what_cannot_be_a_secret(value: str) -> None:
    assert not looks_secret(value)


def test_a_switch_a_number_and_a_reference_are_harmless_under_any_name() -> None:
    assert is_harmless("true")
    assert is_harmless("12")
    assert is_harmless("${{Redis.REDIS_URL}}")
    assert not is_harmless("hunter2")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["confg", "acme", "set", "ANTHROPIC_API_KEY=abc"], "ANTHROPIC_API_KEY"),
        (["config", "acme", "set", "FOO=sk-ant-api03-abcdefgh"], "FOO"),
        (["create", "https://me:ghp_abcdefghijklmnop@github.com/x/y"], "?"),
        (["redeploy", "acme", "--ref", "0c0da2320c0da2320c0da2320c0da2320c0da232"], ""),
        (["config", "acme", "set", "MAX_TOKENS=4096", "DATABASE_URL=${{P.URL}}"], ""),
        (["logs", "acme", "--filter", "token=abc"], ""),
    ],
)
def test_what_was_typed(words: list[str], name: str) -> None:
    assert secret_in(words) == name
