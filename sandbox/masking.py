"""Keeps secrets out of the journal."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "***"
ANSWER_LIMIT = 2_000
"""Characters of an answer that the journal keeps."""

SECRET_KEY = re.compile(
    r"token|secret|passw|credential|authorization|api_?key|private_?key|_key$|_dsn$"
    r"|(database|redis|postgres|webhook|response)_?url$",
    re.IGNORECASE,
)
VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|PORT|PGHOST|PG[A-Z]+|REDIS[A-Z]+")
"""An environment variable: its value is hidden whatever it is called."""
NOT_SECRET = frozenset({"projecttoken", "max_tokens", "input_tokens", "output_tokens"})
WORD = re.compile(r"[A-Za-z0-9_\-]{12,}")
VENDOR_TOKEN = re.compile(
    r"\b(?:xox[a-z]-[\w-]+|xapp-[\w-]+|sandbox-(?:account|workspace|project)\b)"
)


def looks_secret(name: str) -> bool:
    """Whether a key or variable of this name is likely to hold a secret."""
    return name.lower() not in NOT_SECRET and SECRET_KEY.search(name) is not None


class Mask:
    """Hides values by the name they stand under, and known secrets wherever they occur."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def learn(self, secret: str) -> None:
        """From now on hide this value's long words in any text."""
        self._seen.update(WORD.findall(secret))

    def learn_variables(self, variables: Mapping[str, str]) -> None:
        """Learn the values of those variables whose name says that they are secret."""
        for name, value in variables.items():
            if looks_secret(name) and "${{" not in value:
                self.learn(value)

    def text(self, text: str) -> str:
        text = VENDOR_TOKEN.sub(HIDDEN, text)
        return WORD.sub(lambda found: HIDDEN if found[0] in self._seen else found[0], text)

    def value(self, value: Any, *, hide: bool = False) -> Any:
        """A copy with every secret replaced; containers keep their shape."""
        if isinstance(value, dict):
            named = {"name", "value"} <= value.keys()
            return {
                key: self.value(item, hide=hide or _hides(str(key)) or (named and key == "value"))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(item, hide=hide) for item in value]
        if hide and value is not None and not isinstance(value, bool):
            return HIDDEN
        return self.text(value) if isinstance(value, str) else value

    def answer(self, body: bytes) -> str:
        """A short, masked rendering of an answer's body."""
        try:
            decoded = json.loads(body)
        except ValueError:
            shown = self.text(body.decode("utf-8", "replace"))
        else:
            shown = json.dumps(self.value(decoded), ensure_ascii=False)
        return shown if len(shown) <= ANSWER_LIMIT else shown[:ANSWER_LIMIT] + "…"


def _hides(key: str) -> bool:
    return looks_secret(key) or VARIABLE_NAME.fullmatch(key) is not None
