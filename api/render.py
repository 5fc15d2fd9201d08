"""Answers, plans and errors on a terminal: every part rendered generically with rich."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table as Grid
from rich.text import Text as Rich

from api import charts
from engine.answer import MEANING, Chart, Code, Facts, Offers, Secrets, Table, Tail, Text
from engine.mentions import literal
from engine.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from rich.console import RenderableType

    from engine.answer import Answer, Offer, Part
    from engine.errors import OpsError

_MARKUP = re.compile(
    r"`(?P<code>[^`\n]+)`|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)|"
    r"(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
)
_PROMPT = re.compile(r"(?<![\w/.~-])/luthien(?![\w/.-])")
_STYLES = {"code": "cyan", "bold": "bold", "italic": "italic"}
_PIPE_WIDTH = 200
"""Columns when nobody looks at a terminal: wide enough that a table's row stays one line."""


def console(stream: TextIO | None = None) -> Console:
    """A console for one stream; plain and wide when it is no terminal."""
    stream = stream or sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, highlight=False, width=width, emoji=False, markup=False)


def typed(text: str) -> str:
    """Slack's `/luthien …` as it is typed here."""
    return _PROMPT.sub("luthien", text)


def styled(text: str) -> Rich:
    """Our light markup as rich text."""
    rich, last = Rich(), 0
    text = literal(typed(text))
    for match in _MARKUP.finditer(text):
        rich.append(text[last : match.start()])
        kind = match.lastgroup or ""
        rich.append(match[kind], style=_STYLES[kind])
        last = match.end()
    rich.append(text[last:])
    return rich


def answer(given: Answer, out: Console) -> None:
    out.print(styled(given.title), style="bold", soft_wrap=True)
    parts(given.parts, out)


def parts(given: Iterable[Part], out: Console) -> None:
    for part in given:
        shown = _part(part)
        with out.capture() as captured:
            out.print(shown, soft_wrap=not isinstance(part, Table | Chart))
        # A grid pads its last column; nobody wants those blanks in a file or a copy.
        lines = [line.rstrip() for line in captured.get().splitlines()]
        out.file.write("\n".join(["", *lines, ""]))


def lines(given: Answer, out: Console) -> None:
    """Only the preformatted lines: they go on where those before ended."""
    for part in given.parts:
        if isinstance(part, Code):
            for line in part.text.splitlines():
                out.print(Rich(f"  {line}"), soft_wrap=True)
            out.file.flush()


def error(refused: OpsError, err: Console) -> None:
    """What, why, who, and the exact next command."""
    err.print(Rich("✗ ", style="bold red") + styled(refused.summary), soft_wrap=True)
    for line in (*refused.why.splitlines(), refused.who, refused.link):
        if line:
            err.print(Rich("  ") + styled(line), soft_wrap=True)
    if refused.next_step:
        err.print(_next(refused.next_step), soft_wrap=True)
    if refused.runbook:
        err.print(_next(refused.runbook, MEANING), soft_wrap=True)


def _part(part: Part) -> RenderableType:
    match part:
        case Text():
            return styled(part.text)
        case Facts():
            return _facts(part)
        case Table():
            return _table(part)
        case Chart():
            return charts.drawn(part)
        case Code():
            title = [Rich(part.title, style="dim")] if part.title else []
            return Group(*title, *(Rich(f"  {line}") for line in part.text.splitlines()))
        case Secrets():
            return _secrets(part)
        case Offers():
            return Group(*(_offer(offer) for offer in part.offers))
        case Tail():
            return styled(
                f"_Going on for {duration(timedelta(seconds=part.for_s))}; Ctrl-C ends it._"
            )
        case _:
            assert_never(part)


def _facts(part: Facts) -> Grid:
    grid = Grid.grid(padding=(0, 2))
    for fact in part.facts:
        # A link that the value does not already show is written out: terminals may not make it
        # clickable, and a copy loses it.
        shown = styled(fact.value)
        if fact.url and fact.url not in fact.value:
            shown.append(f"  {fact.url}", style="dim")
        grid.add_row(Rich(fact.label, style="dim"), shown)
    return grid


def _table(part: Table) -> RenderableType:
    if not part.rows:
        return styled(part.empty)
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    if part.title:
        grid.title, grid.title_justify, grid.title_style = part.title, "left", "bold"
    for column in part.columns:
        grid.add_column(column, overflow="fold")
    for row in part.rows:
        first = Rich(row[0], style=f"link {part.links[row[0]]}" if row[0] in part.links else "")
        grid.add_row(first, *(styled(cell) for cell in row[1:]))
    return grid


def _secrets(part: Secrets) -> RenderableType:
    width = max((len(label) for label, _ in part.values), default=0)
    lines = [
        Rich(f"  {label:<{width}}  ", style="dim").append(value, style="bold not dim")
        for label, value in part.values
    ]
    return Group(*lines, *([styled(part.note)] if part.note else []))


def _offer(offer: Offer) -> Rich:
    if offer.url:
        return Rich(f"{offer.label}: ", style="dim").append(offer.url, style="not dim")
    return _next(f"luthien {offer.line}", offer.label)


def _next(line: str, label: str = "") -> Rich:
    rich = Rich("Next: ", style="dim")
    rich.append(typed(line), style="not dim cyan")
    if label:
        rich.append(f"   {label}", style="dim")
    return rich
