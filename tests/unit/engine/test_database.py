from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import NotConfigured
from engine.store.database import open_database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:secret@127.0.0.1:1/x",
        "postgresql+psycopg://ada:secret@127.0.0.1:1/x",
        "sqlite+aiosqlite:///{folder}",
        "sqlite+aiosqlite:///{folder}/file/x.db",
        "sqlite+aiosqlite:///{folder}/file",
    ],
)
async def test_a_database_that_cannot_be_opened_is_refused_in_our_words(
    tmp_path: Path, url: str
) -> None:
    (tmp_path / "file").write_text("no database, " * 99)
    with pytest.raises(NotConfigured, match="cannot be opened") as refused:
        await open_database(url.format(folder=tmp_path)).migrate()
    assert refused.value.why
    assert ("a copy" if url.startswith("sqlite") else "DATABASE_URL") in refused.value.who
    assert "secret" not in str(refused.value)
