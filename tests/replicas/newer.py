"""Another version of the code: a copy of this checkout in which something stored means something
else."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "app", "blueprints", "bot", "commands", "engine", "providers", "scheduler")
ALSO = ("manifest.json",)
MIGRATIONS = "engine/store/migrations/versions"
IN_THE_NEW_WAY = "Mark it ready, in the new way"


def newer_version(folder: Path) -> Path:
    """A create ends in a step that the version before does not know, and knows that one's step no
    more; a part of the database is new. Everything else is as it was."""
    for package in (*PACKAGES, "sandbox"):
        shutil.copytree(HERE / package, folder / package, ignore=_compiled)
    for name in ALSO:
        shutil.copy(HERE / name, folder / name)
    last = folder / "commands/steps/mark_ready.py"
    _edit(last, 'ClassVar[str] = "mark_ready"', 'ClassVar[str] = "mark_ready_in_the_new_way"')
    _edit(last, '    full_name: str = ""\n', '    full_name: str = ""\n    way: str = "new"\n')
    _edit(last, "Mark it ready", IN_THE_NEW_WAY)
    before = max(p.name[:4] for p in (folder / MIGRATIONS).glob("[0-9]*.py"))
    (folder / MIGRATIONS / "9999_newer.py").write_text(_MIGRATION.format(before=before))
    return folder


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} is not what it was when this was written"
    file.write_text(text.replace(old, new))


def _compiled(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


_MIGRATION = '''"""Something more"""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("newer", sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column("runs", sa.Column("newer", sa.Text(), nullable=True))
'''
