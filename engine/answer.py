"""What a command says back: neutral parts that every door renders in its own idiom, and the
JSON that scripts rely on."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class Text(_Part):
    """A paragraph. `*bold*`, `_italic_` and `` `code` `` mean what they do in Slack; other text is
    literal (doors escape it), except for who is named by `engine.mentions`."""

    part: Literal["text"] = "text"
    text: str


class Fact(_Part):
    label: str
    value: str
    url: str = ""


class Facts(_Part):
    """Label and value pairs, in order."""

    part: Literal["facts"] = "facts"
    facts: tuple[Fact, ...]


class Table(_Part):
    """Rows of plain text; every row has as many cells as there are columns. A cell's text in the
    first column leads to a URL by `links`, or by `lines` to a command line that says more, without
    its leading `/luthien`, where the door has such links."""

    part: Literal["table"] = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    links: dict[str, str] = Field(default_factory=dict)
    lines: dict[str, str] = Field(default_factory=dict, exclude_if=lambda lines: not lines)
    empty: str = "Nothing to show."
    title: str = Field(default="", exclude_if=lambda title: not title)
    """What stands above it, where the first column does not say it."""


class Code(_Part):
    """Preformatted lines (a log tail)."""

    part: Literal["code"] = "code"
    text: str
    title: str = ""


Label = Annotated[str, Field(min_length=1, max_length=20)]
"""Stands on an axis or in a legend, where there is no room for more."""


class Series(_Part):
    """One line, or one set of bars: a value for each category of its chart."""

    name: Label
    values: tuple[float, ...] = Field(min_length=1, max_length=20)


class Chart(_Part):
    """Numbers as a picture; a door that cannot draw shows them as the table.

    The bounds are those of the narrowest door. Source: Slack's Block Kit reference, data
    visualization. A pie has one series, of which only what is more than nothing is drawn.
    """

    part: Literal["chart"] = "chart"
    kind: Literal["line", "bar", "area", "pie"]
    title: str = Field(min_length=1, max_length=50)
    unit: str = Field(default="", max_length=50)
    """What the values are: `GB`, `vCPU`, `instances`."""
    along: str = Field(default="", max_length=50)
    """What the categories are: `day`, `state`."""
    categories: tuple[Label, ...] = Field(min_length=1, max_length=20)
    series: tuple[Series, ...] = Field(min_length=1, max_length=12)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.categories)) < len(self.categories):
            raise ValueError("a category stands there twice")
        if any(len(series.values) != len(self.categories) for series in self.series):
            raise ValueError("every series has one value for each category")
        if self.kind == "pie" and len(self.series) > 1:
            raise ValueError("a pie has one series")
        return self

    def table(self) -> Table:
        """The same numbers in rows."""
        named = self.kind != "pie" and len(self.series) > 1
        heads = [series.name if named else self.unit or series.name for series in self.series]
        return Table(
            columns=(self.along or " ", *heads),
            rows=tuple(
                (category, *(number(series.values[at]) for series in self.series))
                for at, category in enumerate(self.categories)
            ),
        )


def number(value: float) -> str:
    """As many digits as say something: `0`, `0.042`, `3.1`, `1,024`."""
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    digits = 3 if 0 < size < 0.1 else digits
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Secrets(_Part):
    """Values for the asker's eyes only: a door may show this part in a private answer and nowhere
    else, and never in a notification text."""

    part: Literal["secrets"] = "secrets"
    values: tuple[tuple[str, str], ...] = Field(repr=False)
    note: str = ""


class Confirm(_Part):
    """What a person must agree to before an offer is taken."""

    title: str
    text: str
    yes: str
    no: str = "Keep as it is"


class Offer(_Part):
    """Something the reader can do next: a button in Slack, a line to type on the command line.

    `line` is a command line without the leading `/luthien`; `url` makes it a link instead. With
    `form` a door that has forms opens the command's form instead of carrying the line out.
    """

    label: str
    line: str = ""
    url: str = ""
    form: bool = Field(default=False, exclude_if=lambda form: not form)
    style: Literal["plain", "primary", "danger"] = "plain"
    confirm: Confirm | None = None


MEANING = "What does this mean?"


def explained(page: str, label: str = MEANING) -> Offer:
    """Shows a page of the runbook."""
    return Offer(label=label, line=f"runbook {page}")


class Offers(_Part):
    part: Literal["offers"] = "offers"
    offers: tuple[Offer, ...]


class Tail(_Part):
    """More is to come: the question `line`, asked after `every_s` seconds, answers what is new
    since, and so on while its answers end in a tail, for `for_s` seconds at most. A door shows it
    as one text that grows; whoever does not follow may ask by themselves."""

    part: Literal["tail"] = "tail"
    line: str
    every_s: float
    for_s: float


Part = Annotated[
    Text | Facts | Table | Chart | Code | Secrets | Offers | Tail, Field(discriminator="part")
]


class Answer(BaseModel):
    """`title` makes sense alone. `data` is the `--json` shape; it may hold secrets only where
    `parts` has a Secrets part or `private` is set."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    title: str
    parts: tuple[Part, ...] = ()
    data: dict[str, Any] = Field(default_factory=dict, repr=False)
    private: bool = False
    """Never offer to share it."""

    @property
    def tail(self) -> Tail | None:
        """How it goes on, if it does."""
        return next((part for part in self.parts if isinstance(part, Tail)), None)
