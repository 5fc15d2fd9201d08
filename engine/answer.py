"""What a command says back: neutral parts that every door renders in its own idiom, and the
JSON that scripts rely on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Text(_Part):
    """A paragraph. `*bold*`, `_italic_` and `` `code` `` mean what they do in Slack; other text is
    literal (doors escape it)."""

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
    """Rows of plain text; every row has as many cells as there are columns. `links` maps a cell's
    text in the first column to a URL."""

    part: Literal["table"] = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    links: dict[str, str] = Field(default_factory=dict)
    empty: str = "Nothing to show."


class Code(_Part):
    """Preformatted lines (a log tail)."""

    part: Literal["code"] = "code"
    text: str
    title: str = ""


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

    `line` is a command line without the leading `/luthien`; `url` makes it a link instead.
    """

    label: str
    line: str = ""
    url: str = ""
    style: Literal["plain", "primary", "danger"] = "plain"
    confirm: Confirm | None = None


class Offers(_Part):
    part: Literal["offers"] = "offers"
    offers: tuple[Offer, ...]


Part = Annotated[Text | Facts | Table | Code | Secrets | Offers, Field(discriminator="part")]


class Answer(BaseModel):
    """`title` makes sense alone. `data` is the `--json` shape; it may hold secrets only where
    `parts` has a Secrets part."""

    model_config = ConfigDict(frozen=True)

    title: str
    parts: tuple[Part, ...] = ()
    data: dict[str, Any] = Field(default_factory=dict, repr=False)
    private: bool = False
    """Never offer to share it."""
