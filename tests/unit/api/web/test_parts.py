"""Every neutral part has its HTML, and none of it is markup that somebody else wrote."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from api.web.charts import picture
from api.web.rendering import environment
from engine.answer import (
    Answer,
    Chart,
    Code,
    Confirm,
    Fact,
    Facts,
    Offer,
    Offers,
    Part,
    Secrets,
    Series,
    Table,
    Tail,
    Text,
)
from engine.clock import SystemClock
from tests.unit.commands.worlds import REGISTRY

EVIL = "<b onload=x>&\"'"
CONFIRM = Confirm(title=EVIL, text=EVIL, yes=EVIL)
PARTS: dict[type, Part] = {
    Text: Text(text=f"{EVIL} *bold* `/luthien status acme` https://x.test/?a=1&b=2"),
    Facts: Facts(facts=(Fact(label=EVIL, value=EVIL, url="https://x.test"),)),
    Table: Table(columns=("Run", EVIL), rows=(("r1", EVIL),)),
    Chart: Chart(
        kind="line",
        title=EVIL,
        categories=("a", "b"),
        series=(Series(name="<b>", values=(1, 2)), Series(name="two", values=(0, -3))),
    ),
    Code: Code(text=EVIL, title=EVIL),
    Secrets: Secrets(values=((EVIL, EVIL),), note=EVIL),
    Offers: Offers(
        offers=(
            Offer(label=EVIL, line="status acme"),
            Offer(label="Restart", line="restart acme", style="danger"),
            Offer(label="Sure", line="restart acme", confirm=CONFIRM),
            Offer(label="There", url="https://x.test"),
        )
    ),
    Tail: Tail(line="logs acme --follow 5m", every_s=5, for_s=300),
}


async def drawn(part: Part) -> str:
    made = environment(REGISTRY, SystemClock())
    source = "{% import 'parts.html' as parts with context %}{{ parts.answer(said, 't', nonce) }}"
    said = Answer(title="x", parts=(part,))
    return await made.from_string(source).render_async(said=said, nonce=lambda: "n")


@pytest.mark.parametrize("kind", get_args(get_args(Part)[0]), ids=lambda kind: kind.__name__)
async def test_every_part_is_drawn_and_escaped(kind: type) -> None:
    html = await drawn(PARTS[kind])
    assert not re.search("<b[ >]", html)
    assert len(re.sub(r"<[^>]*>|\s", "", html)) > 0 or "data-tail" in html


async def test_what_only_reads_is_a_link_and_the_rest_is_posted() -> None:
    html = await drawn(PARTS[Offers])
    assert 'href="/instances/acme"' in html
    posted = re.findall(r'name="line" value="([^"]*)"', html)
    assert posted == ["restart acme", "restart acme"]
    assert html.index("<dialog") < html.index(
        'name="line" value="restart acme"', html.index("Sure")
    )
    assert 'href="/instances/acme"' in await drawn(PARTS[Text])


@pytest.mark.parametrize("kind", ["line", "area", "bar", "pie"])
@pytest.mark.parametrize("values", [(0.0, 0.0), (1.0, 3.0), (5.0, 0.0), (0.001, 1e9)])
def test_a_chart_stays_in_its_frame(kind: str, values: tuple[float, float]) -> None:
    chart = Chart.model_validate(
        {
            "kind": kind,
            "title": "t",
            "categories": ("a", "b"),
            "series": ({"name": "s", "values": values},),
        }
    )
    shown = picture(chart)
    for mark in shown.marks:
        for number in re.findall(r"-?\d+(?:\.\d+)?", mark.path):
            assert -640 <= float(number) <= 640
        assert "nan" not in mark.path
    assert kind == "pie" or len({tick.text for tick in shown.ticks}) == len(shown.ticks) > 1


async def test_a_row_leads_to_the_line_that_says_more_of_it() -> None:
    pages = Table(columns=("Page",), rows=(("locked",),), lines={"locked": "runbook locked"})
    assert '<a href="/c/runbook?page=locked">locked</a>' in await drawn(pages)
