"""`runbook`: what an error or an alert means, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from typing_extensions import override

from engine.answer import Answer, Table, Text
from engine.command import Argument, Question
from engine.errors import NotFound

if TYPE_CHECKING:
    from engine.world import World

PAGES = Path(__file__).parent / "pages"
"""One Markdown file each: a title, what it means, and a list of what to do."""


class Runbook(Question):
    """Say what an error or an alert means and what to do about it.

    Errors are named by their code, as `--json` and the HTTP API give it.
    """

    name: ClassVar[str] = "runbook"
    group: ClassVar[str] = "Help"
    examples: ClassVar[tuple[str, ...]] = ("runbook", "runbook locked")

    page: Annotated[str, Argument()] = Field(
        default="", description="An error's code or an alert's name.", examples=["locked"]
    )

    @override
    async def answer(self, world: World) -> Answer:
        titles = {path.stem: _title(path) for path in sorted(PAGES.glob("*.md"))}
        if not self.page:
            rows = tuple((page, title) for page, title in titles.items())
            lines = {page: f"{self.name} {page}" for page in titles}
            table = Table(columns=("Page", "About"), rows=rows, lines=lines)
            return Answer(title="Runbook", parts=(table,), data={"pages": titles})
        page = self.page.strip().lower().replace(" ", "-")
        found = next((p for p in (page, page.replace("-", "_")) if p in titles), None)
        if found is None:
            raise NotFound(
                f"The runbook has no page `{self.page}`.",
                why="Pages are named after an error's code or an alert.",
                who="Everybody may read it.",
                next_step="/luthien runbook",
            )
        text = (PAGES / f"{found}.md").read_text()
        paragraphs = text.strip().split("\n\n")[1:]
        parts = tuple(Text(text=_bullets(paragraph)) for paragraph in paragraphs)
        return Answer(title=titles[found], parts=parts, data={"page": found, "text": text})


def _title(path: Path) -> str:
    return path.read_text().splitlines()[0].removeprefix("# ")


def _bullets(paragraph: str) -> str:
    return "\n".join(
        f"• {line[2:]}" if line.startswith("- ") else line for line in paragraph.splitlines()
    )
