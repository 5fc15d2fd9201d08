"""Nobody but we can mention anybody: what people, vendors, logs and commits say is literal text on
every surface, and what we say ourselves is a mention in Slack and a name elsewhere."""

from __future__ import annotations

import html
import json
import re
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

import commands
from api import render
from api.problems import Json
from api.web.markup import Words
from bot import messages
from bot.blocks import NEWER, PLAIN, button, link, mrkdwn, plain, preformatted, rich
from bot.grammar import bounded
from bot.refusals import refusal
from engine.answer import Answer, Code, Confirm, Fact, Facts, Offer, Offers, Table, Text
from engine.characters import json_of_text, no_text
from engine.errors import InvalidInput, Refused
from engine.mentions import MARK, literal, mention, mention_channel
from engine.registry import discover

if TYPE_CHECKING:
    from bot.blocks import Render

REGISTRY = discover(commands)
HOSTILE = (
    *("<@U0CLEO0001>", "<@S0ONCALL01>", "<@slack:U0CLEO0001>", "<@slack:S0ONCALL01>"),
    *("<!channel>", "<!here>", "<!everyone>", "<!subteam^S0ONCALL01>", "<#C0OPS00001>"),
    *("<https://evil.example|acme>", "<mailto:a@b.example|ada>", "<!date^0^x^https://evil|y>"),
    *("&lt;@U0CLEO0001&gt;", "&amp;lt;!here&amp;gt;", "<<@U0CLEO0001>>", "<\n@U0CLEO0001>"),
)
_MARKUP = re.compile(r"<[@#!]|<(?:https?|mailto):")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_comes_from_outside_is_literal_in_every_part_of_an_answer(hostile: str) -> None:
    said = f"look {hostile} now"
    shown = Answer(
        title=said,
        parts=(
            Text(text=said),
            Facts(
                facts=(Fact(label=said, value=said), Fact(label="a", value=said, url="https://x"))
            ),
            Table(title=said, columns=(said, "b"), rows=((said, said),)),
            Table(columns=("a", "b"), rows=((said, "x" * 80),)),
            Table(columns=("a",), rows=(), empty=said),
            Code(title=said, text=said),
            Offers(
                offers=(
                    Offer(
                        label=said,
                        line="list",
                        confirm=Confirm(title=said, text=said, yes=said),
                    ),
                )
            ),
        ),
    )
    refused = Refused(said, why=said, who=said, next_step=f"/luthien {said}")
    everywhere: list[Render] = [
        messages.answer(shown, line=said),
        messages.told(said, shown.parts),
        messages.not_understood(said, ()),
        messages.waits_for_a_click(said, REGISTRY.command("list").risk, plan=True),
        refusal(refused, REGISTRY, line=said),
    ]
    for surface in everywhere:
        for kinds in (PLAIN, NEWER):
            drawn = surface(kinds)
            assert not _MARKUP.search(
                _formatted(drawn.blocks, drawn.text).replace("<https://x|", "")
            )


def _formatted(blocks: object, text: str) -> str:
    """All that Slack would read as markup."""
    found = [text]

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if value.get("type") == "mrkdwn":
                found.append(str(value["text"]))
            for one in value.values():
                walk(one)
        elif isinstance(value, list | tuple):
            for one in value:
                walk(one)

    walk(blocks)
    return "\n".join(found)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_it_is_the_same_text_everywhere(hostile: str) -> None:
    assert html.unescape(mrkdwn(hostile)) == hostile
    assert literal(hostile) == hostile
    assert render.styled(hostile).plain == hostile
    assert json.loads(bytes(Json({"a": hostile}).body)) == {"a": hostile}
    assert html.unescape(str(Words(REGISTRY)(hostile))) == hostile or "://" in hostile


def test_our_own_mentions_are_mentions_in_slack_and_names_elsewhere() -> None:
    said = f"{mention('slack:U0ADA')} and {mention('slack:S0OPS')}, {mention('cli:root')}"
    assert mrkdwn(said) == "<@U0ADA> and <!subteam^S0OPS>, root"
    assert mrkdwn(mention_channel("C0OPS")) == "<#C0OPS>"
    out = StringIO()
    render.answer(Answer(title=said, parts=(Text(text=said),)), Console(file=out, width=200))
    for shown in (literal(said), render.styled(said).plain, str(Words(REGISTRY)(said))):
        assert shown == "U0ADA and S0OPS, root"
    assert out.getvalue().count("U0ADA and S0OPS, root") == 2
    assert json.loads(bytes(Json({"a": said}).body)) == {"a": "U0ADA and S0OPS, root"}


def test_where_slack_knows_no_markup_a_mention_is_a_name() -> None:
    said = f"by {mention('slack:U0ADA')}"
    blocks = [
        *(plain(said, 99), preformatted(said), rich(said), button(said, "a")),
        messages.told("x", (Table(columns=(said, "b"), rows=((said, "c"),)),))(NEWER).blocks[1],
    ]
    for block in blocks:
        assert MARK not in json.dumps(block, ensure_ascii=False)
        assert "by U0ADA" in json.dumps(block)
    assert link("https://x", said) == "<https://x|by U0ADA>"


@pytest.mark.parametrize("forged", [f"{MARK}<@U0CLEO0001>", f"{MARK}<@slack:S0ONCALL01>", MARK])
def test_what_makes_a_mention_comes_in_by_no_door(forged: str) -> None:
    assert no_text(forged) == "U+FDD0"
    with pytest.raises(InvalidInput):
        bounded(f"lock acme {forged}")
    with pytest.raises(InvalidInput) as refused:
        REGISTRY.command("lock").parse({"instance": "acme", "reason": forged})
    assert MARK not in str(refused.value.as_json())
    for spelt in (json.dumps({"a": [forged]}), json.dumps({"a": [forged]}, ensure_ascii=False)):
        assert json_of_text(spelt.encode()) == {"a": [forged.replace(MARK, "")]}


def test_a_mention_that_is_cut_short_is_nobodys() -> None:
    assert mrkdwn(mention("slack:U0ADA")[:-3]) == "&lt;@slack:U0A"
    assert literal(mention("slack:U0ADA")[:-3]) == "<@slack:U0A"
    assert mrkdwn(f"{MARK} {MARK}<@x y>") == " &lt;@x y&gt;"


def test_vendors_json_is_text_and_emoji_stay() -> None:
    spelt = '{"a\\u0000": ["x\\u001b[2J", {"b": "\\ud83d\\ude00"}], "n": 7}'
    assert json_of_text(spelt.encode()) == {"a": ["x[2J", {"b": "😀"}], "n": 7}
