from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.given import secrets_read
from commands.config import Config
from commands.list import ListInstances
from engine.errors import InvalidInput, SecretTyped

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_read_into_the_confidential_field(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-ant-from-a-file\n")
    given = {"instance": "acme", "what": "set"}
    words = ("LOG_LEVEL=debug", f"ANTHROPIC_API_KEY=@{file}")
    read = secrets_read(Config, {**given, "variables": words})
    assert read == {
        **given,
        "variables": ("LOG_LEVEL=debug",),
        "sealed": {"ANTHROPIC_API_KEY": "sk-ant-from-a-file"},
    }


def test_a_command_without_secrets_is_left_as_it_is() -> None:
    assert secrets_read(ListInstances, {"words": ("a=@b",)}) == {"words": ("a=@b",)}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        secrets_read(Config, {"variables": (f"KEY=@{tmp_path}/nothing",)})


def test_a_secret_among_the_arguments_is_refused() -> None:
    with pytest.raises(SecretTyped, match="ANTHROPIC_API_KEY"):
        secrets_read(Config, {"variables": ("ANTHROPIC_API_KEY=sk-ant-abc",)})


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("x" * (64 * 1024 + 1))
    with pytest.raises(InvalidInput, match="more than 64 KiB"):
        secrets_read(Config, {"variables": (f"KEY=@{tmp_path}/value",)})
