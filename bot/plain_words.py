"""Plain words as commands: "what's wrong with acme?" is `status acme`. Pure; nothing is guessed.

A change is understood only when a sentence holds nothing but the order: one word too many (don't,
if, should, maybe, a quote, a question mark) and it is answered with that command's help instead.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bot import grammar
from bot.grammar import Wish
from bot.phrasebook import (
    DOUBTS,
    FILLERS,
    NO_NAMES,
    OF,
    PHRASES,
    PRONOUNS,
    SHOW,
    VERBS,
    Phrase,
)
from engine.command import Change, Risk
from engine.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.command import Command
    from engine.registry import Registry
    from engine.rights import Rights


@dataclass(frozen=True)
class Topic:
    """What a conversation is about; empty where that is not known."""

    run: str = ""
    instance: str = ""


@dataclass(frozen=True)
class Heard:
    """`wish` is what was understood; None: nothing was, and `nearest` may be meant.

    `doubt` is the word for which a change was not taken as one: the wish is its help then.
    """

    wish: Wish | None = None
    doubt: str = ""
    nearest: tuple[str, ...] = ()


def changes(wish: Wish) -> bool:
    """Whether carrying it out would change anything; in doubt it would."""
    if wish.plan_only:
        return False
    if not issubclass(wish.command, Change):
        return wish.command.risk is not Risk.READS
    try:
        return not wish.parse().reads
    except OpsError:
        return True


def hear(text: str, registry: Registry, rights: Rights, topic: Topic) -> Heard:
    """What somebody means who says this. `text` is as people see it, without Slack's escapes and
    without the mention of the bot."""
    said = _tidy(text)
    if not said:
        return Heard(Wish(registry.command("help")))
    phrase = _phrase(said, registry, topic)
    wish = phrase or _line(said, registry, topic)
    doubt = _doubt(said, typed=wish is not None and phrase is None)
    if wish is not None and not (doubt and changes(wish)):
        return Heard(wish)
    about = wish.command if wish else _subject(said, registry)
    if doubt and about is not None:
        help_ = registry.command("help")
        return Heard(Wish(help_, {help_.parameters()[0].name: about.name}), doubt=doubt)
    return Heard(nearest=_nearest(said, registry, rights, topic))


# Words

_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "`": "'", "´": "'"})
_SPACES = re.compile(r"\s+")
_END = " .!?,;:…"
_OPENING = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|well|so|now|just|please|pls|kindly|luthien|bot)\b(?! *$)"
    r"|(?:can|could|will|would) you(?: please| kindly)?\b"
    r"|(?:i|we) want(?: you)? to\b|i need you to\b|(?:i|we)(?:'d| would) like(?: you)? to\b"
    r"|let'?s\b|let us\b|go ahead and\b)[\s,:!]*"
)
_ENDING = re.compile(
    r"(?<![\s,])[\s,]+(?:please|pls|kindly|thanks|thank you|thx|now|right now|asap|for (?:me|us)"
    r"|luthien)$"
)
_REQUEST = re.compile(r"^(?:please |pls )?(?:can|could|will|would) you\b")
_CONTRACTED = re.compile(r"\b(what|how|who|where|when|why|it|that|here)'s\b")
_NOUNS = re.compile(
    r"(?<![\w-])(?:the|a|an|my|our|your)(?![\w-])|(?<![\w-])(?:instance|gateway)(?= [a-z])"
    r"|(?<=[a-z0-9]) (?:instance|gateway)(?![\w-])"
)
_POSSESSIVE = re.compile(r"(?<=[a-z0-9])'s? (?=[a-z])")


def _tidy(text: str) -> str:
    """One line, apostrophes straight."""
    return _SPACES.sub(" ", text.translate(_APOSTROPHES)).strip()


def _polite(said: str) -> str:
    """Without the words that are only manners."""
    while (rest := _OPENING.sub("", said)) != said and rest:
        said = rest
    said = said.rstrip(_END)
    while (rest := _ENDING.sub("", said)) != said and rest:
        said = rest.rstrip(_END)
    return said


def _bare(said: str) -> str:
    """What phrases are compared with."""
    words = _CONTRACTED.sub(r"\1 is", _polite(said.lower()))
    words = _POSSESSIVE.sub(" ", words)
    return _SPACES.sub(" ", _NOUNS.sub("", words)).strip()


_NEGATED = re.compile(
    r"(?<!\w)\w+n't$|^(?:do|does|did|ca|wo|would|could|should|is|are|was|were|must)nt$"
)
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_QUOTE = re.compile(r"[\"“”„«»‹›~]|^>|(?<!\w)'|'(?!\w)")
_PLAIN = re.compile(r"[\x20-\x7e]+")


def _doubt(said: str, *, typed: bool) -> str:
    """What in a sentence makes it no order, or nothing. In a command line, `typed`, quotes are
    syntax and values may hold anything."""
    low = said.lower()
    polite = _polite(low)
    verbs = {stem for word in VERBS for stem in _past(word)}
    for word in map(str, _WORD.findall(polite)):
        if word in DOUBTS or _NEGATED.search(word) or word in verbs or _is_past(word):
            return word
    if "?" in low and not (_REQUEST.match(low) and low.index("?") == len(low) - 1):
        return "?"
    if typed:
        return ""
    if found := _QUOTE.search(said):
        return found.group()
    return "" if _PLAIN.fullmatch(said) else next(c for c in said if not _PLAIN.fullmatch(c))


_ORDERS = ("create", "delete", "redeploy", "restart", "rollback", "cancel", "retry", "approve")


@cache
def _past(verb: str) -> tuple[str, ...]:
    stem = verb.removesuffix("e")
    return (f"{stem}ed", f"{stem}{stem[-1]}ed", f"{stem}ing", f"{stem}{stem[-1]}ing")


def _is_past(word: str) -> bool:
    forms = {form for verb in _ORDERS for form in _past(verb)}
    return word in forms


# Phrases

_NAME = rf"(?!(?:{'|'.join(sorted(NO_NAMES))})(?![a-z0-9-]))[a-z][a-z0-9-]*"
_UNITS = "s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?"
_NUMBERS = {
    word: number
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1
    )
}
_SPAN = rf"(?:\d{{1,6}}|{'|'.join(_NUMBERS)})? ?(?:{_UNITS})"
_SLOT = re.compile(r"\{(\w+)\}")


def _phrase(said: str, registry: Registry, topic: Topic) -> Wish | None:
    """The first phrase that says all it needs, else the first that leaves something open."""
    words, unfinished = _bare(said), None
    for pattern, command, fixed in _book(registry):
        if (found := pattern.fullmatch(words)) is None:
            continue
        raw: dict[str, object] = dict(fixed)
        for name, value in found.groupdict().items():
            if value is None:
                continue
            if name == "since":
                raw[name] = _span(value)
            elif name == "command":
                if (meant := _named(value, registry)) is None:
                    break
                raw[name] = meant.name
            elif value in PRONOUNS:
                continue  # what the thread is about
            else:
                raw[name] = value
        else:
            wish = Wish(command, _filled(command, raw, topic))
            if all(p.name in wish.raw for p in command.parameters() if p.required):
                return wish
            unfinished = unfinished or wish
    return unfinished


def _span(words: str) -> str:
    """`two hours` as `2h`."""
    number, unit = re.fullmatch(rf"(\d+|[a-z]+(?= ))? ?({_UNITS})", words).groups()  # type: ignore[union-attr] # it matched the slot
    count = _NUMBERS.get(number or "one", number)
    return f"{count}{unit[0]}"


@cache
def _book(
    registry: Registry,
) -> tuple[tuple[re.Pattern[str], type[Command], Mapping[str, object]], ...]:
    known = {command.name: command for command in registry.commands}
    book = []
    for phrase in [*_by_name(registry), *PHRASES]:
        command = known.get(phrase.command)
        if command is None:
            continue
        fields = {parameter.name for parameter in command.parameters()}
        if not {*_SLOT.findall(phrase.says), *phrase.fields} <= fields:
            continue
        book.append((re.compile(_SLOT.sub(_slot, phrase.says)), command, phrase.fields))
    return tuple(book)


def _slot(match: re.Match[str]) -> str:
    shape = _SPAN if match[1] == "since" else _NAME
    return f"(?P<{match[1]}>{shape})"


def _by_name(registry: Registry) -> Iterator[Phrase]:
    """Every command by its own name, with what it is about."""
    for command in registry.commands:
        first = next((p for p in command.parameters() if p.argument), None)
        name = command.name.replace("-", "[ -]")
        slot = f"{{{first.name}}}" if first and first.completes and not first.many else ""
        if command.risk is Risk.READS and not issubclass(command, Change):
            yield Phrase(
                f"{SHOW}{name}" + (f"(?:(?: {OF})? {slot})?" if slot else ""), command.name
            )
            if slot and first and first.completes == "instance":
                yield Phrase(f"{SHOW}{slot} {name}", command.name)
        else:
            yield Phrase(name + (f"(?: {slot})?" if slot else ""), command.name)


# Command lines


def _line(said: str, registry: Registry, topic: Topic) -> Wish | None:
    """A command line as it would be typed after `/luthien`."""
    typed = said.rstrip(_END)
    first = typed.partition(" ")[0].lower()
    if not any(first == c.name for c in registry.commands) and first != "/luthien":
        return None
    try:
        wish = grammar.read(typed, registry, escaped=False)
    except OpsError:
        return None
    values = [
        str(v).lower()
        for value in wish.raw.values()
        for v in (value if isinstance(value, list) else [value])
    ]
    if any(value in FILLERS or "?" in value for value in values):
        return None
    return Wish(wish.command, _filled(wish.command, wish.raw, topic), wish.plan_only, wish.patient)


def _filled(
    command: type[Command], raw: Mapping[str, object], topic: Topic
) -> Mapping[str, object]:
    """What is needed and was not said is what the conversation is about."""
    known = {"instance": topic.instance, "run": topic.run or topic.instance}
    filled = dict(raw)
    for parameter in command.parameters():
        value = known.get(parameter.completes or "")
        if parameter.required and parameter.name not in filled and value:
            filled[parameter.name] = value
    return filled


# What may be meant


def _named(word: str, registry: Registry) -> type[Command] | None:
    """The command that a word names, whatever its ending."""
    known = {command.name: command for command in registry.commands}
    for stem in dict.fromkeys((word, *_stems(word))):
        name = VERBS.get(stem, stem)
        if name in known:
            return known[name]
    return None


def _stems(word: str) -> Iterator[str]:
    """`deleted`, `deleting`, `rolls`: what they come from."""
    for ending in ("s", "es", "d", "ed", "ing"):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            yield stem
            yield f"{stem}e"
            if stem[-2:-1] == stem[-1:]:
                yield stem[:-1]


def _subject(said: str, registry: Registry) -> type[Command] | None:
    """The command that a sentence is about; one that changes something before others."""
    named = [found for word in _WORD.findall(said.lower()) if (found := _named(word, registry))]
    acting = [c for c in named if changes(Wish(c))]
    return next(iter([*acting, *named]), None)


def _nearest(said: str, registry: Registry, rights: Rights, topic: Topic) -> tuple[str, ...]:
    """Lines that may be meant, among those that one may use; changes only as their help."""
    may = {c.name: c for c in registry.commands if rights.use(c)}
    found: dict[str, None] = {}
    for word in _WORD.findall(said.lower())[:30]:
        direct = _named(word, registry)
        close = [direct.name] if direct else difflib.get_close_matches(word, may, n=1, cutoff=0.72)
        found |= dict.fromkeys(name for name in close if name in may)
    lines = [_as_line(may[name], topic) for name in found][:3]
    rest = ["status"] if topic.instance else []
    rest += ["list", "help"]
    lines += [_as_line(may[name], topic) for name in rest if name in may]
    return tuple(dict.fromkeys(lines))


def _as_line(command: type[Command], topic: Topic) -> str:
    if changes(Wish(command)):
        return f"help {command.name}"
    raw = _filled(command, {}, topic)
    try:
        return command.parse(raw).line()
    except OpsError:
        return f"help {command.name}"
