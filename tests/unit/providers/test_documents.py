"""Every GraphQL document fits the schema that the sandbox serves, and Railway's official one."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, NoDeprecatedCustomRule, build_schema, parse, validate
from graphql.language import OperationDefinitionNode

from providers.railway.documents import FOLDER, document

NAMES = sorted(path.stem for path in FOLDER.glob("*.graphql"))
SANDBOX = Path(__file__).parents[3] / "sandbox" / "railway" / "schema.graphql"


@cache
def schema(path: Path) -> GraphQLSchema:
    # Railway's own schema breaks a rule of newer GraphQL (a deprecated field of an interface).
    return build_schema(path.read_text(), assume_valid=True)


def official() -> Path:
    folder = os.environ.get("LUTHIEN_SPECS")
    if not folder:
        pytest.skip("LUTHIEN_SPECS does not name the folder with railway-schema.graphql")
    return Path(folder) / "railway-schema.graphql"


@pytest.mark.parametrize("name", NAMES)
def test_fits_the_sandboxes_schema(name: str) -> None:
    assert validate(schema(SANDBOX), parse(document(name).text)) == []


@pytest.mark.parametrize("name", NAMES)
def test_fits_railways_schema(name: str) -> None:
    assert validate(schema(official()), parse(document(name).text)) == []


@pytest.mark.parametrize("name", NAMES)
def test_holds_one_operation_of_its_own_name(name: str) -> None:
    definitions = parse(document(name).text).definitions
    operations = [d for d in definitions if isinstance(d, OperationDefinitionNode)]
    assert [o.name.value for o in operations if o.name] == [name]
    assert document(name).writes == (operations[0].operation.value == "mutation")


def test_every_document_is_used() -> None:
    source = "".join(path.read_text() for path in FOLDER.parent.glob("*.py"))
    assert [name for name in NAMES if f'"{name}"' not in source] == []


def test_no_document_uses_what_railway_deprecated() -> None:
    for name in NAMES:
        found = validate(
            schema(SANDBOX),
            parse(document(name).text),
            rules=[NoDeprecatedCustomRule],
        )
        assert found == [], name
