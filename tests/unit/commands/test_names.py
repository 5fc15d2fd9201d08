from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from commands.names import Branch, GitHubRepo, InstanceName, may_be_shortened, space_name

NAME = TypeAdapter(InstanceName)
REPO = TypeAdapter(GitHubRepo)
BRANCH = TypeAdapter(Branch)


@pytest.mark.parametrize("name", ["a", "acme", "a1", "acme-eu-1", "x" * 63])
def test_good_names(name: str) -> None:
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("Acme", "must be lowercase, e.g. acme"),
        ("acme corp", "not a space"),
        ("acme_eu", "not `_`"),
        ("café", "not `é`"),
        ("1acme", "start with a letter"),
        ("-acme", "start with a letter"),
        ("acme-", "end with a hyphen"),
        ("acme--eu", "two hyphens"),
        ("x" * 64, "at most 63 characters; this one has 64"),
    ],
)
def test_bad_names_say_why(name: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        NAME.validate_python(name)


@pytest.mark.parametrize(
    ("typed", "repo"),
    [
        ("acme/proxy", "acme/proxy"),
        ("https://github.com/acme/proxy", "acme/proxy"),
        ("https://github.com/acme/proxy.git", "acme/proxy"),
        ("github.com/acme/my.proxy_2/", "acme/my.proxy_2"),
    ],
)
def test_repositories(typed: str, repo: str) -> None:
    assert REPO.validate_python(typed) == repo


@pytest.mark.parametrize(
    "typed", ["proxy", "acme/", "/proxy", "a/b/c", "acme/..", "-a/b", "a b/c", "gitlab.com/a/b"]
)
def test_not_repositories(typed: str) -> None:
    with pytest.raises(ValidationError, match="owner/name"):
        REPO.validate_python(typed)


@pytest.mark.parametrize("branch", ["main", "feature/x", "v1.2", "a_b-c", "release-2026"])
def test_branches(branch: str) -> None:
    assert BRANCH.validate_python(branch) == branch


@pytest.mark.parametrize(
    "branch",
    ["", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a/", "/a", "a//b", ".a", "a.lock", "a.", "@"],
)
def test_not_branches(branch: str) -> None:
    with pytest.raises(ValidationError):
        BRANCH.validate_python(branch)


def test_a_short_name_is_kept_whole() -> None:
    assert space_name("luthien-", "acme", 32) == "luthien-acme"
    assert space_name("luthien-", "x" * 24, 32) == "luthien-" + "x" * 24


LETTERS = string.ascii_lowercase + string.digits
NAMES = st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=6).map(
    lambda parts: ("a" + "-".join(parts))[:63].rstrip("-")
)


@given(NAMES)
def test_a_shortened_name_fits_is_stable_and_recognised(name: str) -> None:
    short = space_name("luthien-", name, 32)
    assert len(short) <= 32
    assert short == space_name("luthien-", name, 32)
    assert not short.endswith("-")
    assert "--" not in short
    if short != f"luthien-{name}":
        assert may_be_shortened(short, 32)


@given(NAMES, NAMES)
def test_two_names_never_share_a_space(one: str, other: str) -> None:
    same = space_name("luthien-", one, 32) == space_name("luthien-", other, 32)
    assert same == (one == other)
