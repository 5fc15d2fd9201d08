"""What a person types after `/luthien`, understood: words, options, quotes, Slack's own escapes.

People type on phones, so a dash that a keyboard made long counts as `--`, quotes may be curly and
spaces may not break. Pure: text in, wish out.
"""

from __future__ import annotations

import difflib
import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.characters import no_text
from engine.command import Change, Command, Parameter
from engine.errors import InvalidInput
from engine.invalid_input import check_length
from engine.words import PROMPT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.registry import Registry

PLAN = "--plan"
"""Universal: show what a change would do, and stop."""
NO_WAIT = "--no-wait"
"""Universal: refuse a change when something else is changing the same, instead of waiting."""
HELP = ("--help", "-h")
_WHO = "You can type it again."
LONGEST_LINE = 4_000
"""Characters; what Slack advises for a message, and far more than anybody types in one line."""

_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“”", "«": "»", "‘": "’", "‚": "‘’"}
"""Opening quote → what closes it. Curly ones come from phones and text editors."""
_LONG_DASHES = "—–―‒−"
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))

_ESCAPE = re.compile(r"<(?P<sigil>[@#!]?)(?P<target>[^<>|\s]+)(?:\|(?P<label>[^<>]*))?>")
"""Source: Slack docs, slash commands, `should_escape` (users, channels, links)."""


@dataclass(frozen=True)
class Wish:
    """A command line before validation: the command and its raw fields."""

    command: type[Command]
    raw: Mapping[str, object] = field(default_factory=dict)
    plan_only: bool = False
    patient: bool = True
    """It may wait in line."""

    def parse(self) -> Command:
        """Raises InvalidInput with a reason per field."""
        return self.command.parse(self.raw)


@dataclass(frozen=True)
class _Word:
    text: str
    quoted: bool = False
    """It began with a quote, so it is never an option."""


def read(text: str, registry: Registry, *, escaped: bool = True) -> Wish:
    """Understand one command line; an empty one asks for help.

    `escaped` says that Slack escaped the text (typed commands; not our buttons' values).
    Raises UnknownCommand with the nearest one, InvalidInput for what has no place.
    """
    words = split(unescape(text) if escaped else text)
    if words and words[0].text.lower() == PROMPT:
        words = words[1:]
    if not words or (words[0].text.lower() in HELP and not words[0].quoted):
        words = [_Word("help"), *words[1:]]
    command = registry.command(words[0].text or "help")
    rest = words[1:]
    if any(word.text.lower() in HELP and not word.quoted for word in rest):
        return Wish(registry.command("help"), _first_argument(registry.command("help"), command))
    return _assign(command, rest)


def unescape(text: str) -> str:
    """Slack's escapes as people meant them: ids for users and channels, links as typed."""
    return html.unescape(_ESCAPE.sub(_meant, text))


def _meant(match: re.Match[str]) -> str:
    sigil, target, label = match["sigil"], match["target"], match["label"]
    if sigil == "!":
        return target.rpartition("^")[2]
    if sigil:
        return target
    typed = label or ""
    # An automatic link carries what was typed as its label; any other label is decoration.
    return typed if typed and target.rstrip("/").endswith(typed.rstrip("/")) else target


def bounded(text: str) -> str:
    """The same. Raises InvalidInput for more than anybody types, and for what nobody can type,
    before it is understood."""
    form = "Long values are entered in the command's form."
    check_length(text, LONGEST_LINE, instead=form)
    if odd := no_text(text):
        raise InvalidInput(
            f"This holds a character that is no text ({odd}).",
            why="Control characters and the like can be in no command. Nothing was done.",
            who=_WHO,
            next_step="/luthien help",
        )
    return text


def split(text: str) -> list[_Word]:
    """Words; quoted ones whole. Raises InvalidInput when a quote is not closed."""
    text = text.translate(_ZERO_WIDTH).strip()
    words: list[_Word] = []
    at = 0
    while at < len(text):
        word, at = _next_word(text, at)
        words.append(word)
        while at < len(text) and text[at].isspace():
            at += 1
    return words


def _next_word(text: str, at: int) -> tuple[_Word, int]:
    """The word that begins here, and where it ends."""
    if text[at] in _QUOTES:
        inside, at = _quoted(text, at)
        return _Word(inside, quoted=True), at
    start = at
    while at < len(text) and not text[at].isspace():
        if text[at] in _QUOTES and text[at - 1] == "=" and _names(text[start:at]):
            inside, end = _quoted(text, at)
            return _Word(_dashed(text[start:at]) + inside), end
        at += 1
    return _Word(_dashed(text[start:at])), at


def _names(word: str) -> bool:
    """`--option=`, `KEY=`: a quoted value follows."""
    return _dashed(word).startswith("--") or word[:-1].isupper()


