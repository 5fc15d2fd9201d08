"""An instance's variables as they are shown: in tables, and in the form that changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commands import settings
from commands.redaction import redacted
from engine.answer import Table
from engine.form import Form, Group, Input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.blueprint import ServiceSpec


def tables(spec: ServiceSpec, there: Mapping[str, str]) -> Sequence[Table]:
    """One for each group, in the blueprint's order; what is not known here comes last."""
    values = redacted(spec, there)
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for name, variable in spec.variables.items():
        if settings.is_mark(variable):
            continue
        value = values.get(name)
        if value is None:
            value = f"({variable.default})" if variable.default else "–"
        about = variable.description + (f". {variable.note}" if variable.note else "")
        groups.setdefault(variable.group, []).append((name, value or "(empty)", about))
    for name in values:
        if name not in spec.variables:
            groups.setdefault("Others", []).append((name, values[name], "Not known here"))
    return [
        Table(title=group, columns=("Variable", "Value", "What it is"), rows=tuple(rows))
        for group, rows in groups.items()
    ]


def form(
    spec: ServiceSpec, instance: str, there: Mapping[str, str], raw: Mapping[str, Any]
) -> Form:
    """Inputs for all that may be edited, with what stands `there`, or was typed already."""
    typed_already = _assigned(raw)
    groups: dict[str, list[Input]] = {}
    for name, variable in spec.variables.items():
        if settings.may_be_edited(spec, name):
            value = typed_already.get(name, there.get(name, ""))
            one = settings.field(spec, name, value, there.get(name))
            groups.setdefault(variable.group, []).append(one)
    return Form(
        title=f"Settings of {instance}",
        intro="What you change is written at once and goes out with one deployment. Secrets are"
        " not shown: left empty, they stay as they are.",
        groups=tuple(Group(title=t, inputs=tuple(found)) for t, found in groups.items()),
        options=("no_deploy",),
    )


def _assigned(raw: Mapping[str, Any]) -> dict[str, str]:
    """What was typed already, by name."""
    words = [str(word).partition("=") for word in raw.get("variables") or ()]
    return {name.upper(): value for name, equals, value in words if equals}
