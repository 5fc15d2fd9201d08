"""Sealed values."""

from __future__ import annotations

import pytest

from engine.errors import NotConfigured
from engine.secrets import generate_key, parse_keys


def test_a_sealed_value_opens_only_under_its_own_name() -> None:
    keys = parse_keys(generate_key())
    sealed = keys.seal("s3cret", about="one")
    assert b"s3cret" not in sealed
    assert keys.open(sealed, about="one") == "s3cret"
    with pytest.raises(NotConfigured, match="cannot be opened"):
        keys.open(sealed, about="two")


def test_a_damaged_value_does_not_open() -> None:
    keys = parse_keys(generate_key())
    sealed = bytearray(keys.seal("s3cret", about="one"))
    sealed[-1] ^= 1
    with pytest.raises(NotConfigured):
        keys.open(bytes(sealed), about="one")


def test_after_a_rotation_old_values_still_open_and_new_ones_use_the_new_key() -> None:
    old, new = generate_key(), generate_key()
    sealed = parse_keys(old).seal("s3cret", about="one")
    both = parse_keys(f"{new},{old}")
    assert both.open(sealed, about="one") == "s3cret"
    assert parse_keys(new).open(both.seal("again", about="one"), about="one") == "again"
    with pytest.raises(NotConfigured):
        parse_keys(new).open(sealed, about="one")


@pytest.mark.parametrize("text", ["", "short", "not base64 ***", "QUJD"])
def test_a_malformed_key_is_refused_with_the_way_to_make_one(text: str) -> None:
    with pytest.raises(NotConfigured, match="LUTHIEN_MASTER_KEY is malformed") as refused:
        parse_keys(text)
    assert "python -c" in refused.value.next_step
