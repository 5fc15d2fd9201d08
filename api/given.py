"""Values that the command line takes from files and from its input, so that they are typed
nowhere: `KEY=@file`, `KEY=-`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.secrecy import refuse_typed, secret_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.command import Command

_INPUT = "-"
_MOST_BYTES = 64 * 1024
"""What a host takes as one variable."""


def secrets_read(definition: type[Command], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with each `KEY=@file` and `KEY=-` of its lists, and each option that is `@file` or
    `-`, read into the field that is kept confidential. Raises InvalidInput for a file that cannot
    be read, SecretTyped for a secret among the arguments: the shell's history has them."""
    typed = [w for v in values.values() for w in ((v,) if isinstance(v, str) else _words(v))]
    if name := secret_in(word for word in typed if not _source(word)):
        raise refuse_typed(
            name,
            instead=f"Put the new one into a file and type `{name}=@file`, or `{name}=-` to give"
            " it as the command's input.",
            next_step=f"/luthien help {definition.name}",
        )
    field = definition.confidential()
    if not field:
        return dict(values)
    kept: dict[str, Any] = {}
    read: dict[str, str] = {}
    for parameter, value in values.items():
        if isinstance(value, str) and (value == _INPUT or value[:1] == "@"):
            read[parameter] = _content(value)
            continue
        if not isinstance(value, tuple):
            kept[parameter] = value
            continue
        sources = {word: _source(word) for word in value}
        kept[parameter] = tuple(word for word in value if not sources[word])
        for word in (word for word in value if sources[word]):
            read[word.partition("=")[0]] = _content(sources[word])
    return kept | ({field: read} if read else {})


def _words(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _source(word: str) -> str:
    """`@file` or `-`; empty when the word says its value itself."""
    name, equals, value = word.partition("=")
    return value if name and equals and (value == _INPUT or value[:1] == "@") else ""


def _content(source: str) -> str:
    path = source.removeprefix("@")
    try:
        if source == _INPUT:
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(path).expanduser().open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise _unreadable(source, f"It has more than {_MOST_BYTES // 1024} KiB.")
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unreadable(source, "It is no UTF-8 text.") from None
    except OSError as error:
        raise _unreadable(source, f"{error.strerror or type(error).__name__}.") from None


def _unreadable(source: str, why: str) -> InvalidInput:
    what = "The command's input" if source == _INPUT else f"The file {source.removeprefix('@')}"
    return InvalidInput(
        f"{what} cannot be read.",
        why=f"{why} Nothing was done.",
        who="You can name another file.",
        next_step="/luthien help config",
    )
