"""What people type: names, repositories and branches, checked before any vendor is asked."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from pydantic import AfterValidator

INSTANCE_NAME_LIMIT = 63
"""Characters: the longest DNS label."""

_SUFFIX_CHARACTERS = 6


def _instance_name(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    if odd := re.sub(r"[A-Za-z0-9-]", "", text):
        raise ValueError(
            f"may hold only lowercase letters, digits and hyphens, not {_quoted(odd[0])}"
        )
    if text != text.lower():
        raise ValueError(f"must be lowercase, e.g. {text.lower()}")
    if not text[0].isalpha():
        raise ValueError("must start with a letter")
    if text.endswith("-"):
        raise ValueError("must not end with a hyphen")
    if "--" in text:
        raise ValueError("must not have two hyphens in a row")
    if len(text) > INSTANCE_NAME_LIMIT:
        raise ValueError(
            f"may have at most {INSTANCE_NAME_LIMIT} characters; this one has {len(text)}"
        )
    return text


def _known_name(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text.strip().lower()


def _repository(text: str) -> str:
    short = re.sub(r"^(https?://)?(www\.)?github\.com/", "", text.strip(), flags=re.IGNORECASE)
    short = short.removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"[A-Za-z0-9](-?[A-Za-z0-9])*/[A-Za-z0-9._-]+", short) or short.endswith(
        ("/.", "/..")
    ):
        raise ValueError("must be a GitHub repository as owner/name, e.g. acme/proxy")
    return short


def _branch(text: str) -> str:
    # The rules of `git check-ref-format --branch`.
    if not text or len(text.encode()) > 255:
        raise ValueError("must have 1 to 255 characters")
    if found := re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", text):
        raise ValueError(f"is not a branch name: it holds {_quoted(found.group())}")
    parts = text.split("/")
    if text.startswith("-") or text.endswith(".") or "" in parts or text == "@":
        raise ValueError("is not a branch name")
    if any(part.startswith(".") or part.endswith(".lock") for part in parts):
        raise ValueError("is not a branch name: a part starts with . or ends with .lock")
    return text


InstanceName = Annotated[str, AfterValidator(_instance_name)]
"""The name of an instance to be made."""

KnownInstance = Annotated[str, AfterValidator(_known_name)]
"""The name of an instance that may exist: looked up as it is, in lowercase."""

GitHubRepo = Annotated[str, AfterValidator(_repository)]
"""`owner/name`; an address at github.com is understood."""

Branch = Annotated[str, AfterValidator(_branch)]


def space_name(prefix: str, instance: str, limit: int) -> str:
    """The name of an instance's space: `prefix` + name, or, past the host's limit, the beginning
    of it and a suffix that is the same for the same name every time."""
    whole = prefix + instance
    if len(whole) <= limit:
        return whole
    digest = hashlib.sha256(instance.encode()).hexdigest()[:_SUFFIX_CHARACTERS]
    beginning = whole[: limit - _SUFFIX_CHARACTERS - 1].rstrip("-")
    return f"{beginning}-{digest}"


def may_be_shortened(name: str, limit: int) -> bool:
    """Whether a space's name could come out of `space_name` for a longer instance name."""
    ends_so = re.search(rf"-[0-9a-f]{{{_SUFFIX_CHARACTERS}}}$", name) is not None
    return ends_so and len(name) in (limit, limit - 1)


def _quoted(character: str) -> str:
    return "a space" if character == " " else f"`{character}`"
