"""Results on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from bench.result import Result, Table

INTRODUCTION = """\
# Benchmarks

Written by `make bench`: each section says when, on what and how it was measured, what the \
goal is, and whether that was met. Everything runs as real processes on one machine against \
the sandbox, so a figure includes what the stand-ins and the measuring client take from the \
same cores."""


def show(console: Console, result: Result) -> None:
    console.print()
    console.rule(Text(result.title, style="bold"), align="left")
    console.print(result.how, style="dim")
    for table in result.tables:
        console.print(_rich(table))
    for goal in result.goals:
        console.print(Text(f"Goal: {goal}", style="green" if goal.met else "bold red"))
    for note in result.notes:
        console.print(f"• {note}", style="dim", markup=False)


def write(
    path: Path,
    results: Iterable[Result],
    *,
    when: datetime,
    machine: str,
    order: Sequence[str] = (),
) -> None:
    """Replace these results' sections and keep the others; `order` has the titles as they shall
    stand, sections that it does not name are dropped."""
    sections = _sections(path.read_text()) if path.exists() else {}
    sections |= {r.title: markdown(r, when=when, machine=machine) for r in results}
    wanted = order or tuple(sections)
    body = [sections[title] for title in wanted if title in sections]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([INTRODUCTION, *body]) + "\n")


def markdown(result: Result, *, when: datetime, machine: str) -> str:
    """One section, heading included."""
    blocks = [f"## {result.title}", f"_{when:%Y-%m-%d %H:%M} UTC; {machine}._", result.how]
    blocks += [f"**{table.caption}**\n\n{_rows(table)}" for table in result.tables]
    if result.goals:
        verdicts = {True: "met", False: "**missed**"}
        goals = [
            f"| {_cell(g.wanted)} | {_cell(g.found)} | {verdicts[g.met]} |" for g in result.goals
        ]
        blocks.append("\n".join(["| Goal | Found | |", "| --- | --- | --- |", *goals]))
    if result.notes:
        blocks.append("\n".join(f"- {note}" for note in result.notes))
    return "\n\n".join(blocks)


def _rows(table: Table) -> str:
    lines = [table.columns, ("---", *("---:" for _ in table.columns[1:])), *table.rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sections(document: str) -> dict[str, str]:
    """What stands under each heading of the second level, heading included."""
    parts = re.split(r"^(?=## )", document, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].removeprefix("## ").strip(): part.strip() for part in parts}


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.caption, title_justify="left", title_style="italic")
    for number, column in enumerate(table.columns):
        shown.add_column(Text(column), justify="right" if number else "left")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown
