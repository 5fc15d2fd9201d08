"""How the bot says no: what, why, who can help, and the next command. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import grammar
from bot.blocks import (
    MOST_VALUE,
    Block,
    Message,
    Render,
    actions,
    button,
    context,
    mrkdwn,
    section,
    sections,
)
from bot.messages import FORM, OPEN, offer_button
from engine import errors
from engine.answer import Offer, explained
from engine.command import Risk
from engine.errors import InvalidInput, OpsError, RateLimited, SecretTyped, UnknownCommand
from engine.words import PROMPT, duration

if TYPE_CHECKING:
    from engine.registry import Registry


@dataclass(frozen=True)
class _Idiom:
    icon: str
    verdict: str
    """What this kind of error means for the world."""
    link: str = "Open it"


_UNCHANGED = "Nothing was changed."

IDIOMS: dict[type[OpsError], _Idiom] = {
    errors.OpsError: _Idiom("⚠️", ""),
    errors.Refused: _Idiom("🚫", _UNCHANGED),
    errors.InvalidInput: _Idiom("✏️", _UNCHANGED),
    errors.UnknownCommand: _Idiom("❓", _UNCHANGED),
    errors.NotAllowed: _Idiom("🔒", _UNCHANGED),
    errors.NotFound: _Idiom("🔎", _UNCHANGED),
    errors.AlreadyExists: _Idiom("🏷️", _UNCHANGED),
    errors.Locked: _Idiom("⏳", _UNCHANGED, link="Open its thread"),
    errors.PlanStale: _Idiom("🚫", _UNCHANGED),
    errors.Draining: _Idiom("🚫", _UNCHANGED),
    errors.TooManyRequests: _Idiom("⏳", _UNCHANGED),
    errors.NotConfigured: _Idiom("⚙️", _UNCHANGED),
    errors.SecretTyped: _Idiom("🔑", _UNCHANGED),
    errors.ProviderError: _Idiom("⚠️", ""),
    errors.Unreachable: _Idiom("📡", _UNCHANGED),
    errors.RateLimited: _Idiom("⏳", _UNCHANGED),
    errors.Rejected: _Idiom("⚠️", ""),
    errors.OutcomeUnknown: _Idiom("⚠️", "It is not known whether it was done: look first."),
}
"""Every class of error that a person can meet; a test proves that none is missing."""


def refusal(error: OpsError, registry: Registry, *, line: str = "") -> Render:
    """Say an error. `line` is what was typed; with it, near misses come as buttons."""
    idiom = IDIOMS[type(error)]
    why = " ".join(part for part in (error.why, error.who) if part)
    if isinstance(error, RateLimited):
        why = f"{why} Try again in {duration(error.retry_after)}.".strip()
    verdict = "" if "othing was" in why else idiom.verdict
    mended = _mended(error, line)
    following = _following(f"{PROMPT} {mended}" if mended else error.next_step)
    buttons = [*_fixes(error, registry, line), *_safe_step(error, registry)]
    if error.runbook:
        buttons.append(offer_button(explained(error.code)))
    if error.link:
        buttons.append(button(idiom.link, OPEN, url=error.link))
    below = " · ".join(part for part in (verdict, following) if part)
    blocks = [
        section(f"{idiom.icon} *{mrkdwn(error.summary)}*"),
        *sections(mrkdwn(why)),
        *([context(below)] if below else []),
        *actions(_distinct(buttons)),
    ]
    text = " ".join(
        part for part in (idiom.icon, mrkdwn(error.summary), mrkdwn(why), following) if part
    )
    return lambda _: Message.of(text, blocks)


def incident(number: str, line: str = "") -> Render:
    """Our own fault: the log has the stack trace under this number."""
    what = "Something went wrong on our side."
    detail = f"Incident `{number}`: the log has the reason under that number."
    after = f"Look before you repeat it: `{PROMPT} runs` shows what was started."
    again = [
        section(f"💥 *{what}*"),
        section(detail),
        context(after),
        *actions([offer_button(explained("bug"))]),
    ]
    return lambda _: Message.of(
        f"💥 {what} {detail} {after}" + (f" (`{PROMPT} {mrkdwn(line)}`)" if line else ""), again
    )


def _following(next_step: str) -> str:
    if not next_step:
        return ""
    return f"Next: `{mrkdwn(next_step)}`" if next_step[0] == "/" else f"Next: {mrkdwn(next_step)}"


def _mended(error: OpsError, line: str) -> str:
    """What was typed with the nearest command in the place of the unknown one."""
    if not isinstance(error, UnknownCommand) or not error.nearest:
        return ""
    words = line.split()
    wrong = next((i for i, word in enumerate(words) if word.lower() == error.typed.lower()), 0)
    return " ".join([*words[:wrong], error.nearest, *words[wrong + 1 :]])


def _fixes(error: OpsError, registry: Registry, line: str) -> list[Block]:
    """Buttons that mend what was typed; never with a secret in them."""
    if isinstance(error, SecretTyped):
        return _form_of(error, registry)
    if not line or len(line) > MOST_VALUE:
        return []
    if mended := _mended(error, line):
        return [offer_button(Offer(label=f"{PROMPT} {mended}", line=mended, style="primary"))]
    if isinstance(error, InvalidInput):
        try:
            grammar.read(line, registry, escaped=False)
        except OpsError:
            return []
        return [button("Correct it in a form", FORM, value=line, style="primary")]
    return []


def _form_of(error: SecretTyped, registry: Registry) -> list[Block]:
    """The form that takes the value instead."""
    line = error.next_step.removeprefix(PROMPT).strip()
    try:
        wish = grammar.read(line, registry, escaped=False)
    except OpsError:
        return []
    if not wish.command.has_form(wish.raw):
        return []
    return [button("Enter it in the form", FORM, value=line, style="primary")]


def _safe_step(error: OpsError, registry: Registry) -> list[Block]:
    """The next command as a button, where running it can do no harm."""
    line = error.next_step.removeprefix(PROMPT).strip()
    if not error.next_step.startswith(PROMPT):
        return []
    try:
        command = grammar.read(line, registry, escaped=False).parse()
    except OpsError:
        return []
    if command.risk is not Risk.READS:
        return []
    return [offer_button(Offer(label=f"{PROMPT} {line}".strip(), line=line or "help"))]


def _distinct(buttons: list[Block]) -> list[Block]:
    kept: dict[str, Block] = {}
    for element in buttons:
        kept.setdefault(element.get("value") or element.get("url", ""), element)
    return list(kept.values())
