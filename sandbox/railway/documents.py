"""How a GraphQL document stands in the journal: its name, and its text without secrets."""

from __future__ import annotations

from functools import lru_cache

from graphql import (
    FieldNode,
    GraphQLError,
    ObjectFieldNode,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    get_operation_ast,
    parse,
    print_ast,
    visit,
)

from sandbox.masking import HIDDEN, VARIABLE_NAME, looks_secret

OPAQUE = frozenset({"value", "variables", "serializedConfig", "password"})


@lru_cache(maxsize=512)
def operation_label(query: str, operation_name: str | None) -> str:
    """The operation's name, else its first field, as faults are matched by."""
    try:
        operation = get_operation_ast(parse(query), operation_name)
    except GraphQLError:
        return operation_name or "invalid"
    if operation is None:
        return operation_name or "invalid"
    return operation_name or (operation.name.value if operation.name else _first_field(operation))


def _first_field(operation: OperationDefinitionNode) -> str:
    fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    return fields[0].name.value if fields else "invalid"


@lru_cache(maxsize=512)
def masked_document(query: str) -> str:
    """The document as it was sent; values written into it in place of variables are hidden."""
    if '"' not in query:
        return query
    try:
        return print_ast(visit(parse(query), _Hide()))
    except GraphQLError:
        return query.split('"', 1)[0] + HIDDEN


class _Hide(Visitor):
    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> ObjectFieldNode | None:
        name = node.name.value
        if not (name in OPAQUE or looks_secret(name) or VARIABLE_NAME.fullmatch(name)):
            return None
        return ObjectFieldNode(name=node.name, value=StringValueNode(value=HIDDEN))