def _quoted(text: str, at: int) -> tuple[str, int]:
    closing = _QUOTES[text[at]]
    for end in range(at + 1, len(text)):
        at_end = end + 1 == len(text) or text[end + 1].isspace()
        if text[end] in closing and at_end:
            return text[at + 1 : end], end + 1
    raise InvalidInput(
        f"The quote before `{_clip(text[at + 1 :])}` is never closed.",
        why="Everything after a quote belongs to it until the same quote comes again.",
        who=_WHO,
        next_step="/luthien help",
    )


def _dashed(word: str) -> str:
    """`—plan` is what a phone makes of `--plan`."""
    bare = word.lstrip(_LONG_DASHES)
    return f"--{bare}" if bare and bare != word and bare[0].isalpha() else word


def _first_argument(command: type[Command], value: type[Command]) -> dict[str, object]:
    first = next((p for p in command.parameters() if p.argument), None)
    return {first.name: value.name} if first else {}


def _assign(command: type[Command], words: Sequence[_Word]) -> Wish:
    options = {p.option: p for p in command.parameters() if not p.argument}
    positional = [p for p in command.parameters() if p.argument]
    raw: dict[str, object] = {}
    plan_only, patient, only_values = False, True, False
    pending = list(words)
    while pending:
        word = pending.pop(0)
        if word.text == "--" and not word.quoted and not only_values:
            only_values = True
        elif word.text.startswith("--") and not word.quoted and not only_values:
            name, equals, value = word.text.partition("=")
            name = name.lower()
            verbatim = next((p for p in positional if p.verbatim), None)
            if verbatim and name not in options:
                _put(raw, verbatim, word.text)
            elif name == PLAN and PLAN not in options:
                plan_only = _universal(command, PLAN, word.text)
            elif name == NO_WAIT and NO_WAIT not in options:
                patient = not _universal(command, NO_WAIT, word.text)
            elif name not in options:
                raise _unknown_option(command, name, options)
            elif options[name].flag:
                raw[options[name].name] = value if equals else True
            else:
                parameter = options[name]
                if not equals:
                    value = _value_of(command, parameter, pending)
                _put(raw, parameter, value)
        else:
            _put(raw, _place(command, positional, raw, word.text), word.text)
    return Wish(command, raw, plan_only, patient)


_POINTLESS = {
    PLAN: "changes nothing, so there is no plan to show.",
    NO_WAIT: "changes nothing, so it never waits.",
}


def _universal(command: type[Command], option: str, typed: str) -> bool:
    """True: it is there."""
    if not issubclass(command, Change):
        raise InvalidInput(
            f"`{command.name}` {_POINTLESS[option]}",
            fields={option.lstrip("-"): "is for commands that change something"},
            why=f"`{option}` is for commands that change something.",
            who=_WHO,
            next_step=f"/luthien {command.name}",
        )
    if typed.lower() != option:
        raise InvalidInput(
            f"`{option}` takes no value.",
            why="It is there or it is not.",
            who=_WHO,
            next_step=f"/luthien help {command.name}",
        )
    return True


def _value_of(command: type[Command], parameter: Parameter, pending: list[_Word]) -> str:
    if not pending or (pending[0].text.startswith("--") and not pending[0].quoted):
        raise InvalidInput(
            f"`{parameter.option}` needs a value after it.",
            fields={parameter.name: "needs a value"},
            why=f"It says: {parameter.description}.",
            who=_WHO,
            next_step=f"/luthien help {command.name}",
        )
    return pending.pop(0).text


def _place(
    command: type[Command], positional: Sequence[Parameter], raw: Mapping[str, object], text: str
) -> Parameter:
    for parameter in positional:
        if parameter.many or parameter.name not in raw:
            return parameter
    raise InvalidInput(
        f"`{command.name}` has no place for `{_clip(text)}`.",
        why=f"It is typed like this: `{command.usage()}`. A value with spaces needs quotes.",
        who=_WHO,
        next_step=f"/luthien help {command.name}",
    )


def _put(raw: dict[str, object], parameter: Parameter, value: str) -> None:
    if parameter.many:
        known = raw.setdefault(parameter.name, [])
        assert isinstance(known, list)  # noqa: S101 - only lists are put under such a name
        known.append(value)
    else:
        raw[parameter.name] = value


def _unknown_option(
    command: type[Command], name: str, options: Mapping[str, Parameter]
) -> InvalidInput:
    known = [*options, *([PLAN, NO_WAIT] if issubclass(command, Change) else [])]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    listed = ", ".join(f"`{option}`" for option in known)
    return InvalidInput(
        f"`{command.name}` has no option `{_clip(name)}`."
        + (f" Did you mean `{nearest[0]}`?" if nearest else ""),
        why=f"Its options are {listed}." if known else "It takes no options.",
        who=_WHO,
        next_step=f"/luthien help {command.name}",
    )


def _clip(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
