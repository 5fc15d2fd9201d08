"""What the bot says in answer: pure functions from answers and errors to Slack messages.

A renderer is called with the newer kinds of block that it may use.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from bot.blocks import (
    MOST_PREFORMATTED,
    MOST_VALUE,
    PLAIN,
    Block,
    Kinds,
    Message,
    Render,
    actions,
    button,
    clip,
    context,
    fields,
    link,
    mrkdwn,
    preformatted,
    section,
    sections,
)
from bot.charts import MOST_CHARTS, chart
from bot.tables import definitions, grid, is_prose, table
from engine.answer import (
    Answer,
    Chart,
    Code,
    Facts,
    Offer,
    Offers,
    Secrets,
    Table,
    Tail,
    Text,
)
from engine.command import Risk
from engine.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.answer import Part

DO = "do"
"""Action ids begin with it: the value is a command line to carry out."""
ONCE = "once"
"""The same, by a button whose message goes away once it is taken."""
FORM = "form"
"""The value is a command line to correct in a form."""
SHARE = "share"
"""The value is a command line whose answer everybody in the channel shall see."""
NARROW = 60
"""Characters that fit into half the width."""
OPEN = "open"
"""A link; Slack reports the click all the same."""


def answer(said: Answer, *, line: str = "", shared_by: str = "") -> Render:
    """An answer. `line` is the question; with it, an answer that is not private can be shared.

    `shared_by` is the user id of who put it before everybody.
    """

    def draw(newer: Kinds) -> Message:
        # A table at the top bears the title as its caption, unless it has one of its own.
        first = said.parts[0] if said.parts else None
        captioned = "data_table" in newer and _is_grid(first)
        blocks = [] if captioned else [section(f"*{mrkdwn(said.title)}*")]
        blocks += _parts(said.parts, newer, said.title if captioned else "")
        if shared_by:
            blocks.append(context(f"Shared by <@{shared_by}> · `/luthien {mrkdwn(line)}`"))
        elif line and not is_private(said) and len(line) <= MOST_VALUE:
            blocks += actions([button("Share here", SHARE, value=line)])
        return Message.of(in_words(said), _joined(blocks))

    return draw


def told(text: str, parts: tuple[Part, ...]) -> Render:
    """What is said to everybody without having been asked."""
    words = in_words(Answer(title=text, parts=parts))
    return lambda newer: Message.of(
        words, _joined([*sections(mrkdwn(text)), *_parts(parts, newer)])
    )


def overlong(said: Answer) -> str:
    """The text that a message would show only the end of; empty when there is none, or when it
    must not be kept."""
    if any(isinstance(part, Secrets) for part in said.parts):
        return ""
    texts = [part.text for part in said.parts if isinstance(part, Code)]
    return next((text for text in texts if len(text) > MOST_PREFORMATTED), "")


def is_private(said: Answer) -> bool:
    """Whether nobody but the asker may ever see it."""
    return said.private or any(isinstance(part, Secrets) for part in said.parts)


def in_words(said: Answer) -> str:
    """The whole answer as text, without secrets: for notifications and screen readers."""
    words = [said.title]
    for part in said.parts:
        match part:
            case Text():
                words.append(part.text)
            case Facts():
                words += [f"{fact.label}: {fact.value}" for fact in part.facts]
            case Table():
                rows = [" · ".join(filter(None, row)) for row in part.rows[:20]]
                words += rows or [part.empty]
            case Chart():
                words.append(part.title)
            case Code():
                words.append(part.title)
            case Secrets() | Offers() | Tail():
                pass
    return mrkdwn("\n".join(word for word in words if word))


def _parts(parts: tuple[Part, ...], newer: Kinds, caption: str = "") -> Iterator[Block]:
    """`caption` is for the first one; a heading right above a table becomes its caption. Slack
    takes few charts: the others come as numbers."""
    charts = iter(range(MOST_CHARTS))
    for part, after in itertools.zip_longest(parts, parts[1:]):
        if heading := _heading(part) if _is_grid(after) and "data_table" in newer else "":
            caption = heading
            continue
        may = newer if not isinstance(part, Chart) or next(charts, None) is not None else PLAIN
        yield from _part(part, caption, may)
        caption = ""


def _heading(part: Part) -> str:
    """Of a text that is one line and begins in bold; empty: it is none."""
    if not isinstance(part, Text) or "\n" in part.text or not part.text.startswith("*"):
        return ""
    return part.text.replace("*", "")


def _part(part: Part, caption: str, newer: Kinds) -> list[Block]:
    match part:
        case Text():
            return sections(mrkdwn(part.text))
        case Facts():
            return list(_facts(part))
        case Table():
            if not part.rows:
                return [section(mrkdwn(part.empty))]
            if is_prose(part):
                return definitions(part)
            if "data_table" in newer:
                return table(part, caption or _caption(part))
            heading = [section(f"*{mrkdwn(part.title)}*")] if part.title else []
            return [*heading, *grid(part)]
        case Chart():
            return chart(part, newer)
        case Code():
            heading = [section(f"*{mrkdwn(part.title)}*")] if part.title else []
            return [*heading, preformatted(part.text)]
        case Secrets():
            values = [
                section(f"*{mrkdwn(label)}*\n`{mrkdwn(value)}`") for label, value in part.values
            ]
            return [*values, *([context(mrkdwn(part.note))] if part.note else [])]
        case Offers():
            return offers(part.offers)
        case Tail():
            return []


def _is_grid(part: Part | None) -> bool:
    return isinstance(part, Table) and bool(part.rows) and not part.title and not is_prose(part)


def _facts(part: Facts) -> Iterator[Block]:
    """Short values side by side, long ones over the whole width."""
    row: list[str] = []
    for fact in part.facts:
        value = link(fact.url, fact.value) if fact.url else mrkdwn(fact.value) or "–"
        text = f"*{mrkdwn(fact.label)}*\n{value}"
        if len(fact.value) > NARROW:
            yield from fields(row)
            row = []
            yield from sections(text)
        else:
            row.append(text)
    yield from fields(row)


def _caption(part: Table) -> str:
    """What a table is about: its title, else its first telling column, of which there are many."""
    if part.title:
        return part.title
    return next((f"{column}s" for column in part.columns if len(column) > 1), "Table")


def offers(offered: tuple[Offer, ...]) -> list[Block]:
    """A row of buttons; what is offered too long for a button is left out."""
    return actions(offer_button(o) for o in offered if o.url or len(o.line) <= MOST_VALUE)


def offer_button(offer: Offer) -> Block:
    if offer.url:
        return button(offer.label, OPEN, url=offer.url, style=offer.style)
    if offer.form:
        return button(offer.label, FORM, value=offer.line, style=offer.style)
    return button(
        offer.label,
        f"{DO}:{offer.line.partition(' ')[0]}",
        value=offer.line,
        style=offer.style,
        confirm=offer.confirm,
    )


def _joined(blocks: list[Block]) -> Iterator[Block]:
    """Neighbouring rows of buttons become one, so that an answer ends in one row."""
    row: list[Block] = []
    for block in blocks:
        if block["type"] == "actions":
            row += block["elements"]
            continue
        yield from actions(row)
        row = []
        yield block
    yield from actions(row)


def at_work(line: str, waited: timedelta) -> Render:
    """A sign of life for whoever waits longer than a moment. In answer to a typed command it
    stays: Slack replaces only what was clicked, so it says nothing that stops being true."""
    asked = f"⏳ `/luthien {mrkdwn(clip(line, 200))}`"
    text = f"{asked} takes a moment; the answer comes by itself."
    if waited >= timedelta(seconds=2):
        text = f"{asked} takes longer than usual ({duration(waited)} so far); I am still at it."
    return lambda _: Message.of(text, [context(text)])


def cannot_speak(line: str, channel: str, bot_name: str) -> Render:
    """Nothing was started because its progress could not be told in the channel."""
    where = f"<#{channel}>" if channel else "the channel for this"
    what = f"🚫 I cannot post in {where} yet, so nothing was started."
    how = f"Invite me there with `/invite @{mrkdwn(bot_name)}`, then try again."
    offered = Offer(label="Try again", line=line, style="primary")
    return lambda _: Message.of(
        f"{what} {how}", [section(f"*{what}*\n{how}"), *offers((offered,))]
    )


def nowhere_to_speak(line: str) -> Render:
    """The wish came from outside of any channel, and none is set."""
    what = "🚫 I do not know in which channel to tell its progress, so nothing was started."
    how = (
        f"Type `/luthien {mrkdwn(clip(line, 200))}` in a channel where I am a member,"
        " or set `LUTHIEN_CHANNEL`."
    )
    return lambda _: Message.of(f"{what} {how}", [section(f"*{what}*\n{how}")])


def form_again(line: str, usage: str) -> Render:
    """Slack did not open the form in time."""
    what = "✏️ Something is missing, and Slack did not open the form for it."
    how = f"Type `/luthien {mrkdwn(usage)}`, or open the form again."
    row = actions([button("Open the form", FORM, value=line, style="primary")])
    return lambda _: Message.of(f"{what} {how}", [section(f"*{what}*\n{how}"), *row])


def understood(line: str, doubt: str = "") -> str:
    """How plain words were understood; `doubt` is the word for which nothing was begun."""
    said = f"I understood `{mrkdwn(clip(line, 200))}`."
    if doubt:
        return f"I read “{mrkdwn(doubt)}” in that, so I begin nothing. {said}"
    return said


def with_note(render: Render, note: str) -> Render:
    """The same message with a line of ready mrkdwn above it."""

    def draw(newer: Kinds) -> Message:
        said = render(newer)
        return Message.of(f"{note}\n{said.text}", [context(note), *said.blocks])

    return draw


def waits_for_a_click(line: str, risk: Risk, *, plan: bool) -> Render:
    """Plain words that would change something. `plan`: it can be looked at first."""
    what = f"I understood `/luthien {mrkdwn(clip(line, 200))}`."
    why = "That changes something, so it waits for your click."
    style: Literal["primary", "danger"] = "danger" if risk is Risk.REMOVES else "primary"
    offered = [Offer(label="Yes, do it", line=line, style=style)]
    if plan:
        offered.append(Offer(label="Show the plan first", line=f"{line} --plan"))
    row = actions(
        button(o.label, f"{ONCE}:{o.line.partition(' ')[0]}", value=o.line, style=o.style)
        for o in offered
        if len(o.line) <= MOST_VALUE
    )
    return lambda _: Message.of(f"{what} {why}", [section(f"*{what}*\n{why}"), *row])


def understood_in_part(usage: str, name: str) -> Render:
    """Plain words that leave open what is needed."""
    what = f"I understood `/luthien {mrkdwn(name)}`, but not about what."
    how = f"It is typed `/luthien {mrkdwn(usage)}`; in a thread about it you can leave that out."
    row = actions([button("Open the form", FORM, value=name, style="primary")])
    return lambda _: Message.of(f"{what} {how}", [section(f"*{what}*\n{how}"), *row])


def not_understood(said: str, nearest: tuple[str, ...]) -> Render:
    """Words that are no command; `nearest` are lines that may be meant and change nothing."""
    what = f"I did not understand “{mrkdwn(clip(said, 150))}”, so nothing was done."
    how = (
        "Say it like “what is wrong with acme?”, “logs of acme for the last hour” or"
        " “create acme”; or take one of these:"
    )
    row = offers(tuple(Offer(label=f"/luthien {line}", line=line) for line in nearest))
    return lambda _: Message.of(f"{what} {how}", [section(f"*{what}*\n{how}"), *row])


def sent_as_file() -> str:
    """Where the whole of a long answer is. Ready mrkdwn."""
    return "📎 These are its last lines; all of it is a file in our direct conversation."


def cut_short(why: str) -> str:
    """Why it is nowhere. Ready mrkdwn."""
    reason = f" ({mrkdwn(clip(why, 100))})" if why else ""
    return f"These are its last lines; Slack did not take the rest as a file{reason}."


def not_followed(channel: str, bot_name: str) -> str:
    """Ready mrkdwn."""
    return (
        f"I cannot post in <#{channel}>, so this is only what there is now."
        f" Invite me with `/invite @{mrkdwn(bot_name)}`, then follow it again."
    )


def cannot_explain() -> Render:
    """The shortcut was used on a message that is not about anything we know."""
    what = "🤷 This message is about no run and no instance that I know."
    how = (
        "I can explain what I post about a run (its message, a line of its thread, its result),"
        " and my messages with buttons for one instance."
    )
    row = offers(
        (Offer(label="/luthien runs", line="runs"), Offer(label="/luthien list", line="list"))
    )
    return lambda _: Message.of(f"{what} {how}", [section(f"*{what}*\n{how}"), *row])
