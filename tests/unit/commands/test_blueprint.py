"""The blueprint of an instance: what the issue and the gateway ask of it."""

from __future__ import annotations

from decimal import Decimal

from commands.instances import BLUEPRINT
from tests.unit.commands.worlds import BLUEPRINTS

LUTHIEN = BLUEPRINTS[BLUEPRINT]
GATEWAY = LUTHIEN.front


def test_it_is_a_gateway_with_postgres_and_redis() -> None:
    assert [c.name for c in LUTHIEN.components] == ["Postgres", "Redis"]
    assert (GATEWAY.name, GATEWAY.port, GATEWAY.branch) == ("gateway", 8000, "main")
    assert GATEWAY.health_paths == ("/health", "/ready")


def test_references_name_components_with_their_exact_case() -> None:
    values = {name: v.value for name, v in GATEWAY.variables.items()}
    assert values["DATABASE_URL"] == "${{Postgres.DATABASE_URL}}"
    assert values["REDIS_URL"] == "${{Redis.REDIS_URL}}"
    assert (values["PORT"], values["GATEWAY_PORT"]) == ("8000", "${{PORT}}")


def test_keys_are_generated_and_hidden() -> None:
    variables = GATEWAY.variables
    assert variables["PROXY_API_KEY"].generated
    assert variables["ADMIN_API_KEY"].generated
    assert variables["CLIENT_API_KEY"].same_as == "PROXY_API_KEY"
    assert all(GATEWAY.hides(c.variable) for c in GATEWAY.credentials)
    assert [c.json_key for c in GATEWAY.credentials] == ["proxy_api_key", "admin_api_key"]


def test_every_variable_says_what_it_is_for() -> None:
    assert all(variable.description for variable in GATEWAY.variables.values())


def test_values_that_have_choices_are_one_of_them() -> None:
    for name, variable in GATEWAY.variables.items():
        if variable.choices:
            assert (variable.value or variable.default) in variable.choices, name


def test_its_cost_is_the_sum_of_its_parts() -> None:
    assert Decimal("6.13") == LUTHIEN.monthly_cost_usd
