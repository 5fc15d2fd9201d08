"""Our schema says nothing that Railway's does not say, and every field of it answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    print_ast,
    validate_schema,
)

from sandbox.railway.schema import SCHEMA_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import GraphQLArgument, GraphQLInputField

    from tests.contract.sandbox_railway.client import Railway

BUILTIN = {"String", "Int", "Float", "Boolean", "ID"}


def ours() -> GraphQLSchema:
    return build_schema(SCHEMA_FILE.read_text(), assume_valid=True)


@pytest.fixture(scope="module")
def theirs() -> GraphQLSchema:
    folder = os.environ.get("LUTHIEN_SPECS")
    if not folder:
        pytest.skip("LUTHIEN_SPECS names no folder with railway-schema.graphql")
    text = (Path(folder) / "railway-schema.graphql").read_text()
    return build_schema(text, assume_valid=True)


def test_every_word_of_our_schema_is_railways(theirs: GraphQLSchema) -> None:
    assert list(differences(ours(), theirs)) == []


def test_the_comparison_sees_each_kind_of_difference(theirs: GraphQLSchema) -> None:
    text = SCHEMA_FILE.read_text()
    planted = {
        "  serviceInstances(\n": "  serviceInstancesToo(\n",
        "  createdAt: DateTime!": "  createdAt: DateTime",
        "  replace: Boolean = false": "  replace: Boolean = true",
        "enum WorkflowStatus {": "enum WorkflowStatus {\n  Pending",
        "type Volume implements Node": "type Volume",
        "  me: User!": '  me: User! @deprecated(reason: "no")',
        "workflowStatus(workflowId: String!)": "workflowStatus(workflowId: ID!)",
        "scalar JSON\n": "scalar JSON\nscalar Json2\n",
    }
    for old, new in planted.items():
        assert old in text, old
        changed = build_schema(text.replace(old, new, 1), assume_valid=True)
        assert list(differences(changed, theirs)), f"{new!r} went unnoticed"


def differences(mine: GraphQLSchema, official: GraphQLSchema) -> Iterator[str]:
    for name, kind in mine.type_map.items():
        if name.startswith("__") or name in BUILTIN:
            continue
        other = official.type_map.get(name)
        if other is None or type(kind) is not type(other):
            yield f"{name} is no such type"
            continue
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            assert isinstance(other, GraphQLObjectType | GraphQLInterfaceType)
            if {i.name for i in kind.interfaces} != {i.name for i in other.interfaces}:
                yield f"{name} implements something else"
            for field_name, field in kind.fields.items():
                at = f"{name}.{field_name}"
                known = other.fields.get(field_name)
                if known is None:
                    yield f"{at} is no field"
                    continue
                if str(field.type) != str(known.type):
                    yield f"{at} is {known.type}"
                if field.deprecation_reason != known.deprecation_reason:
                    yield f"{at} is deprecated otherwise"
                yield from inputs(at, field.args, known.args)
        elif isinstance(kind, GraphQLInputObjectType):
            assert isinstance(other, GraphQLInputObjectType)
            yield from inputs(name, kind.fields, other.fields)
        elif isinstance(kind, GraphQLEnumType):
            assert isinstance(other, GraphQLEnumType)
            for value in kind.values.keys() - other.values.keys():
                yield f"{name}.{value} is no value"


def inputs(
    at: str,
    mine: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField],
    official: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField],
) -> Iterator[str]:
    for name in official.keys() - mine.keys():
        yield f"{at}({name}:) is missing"
    for name, given in mine.items():
        known = official.get(name)
        if known is None:
            yield f"{at}({name}:) is no argument"
        elif (str(given.type), default(given)) != (str(known.type), default(known)):
            yield f"{at}({name}:) is {known.type} with default {default(known)}"


def default(given: GraphQLArgument | GraphQLInputField) -> str | None:
    node = given.ast_node.default_value if given.ast_node else None
    return None if node is None else print_ast(node)


def test_the_only_rule_our_schema_breaks_is_the_one_that_railways_breaks_too() -> None:
    errors = validate_schema(build_schema(SCHEMA_FILE.read_text(), assume_valid_sdl=True))
    assert [error.message for error in errors] == [
        "Interface field Node.id is not deprecated, so implementation field Team.id must not be "
        "deprecated."
    ]


# -- every field answers -----------------------------------------------------------------------


def selection(kind: object, path: tuple[str, ...]) -> str:
    """Every field below a type that needs no argument, each type once on the way down."""
    if not isinstance(kind, GraphQLObjectType):
        return ""
    chosen = []
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(inner):
            chosen.append(name)
        elif inner.name not in path and len(path) < 6:
            below = selection(inner, (*path, inner.name))
            if below:
                chosen.append(f"{name} {below}")
    return "{ " + " ".join(chosen) + " }" if chosen else ""


async def test_every_field_of_every_type_has_an_answer(railway: Railway) -> None:
    place, gateway, _domain = await railway.instance_of_luthien()
    deployment = (await railway.deployments(place, gateway))[0]["id"]
    volume = await railway.ask(
        "query ($id: String!) { environment(id: $id) "
        "{ volumeInstances { edges { node { id } } } } }",
        id=place.environment,
    )
    await railway.control("railway/populate", count=1)
    custom = await railway.ask(
        "mutation ($input: CustomDomainCreateInput!) { customDomainCreate(input: $input) { id } }",
        input={
            "domain": "gateway.example.com",
            "projectId": place.project,
            "environmentId": place.environment,
            "serviceId": gateway,
        },
    )
    await railway.set_variables(place, None, {"SHARED": "1"})
    known = {
        "id": place.project,
        "projectId": place.project,
        "environmentId": place.environment,
        "serviceId": gateway,
        "deploymentId": deployment,
        "workspaceId": await railway.workspace(),
        "workflowId": "nothing",
        "fullRepoName": "LuthienResearch/luthien-proxy",
        "owner": "LuthienResearch",
        "repo": "luthien-proxy",
        "domain": "free.example.com",
        "code": "postgres",
        "ids": [place.project],
        "input": {"environmentId": place.environment},
        "measurements": ["CPU_USAGE", "MEMORY_USAGE_GB"],
        "startDate": "2026-01-01T00:00:00Z",
        "endDate": "2026-01-02T00:00:00Z",
        "volumeInstanceId": volume["volumeInstances"]["edges"][0]["node"]["id"],
    }
    own_id = {
        "deployment": deployment,
        "deploymentEvents": deployment,
        "environment": place.environment,
        "service": gateway,
        "volumeInstance": known["volumeInstanceId"],
        "customDomain": custom["id"],
    }
    schema = ours()
    assert schema.query_type is not None
    for name, field in schema.query_type.fields.items():
        if name == "projectToken":
            continue  # answers project tokens only; test_tokens.py
        given = {**known, "id": own_id.get(name, known["id"])}
        wanted = [
            argument
            for argument, definition in field.args.items()
            if is_required_argument(definition) or (argument == "code" and name == "template")
        ]
        declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in wanted)
        passed = ", ".join(f"{argument}: ${argument}" for argument in wanted)
        kind = get_named_type(field.type)
        document = (
            f"query {f'({declared})' if declared else ''} "
            f"{{ {name} {f'({passed})' if passed else ''} {selection(kind, (kind.name,))} }}"
        )
        response = await railway.post(document, **{key: given[key] for key in wanted})
        assert "errors" not in response.json(), f"{name}: {response.json()['errors'][0]}"
